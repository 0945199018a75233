from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from nuscenes.nuscenes import NuScenes
from nuscenes.utils.data_classes import LidarPointCloud
from nuscenes.utils.geometry_utils import view_points
from occ_pipeline.pipeline.sample import MARKER, CameraTruth, write_nuscenes_sample
from occ_pipeline.pipeline.sample.bvh import DEPTH, closest, plant
from occ_pipeline.pipeline.sample.labels import CATEGORIES, CLASS_IDS
from occ_pipeline.pipeline.sample.rig import CAMERAS, image_size
from occ_pipeline.pipeline.sample.scenery import Scenery
from occ_pipeline.pipeline.sample.world import make_world
from occ_pipeline.schemas.errors import InputError, UsageError
from PIL import Image
from pyquaternion import Quaternion

SCENE = "scene-0001"
SCALE, SECONDS, SEED = 0.25, 1.0, 3


@pytest.fixture(scope="module")
def camera_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cameras") / "log"
    write_nuscenes_sample(out, seconds=SECONDS, seed=SEED, image_scale=SCALE)
    return out


@pytest.fixture(scope="module")
def devkit(camera_log: Path) -> NuScenes:
    return NuScenes("v1.0-mini", dataroot=str(camera_log), verbose=False)


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def in_camera(devkit: NuScenes, world: np.ndarray, data: dict) -> tuple[np.ndarray, np.ndarray]:
    """The devkit's chain for world points (3, N): pixels (2, N) and depths (N,)."""
    mount = devkit.get("calibrated_sensor", data["calibrated_sensor_token"])
    for pose in (devkit.get("ego_pose", data["ego_pose_token"]), mount):
        world = Quaternion(pose["rotation"]).rotation_matrix.T @ (world - np.array(pose["translation"])[:, None])
    return view_points(world, np.array(mount["camera_intrinsic"]), normalize=True)[:2], world[2]


def test_every_key_frame_has_six_images_of_the_rig(devkit: NuScenes, camera_log: Path) -> None:
    channels = {camera.channel: camera for camera in CAMERAS}
    for sample in devkit.sample:
        assert set(sample["data"]) == {"LIDAR_TOP", *channels}
        sweep = devkit.get("sample_data", sample["data"]["LIDAR_TOP"])["timestamp"]
        order = sorted(channels, key=lambda name: devkit.get("sample_data", sample["data"][name])["timestamp"])
        # Clockwise from the left, as the real rig.
        assert [name[4:] for name in order] == ["FRONT_LEFT", "FRONT", "FRONT_RIGHT", "BACK_RIGHT", "BACK", "BACK_LEFT"]
        for name, camera in channels.items():
            data = devkit.get("sample_data", sample["data"][name])
            assert -50_000 < data["timestamp"] - sweep < 0
            assert devkit.get("ego_pose", data["ego_pose_token"])["timestamp"] == data["timestamp"]
            with Image.open(camera_log / data["filename"]) as image:
                assert image.size == (data["width"], data["height"]) == (400, 225)
            mount = devkit.get("calibrated_sensor", data["calibrated_sensor_token"])
            assert np.array_equal(mount["camera_intrinsic"], camera.intrinsic(1.0) * [[SCALE], [SCALE], [1]])
    marker = json.loads((camera_log / MARKER).read_text())["cameras"]
    assert (marker["image_scale"], marker["width"], marker["height"]) == (0.25, 400, 225)


def test_lidar_points_land_on_pixels_of_their_depth_and_class(devkit: NuScenes, camera_log: Path) -> None:
    """Static points. Depth may differ by the LiDAR's noise (four sigmas, 0.08 m), and by how the surface slopes over the
    0.71 pixels that a pixel's middle is away at most. One pixel's shift of the images fails this (0.91 and 0.84)."""
    truth = CameraTruth.open(camera_log)
    moving = {CLASS_IDS[k] for k, name in enumerate(CATEGORIES) if name.split(".")[0] in ("human", "vehicle")}
    total, right_depth, right_class = 0, 0, 0
    for sample in devkit.sample:
        sweep = devkit.get("sample_data", sample["data"]["LIDAR_TOP"])
        cloud = LidarPointCloud.from_file(str(camera_log / sweep["filename"]))
        labels = np.fromfile(camera_log / devkit.get("lidarseg", sweep["token"])["filename"], np.uint8)
        classes = CLASS_IDS[labels]
        used = (classes != 255) & ~np.isin(classes, list(moving))
        for table, key in (("calibrated_sensor", "calibrated_sensor_token"), ("ego_pose", "ego_pose_token")):
            pose = devkit.get(table, sweep[key])
            cloud.rotate(Quaternion(pose["rotation"]).rotation_matrix)
            cloud.translate(np.array(pose["translation"]))
        for camera in CAMERAS:
            data = devkit.get("sample_data", sample["data"][camera.channel])
            (u, v), depth = in_camera(devkit, cloud.points[:3, used].astype(np.float64), data)
            seen = (depth > 1) & (u > 1) & (u < 399) & (v > 1) & (v < 224)
            frame = truth.frame(SCENE, sample["token"], camera.channel)
            j, i = v[seen].astype(int), u[seen].astype(int)
            there, near = frame.depth_m[j, i], frame.depth_m
            # How much depth changes over a pixel: the largest step to a neighbour, which edges make large, too.
            around = [near[j + dj, i + di] for dj, di in ((0, 1), (0, -1), (1, 0), (-1, 0))]
            slope = np.abs(np.array(around) - there).max(axis=0)
            total += int(seen.sum())
            right_depth += int((np.abs(there - depth[seen]) < 0.08 + 0.71 * np.minimum(slope, 0.1 * there)).sum())
            right_class += int((frame.labels[j, i] == classes[used][seen]).sum())
    assert total > 20_000
    # Cameras sit elsewhere than the LiDAR, so some points are hidden from them.
    assert right_depth > 0.93 * total
    assert right_class > 0.93 * total


