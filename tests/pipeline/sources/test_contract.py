"""What every dataset reader must do. A new dataset adds one line to ``CASES``, and better a hand-written log than none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from occ_pipeline.pipeline.sample import MARKER, write_kitti360_sample, write_kitti_sample, write_semantickitti_sample
from occ_pipeline.pipeline.sources import (
    SOURCES,
    LoggedScene,
    Source,
    missing_files,
    preflight,
    present_images,
    read_sweep,
    resolve_within,
)
from occ_pipeline.schemas.cameras import inside, project
from occ_pipeline.schemas.errors import InputError, UsageError
from occ_pipeline.schemas.product import Product
from occ_pipeline.schemas.scene import PointKind, SceneTables
from occ_pipeline.schemas.taxonomy import NO_LABEL, TAXONOMIES
from occ_pipeline.tests.pipeline.sources.kitti360_log import Kitti360Log
from occ_pipeline.tests.pipeline.sources.kitti_log import KittiLog
from occ_pipeline.tests.pipeline.sources.nuscenes_log import NuScenesLog
from occ_pipeline.tests.pipeline.sources.semantickitti_log import SemanticKittiLog
from PIL import Image

COUNTS_FROM_ZERO = {"semantickitti"}
"""Datasets whose time stamps are of no day."""
REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True)
class Opened:
    """A log under test, indexed once."""

    source: Source
    logged: list[LoggedScene]

    @property
    def scenes(self) -> list[SceneTables]:
        return [scene.tables for scene in self.logged]

    def images(self) -> Iterator[tuple[LoggedScene, int, int]]:
        """Every key frame's cameras, as scene, key frame, camera."""
        for scene in self.logged:
            for frame in range(len(scene.tables.key_sweeps)):
                yield from ((scene, frame, camera) for camera in scene.cameras.cameras_of(frame))

    def sweeps(self) -> Iterator[tuple[SceneTables, int]]:
        """A few sweeps of every scene, key frames among them."""
        for tables in self.scenes:
            some = {0, len(tables.point_files) // 2, *tables.key_sweeps[:3].tolist()}
            yield from ((tables, i) for i in sorted(some))


def hand_written(root: Path) -> Path:
    return NuScenesLog(root).write().root


def hand_written_unlabelled(root: Path) -> Path:
    return NuScenesLog(root, lidarseg=False).write().root


def hand_written_sequences(root: Path) -> Path:
    return SemanticKittiLog(root).write().root


def hand_written_drives(root: Path) -> Path:
    return KittiLog(root).write().root


def hand_written_360(root: Path) -> Path:
    return Kitti360Log(root).write().root


def recording(folder: str) -> Callable[[Path], Path]:
    """A real recording, which is not part of this repository."""

    def find(_: Path) -> Path:
        data = Path(os.environ.get("OCC_PIPELINE_TEST_DATA", REPOSITORY / "../shared/data")) / folder
        if not data.is_dir():
            pytest.skip(f"no real recording {folder}: set OCC_PIPELINE_TEST_DATA to a folder that holds it")
        return data.resolve()

    return find


def simulated_drive(root: Path) -> Path:
    write_kitti_sample(root, seconds=0.5, seed=5, image_scale=0.25)
    return root


def simulated_360(root: Path) -> Path:
    write_kitti360_sample(root, seconds=0.5, seed=5, image_scale=0.25)
    return root


def simulated_sequence(root: Path) -> Path:
    write_semantickitti_sample(root, seconds=1.0, seed=5)
    return root


CASES = {
    "nuscenes-hand-written": ("nuscenes", hand_written),
    "nuscenes-without-labels": ("nuscenes", hand_written_unlabelled),
    "nuscenes-scene0001": ("nuscenes", recording("nuscenes_scene0001")),
    "nuscenes-keyframes": ("nuscenes", recording("nuscenes_keyframes")),
    "semantickitti-hand-written": ("semantickitti", hand_written_sequences),
    "semantickitti-00-and-08": ("semantickitti", recording("semantickitti/dataset")),
    "semantickitti-simulated": ("semantickitti", simulated_sequence),
    "kitti-hand-written": ("kitti", hand_written_drives),
    "kitti-simulated": ("kitti", simulated_drive),
    "kitti-drive0005": ("kitti", recording("kitti_raw")),
    "kitti360-hand-written": ("kitti360", hand_written_360),
    "kitti360-simulated": ("kitti360", simulated_360),
}


@pytest.fixture(scope="module", params=list(CASES))
def opened_log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    name, find = CASES[request.param]
    root = find(tmp_path_factory.mktemp("logs") / "log")
    versions = SOURCES[name].versions(root)
    assert versions == sorted(versions)
    assert len(versions) == 1
    source = SOURCES[name](root, versions[0])
    scenes = list(source.index())
    assert not [str(scene) for scene in scenes if isinstance(scene, InputError)]
    return Opened(source, [scene for scene in scenes if isinstance(scene, LoggedScene)])


def test_scenes_come_sorted_and_say_where_from(opened_log: Opened) -> None:
    source = opened_log.source
    assert [tables.scene for tables in opened_log.scenes] == source.scene_names() == sorted(source.scene_names())
    for tables in opened_log.scenes:
        assert (tables.dataset, tables.version) == (source.name, source.version)
        assert tables.split in ("train", "val", "test", "")
        assert tables.synthetic == (source.data_root / MARKER).is_file()
        assert tables.scene == Path(tables.scene).name
        assert source.name in SOURCES


def test_other_folders_hold_no_version(opened_log: Opened, tmp_path: Path) -> None:
    assert type(opened_log.source).versions(tmp_path) == []
    assert type(opened_log.source).versions(tmp_path / "nowhere") == []


def test_table_files_exist_and_are_relative(opened_log: Opened) -> None:
    files = opened_log.source.table_files()
    assert files == sorted(set(files))
    assert all(resolve_within(opened_log.source.data_root, file).is_file() for file in files)


def test_index_of_some_scenes_equals_index_of_all(opened_log: Opened) -> None:
    last = opened_log.logged[-1]
    (again,) = opened_log.source.index([last.tables.scene])
    assert isinstance(again, LoggedScene)
    assert_same(again.tables, last.tables)
    assert_same(again.cameras, last.cameras)
    assert again.camera_warnings == last.camera_warnings
    assert list(opened_log.source.index([])) == []


def test_unknown_scene_is_the_users_error(opened_log: Opened) -> None:
    with pytest.raises(UsageError, match=r"no scene 'atlantis'"):
        list(opened_log.source.index(["atlantis"]))


def test_sweeps_are_in_order_and_key_frames_among_them(opened_log: Opened) -> None:
    for tables in opened_log.scenes:
        assert (np.diff(tables.timestamps_ns) > 0).all()
        # Nanoseconds, not micro- or milliseconds.
        if opened_log.source.name in COUNTS_FROM_ZERO:
            assert ((np.diff(tables.timestamps_ns) > 0.04e9) & (np.diff(tables.timestamps_ns) < 1e9)).all()
        else:
            # After 2001 and before 2100.
            assert ((tables.timestamps_ns > 1e18) & (tables.timestamps_ns < 4.1e18)).all()
        assert len(tables.key_sweeps) > 0
        assert (np.diff(tables.key_sweeps) > 0).all()
        assert tables.key_sweeps[0] >= 0
        assert tables.key_sweeps[-1] < len(tables.timestamps_ns)
        assert len(set(tables.frame_tokens)) == len(tables.frame_tokens)


def test_poses_are_rigid(opened_log: Opened) -> None:
    for tables in opened_log.scenes:
        for poses in (tables.world_SE3_ego, tables.ego_SE3_lidar, tables.world_SE3_box):
            assert np.isfinite(poses).all()
            rotation = poses[:, :3, :3]
            assert np.allclose(rotation @ rotation.transpose(0, 2, 1), np.eye(3), atol=1e-9)
            assert np.allclose(np.linalg.det(rotation), 1.0)
            assert (poses[:, 3] == [0, 0, 0, 1]).all()
        # Sensors sit on the car, and cars stay below 300 km/h.
        assert np.linalg.norm(tables.ego_SE3_lidar[:, :3, 3], axis=1).max() < 10
        steps = np.linalg.norm(np.diff(tables.world_SE3_ego[:, :3, 3], axis=0), axis=1)
        assert (steps / (np.diff(tables.timestamps_ns) * 1e-9) < 85).all()


def test_boxes_are_sorted_and_sized(opened_log: Opened) -> None:
    for tables in opened_log.scenes:
        order = list(zip(tables.box_track.tolist(), tables.box_timestamps_ns.tolist(), strict=True))
        assert order == sorted(set(order))
        assert set(tables.box_track.tolist()) == set(range(len(tables.track_tokens)))
        assert len(set(tables.track_tokens)) == len(tables.track_tokens)
        assert (tables.box_size_m > 0).all()
        assert (tables.box_size_m < 100).all()
        assert np.isin(tables.box_timestamps_ns, tables.timestamps_ns[tables.key_sweeps]).all()


def test_classes_are_the_taxonomys(opened_log: Opened) -> None:
    for tables in opened_log.scenes:
        known = {*range(len(TAXONOMIES[tables.taxonomy].classes)), NO_LABEL}
        assert known.issuperset(tables.track_classes)
        assert known.issuperset(tables.label_classes)
        no_thing = [c for c, kind in zip(tables.label_classes, tables.label_kinds, strict=True) if kind in (PointKind.EGO, PointKind.NOISE)]  # fmt: skip
        assert set(no_thing) <= {NO_LABEL}


def test_files_are_relative_inside_and_there(opened_log: Opened) -> None:
    for tables in opened_log.scenes:
        root = opened_log.source.data_root
        files = [*tables.point_files, *filter(None, tables.label_files)]
        assert len(set(files)) == len(files)
        assert all(resolve_within(root, file).is_relative_to(root.resolve()) for file in files)
        assert missing_files(root, tables) == []
        found = preflight(root, tables, "error")
        assert found.problems == ()
        assert [warning for warning in found.warnings if "have no class" not in warning] == []
        assert found.tables is not None
        assert_same(found.tables, tables)


def test_sweeps_read_back(opened_log: Opened) -> None:
    for tables, i in opened_log.sweeps():
        sweep = read_sweep(opened_log.source.data_root, tables, i)
        again = read_sweep(opened_log.source.data_root, tables, i)
        assert sweep.points.dtype == np.float32
        assert sweep.points.shape[1:] == (3,)
        assert len(sweep.points) > 0
        assert np.isfinite(sweep.points).all()
        assert (sweep.points == again.points).all()
        frames = np.flatnonzero(tables.key_sweeps == i)
        labelled = len(frames) > 0 and tables.label_files[int(frames[0])] != ""
        assert (sweep.labels is not None) == (sweep.is_ego is not None) == labelled
        if sweep.labels is not None and sweep.is_ego is not None:
            assert sweep.labels.dtype == np.uint8
            assert sweep.is_ego.dtype == np.bool_
            assert len(sweep.labels) == len(sweep.is_ego) == len(sweep.points)
            assert {*range(len(TAXONOMIES[tables.taxonomy].classes)), NO_LABEL}.issuperset(
                np.unique(sweep.labels).tolist()
            )
            assert (sweep.labels[sweep.is_ego] == NO_LABEL).all()


def test_boxes_hold_their_points_the_right_way_round(opened_log: Opened) -> None:
    """Length along x, width along y: of the points near cars, most lie in the boxes, and fewer in boxes turned by 90 degrees."""
    near = inside = turned = labelled = right = 0
    for tables in opened_log.scenes:
        car = TAXONOMIES[tables.taxonomy].id_of("car")
        for i in tables.key_sweeps.tolist():
            sweep = read_sweep(opened_log.source.data_root, tables, i)
            boxes = np.flatnonzero(
                (tables.box_timestamps_ns == tables.timestamps_ns[i])
                & (np.array(tables.track_classes)[tables.box_track] == car)
            )
            for box in boxes:
                local = in_box(tables, sweep.points, i, int(box))
                half = tables.box_size_m[box] / 2
                # Above the wheels, so that the road does not count.
                above = (local[:, 2] > 0.3 - half[2]) & (local[:, 2] < half[2])
                hit = above & (np.abs(local[:, :2]) < half[:2] + 0.15).all(axis=1)
                near += int((above & (np.linalg.norm(local[:, :2], axis=1) < np.linalg.norm(half[:2]))).sum())
                inside += int(hit.sum())
                turned += int((above & (np.abs(local[:, :2]) < half[[1, 0]] + 0.15).all(axis=1)).sum())
                if sweep.labels is not None:
                    labelled += int(hit.sum())
                    right += int((sweep.labels[hit] == car).sum())
    if near < 20:
        pytest.skip("no car box with points in this log")
    # Boxes of a detector, as one recording has them, miss a third.
    assert inside > 0.6 * near
    assert inside > 1.2 * turned
    assert right >= 0.8 * labelled


def test_cameras_are_those_of_the_key_frames(opened_log: Opened) -> None:
    for scene in opened_log.logged:
        tables, cameras = scene.tables, scene.cameras
        assert scene.camera_warnings == ()
        assert (cameras.scene, cameras.frame_tokens) == (tables.scene, tables.frame_tokens)
        assert cameras.timestamps_ns.shape == (len(tables.key_sweeps), len(cameras.names))
        # A LiDAR turns in a tenth of a second or less, and cameras trigger as it passes.
        away = np.abs(cameras.timestamps_ns - tables.timestamps_ns[tables.key_sweeps][:, None])
        assert (away[cameras.timestamps_ns != -1] < 0.11e9).all()


def test_cameras_are_mounted_on_the_car_that_drives(opened_log: Opened) -> None:
    for scene, frame, camera in opened_log.images():
        sweep = int(scene.tables.key_sweeps[frame])
        for pose in (
            scene.cameras.world_SE3_ego[frame, camera],
            scene.cameras.ego_SE3_camera[frame, camera],
            scene.cameras.world_SE3_camera(frame, camera),
        ):
            assert np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-9)
            assert np.linalg.det(pose[:3, :3]) > 0
            assert pose[3].tolist() == [0, 0, 0, 1]
        assert np.linalg.norm(scene.cameras.ego_SE3_camera[frame, camera, :3, 3]) < 10
        moved = scene.cameras.world_SE3_ego[frame, camera] - scene.tables.world_SE3_ego[sweep]
        passed_s = abs(int(scene.cameras.timestamps_ns[frame, camera]) - int(scene.tables.timestamps_ns[sweep])) * 1e-9
        assert np.linalg.norm(moved[:3, 3]) < 0.05 + 85 * passed_s


def test_images_are_there_and_as_large_as_told(opened_log: Opened) -> None:
    root = opened_log.source.data_root
    for scene in opened_log.logged:
        found, warnings = present_images(root, scene.tables.scene, scene.cameras.image_files)
        assert (found, warnings) == (scene.cameras.image_files, ())
    files = [scene.cameras.image_files[frame][camera] for scene, frame, camera in opened_log.images()]
    assert len(set(files)) == len(files)
    for file, (scene, _, camera) in zip(files, opened_log.images(), strict=True):
        with Image.open(resolve_within(root, file)) as image:
            assert list(image.size) == scene.cameras.image_sizes[camera]


def test_images_show_what_the_lidar_sees_the_right_way_round(opened_log: Opened) -> None:
    """Points near a camera's axis are in its image; what is higher or to the left in the vehicle's frame is so in the image."""
    ahead = in_image = 0
    for scene, frame, camera in opened_log.images():
        tables, cameras = scene.tables, scene.cameras
        sweep = int(tables.key_sweeps[frame])
        points = read_sweep(opened_log.source.data_root, tables, sweep).points
        camera_SE3_lidar = np.linalg.inv(cameras.world_SE3_camera(frame, camera)) @ tables.world_SE3_lidar(sweep)
        pixels, depth = project(points, camera_SE3_lidar, cameras.intrinsics[frame, camera])
        ego_SE3_camera = cameras.ego_SE3_camera[frame, camera]
        places = points @ tables.ego_SE3_lidar[sweep, :3, :3].T + tables.ego_SE3_lidar[sweep, :3, 3]
        rays = places - ego_SE3_camera[:3, 3]
        axis = ego_SE3_camera[:3, 2]
        assert abs(axis[2]) < 0.5, "looks up or down"
        middle = (np.degrees(np.arccos(rays @ axis / np.linalg.norm(rays, axis=1))) < 15) & (rays @ axis > 2)
        ahead += int(middle.sum())
        in_image += int(inside(pixels[middle], cameras.image_sizes[camera]).sum())
        if middle.sum() < 10:
            continue
        left = np.array([-axis[1], axis[0], 0.0])
        assert np.corrcoef(pixels[middle, 0], (rays @ left)[middle] / depth[middle])[0, 1] < -0.95
        assert np.corrcoef(pixels[middle, 1], rays[middle, 2] / depth[middle])[0, 1] < -0.9
    if not any(scene.cameras.names for scene in opened_log.logged):
        pytest.skip("no cameras in this log")
    assert ahead > 40
    assert in_image > 0.97 * ahead


def in_box(tables: SceneTables, points: NDArray[np.float32], sweep: int, box: int) -> NDArray[np.float64]:
    """Points of a sweep in a box's frame."""
    box_SE3_lidar = np.linalg.inv(tables.world_SE3_box[box]) @ tables.world_SE3_lidar(sweep)
    return points.astype(np.float64) @ box_SE3_lidar[:3, :3].T + box_SE3_lidar[:3, 3]


def assert_same(a: Product, b: Product) -> None:
    assert a.attributes() == b.attributes()
    for name in type(a).specs():
        assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True), name