def test_boxes_lie_around_their_instances_pixels(devkit: NuScenes, camera_log: Path) -> None:
    """Boxes stand for the moment of the scan, images for the camera's: moving objects may stick out by what they moved."""
    truth = CameraTruth.open(camera_log)
    table = {row.instance_token: row for row in truth.instances(SCENE).values() if row.instance_token}
    checked, inside, moved = 0, 0, 0
    for sample in devkit.sample:
        for camera in CAMERAS:
            data = devkit.get("sample_data", sample["data"][camera.channel])
            frame = truth.frame(SCENE, sample["token"], camera.channel)
            for token in sample["anns"]:
                row = devkit.get("sample_annotation", token)
                instance = table[row["instance_token"]]
                assert instance.category == row["category_name"]
                j, i = np.nonzero(frame.instances == instance.id)
                pixel, depth = in_camera(devkit, devkit.get_box(token).corners(), data)
                if len(j) < 12 or depth.min() < 0.5:
                    continue
                assert set(frame.labels[j, i]) == {CLASS_IDS[CATEGORIES.index(row["category_name"])]}
                low, high = pixel.min(axis=1) - 1, pixel.max(axis=1) + 1
                within = (i >= low[0] - 0.5) & (i <= high[0]) & (j >= low[1] - 0.5) & (j <= high[1])
                checked, moved = checked + 1, moved + instance.name.startswith("moving")
                if instance.name.startswith("parked"):
                    assert within.all()
                inside += within.mean() > 0.9
    assert checked > 40
    assert moved > 5
    assert inside > 0.97 * checked


def test_pixels_are_what_rays_hit(camera_log: Path, devkit: NuScenes) -> None:
    """Random pixels against the trees the LiDAR is cast with, with everything where it is at the camera's time."""
    world = make_world(SEED, 1, SECONDS)
    scenery, truth, rng = Scenery.of(world), CameraTruth.open(camera_log), np.random.default_rng(0)
    corners = scenery.vertices[scenery.triangles[: scenery.seen]]
    bodies = scenery.bodies[: scenery.seen]
    sample = devkit.sample[1]
    stack, reach, wrong, hits = np.empty(DEPTH, np.int64), np.empty(DEPTH), 0, 0
    for camera in CAMERAS:
        data = devkit.get("sample_data", sample["data"][camera.channel])
        poses = scenery.poses(0.5 + (data["timestamp"] - sample["timestamp"]) / 1e6)
        placed = np.einsum("fij,fkj->fki", poses[bodies, :3, :3], corners) + poses[bodies, None, :3, 3]
        forest = plant([placed])
        pose = poses[-1] @ camera.ego_SE3_camera
        frame = truth.frame(SCENE, sample["token"], camera.channel)
        focal, middle = camera.focal * SCALE, np.array(camera.middle) * SCALE
        for i, j in rng.integers(0, (400, 225), (150, 2)):
            ray = np.array([(i + 0.5 - middle[0]) / focal, (j + 0.5 - middle[1]) / focal, 1.0])
            length = np.linalg.norm(ray)
            x, y, z = pose[:3, :3] @ ray / length
            far, hit = closest(forest, 0, tuple(pose[:3, 3]), (x, y, z), 250.0 * length, stack, reach)
            if hit < 0 or far / length > 250:
                wrong += int(frame.depth_m[j, i] != 0 or frame.labels[j, i] != 255)
                continue
            face = forest.order[hit]
            hits += 1
            same = abs(frame.depth_m[j, i] - far / length) < 1 / 512 + 1e-5
            wrong += int(
                not same
                or frame.labels[j, i] != scenery.classes[face]
                or frame.instances[j, i] != scenery.instances[face]
            )
    assert hits > 500
    # A ray that meets an edge may count for either side.
    assert wrong <= 2


def test_the_rest_of_the_log_is_the_same_without_cameras(camera_log: Path, tmp_path: Path) -> None:
    write_nuscenes_sample(tmp_path / "plain", seconds=SECONDS, seed=SEED)
    ours, plain = digests(camera_log), digests(tmp_path / "plain")
    differ = {name for name in plain if ours[name] != plain[name]}
    tables = ("sensor", "calibrated_sensor", "ego_pose", "sample_data")
    assert differ == {MARKER, *(f"v1.0-mini/{name}.json" for name in tables)}
    assert all("CAM_" in name or "/cameras/" in name for name in ours if name not in plain)


def test_a_seed_gives_the_same_images_on_any_number_of_cores(
    camera_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3, 4})
    write_nuscenes_sample(tmp_path / "again", seconds=SECONDS, seed=SEED, image_scale=SCALE)
    assert digests(camera_log) == digests(tmp_path / "again")


def test_what_makes_no_image_is_refused(tmp_path: Path) -> None:
    for scale in (0.0, 1.5, 0.333, -1.0, float("nan")):
        with pytest.raises(UsageError, match="scale"):
            write_nuscenes_sample(tmp_path / "log", seconds=SECONDS, image_scale=scale)
    assert image_size(0.25) == (400, 225)
    assert image_size(0.03) == (48, 27)


def test_truth_that_is_not_there_is_named(camera_log: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no truth of camera images"):
        CameraTruth.open(tmp_path)
    truth = CameraTruth.open(camera_log)
    with pytest.raises(InputError, match="cannot be read"):
        truth.frame(SCENE, "x", "CAM_FRONT")
    with pytest.raises(InputError, match="cannot be read"):
        truth.instances("scene-0099")
