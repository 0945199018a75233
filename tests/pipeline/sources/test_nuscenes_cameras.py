"""Cameras of nuScenes logs: what is written is read, a bad row costs an image and no scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sources import SOURCES, LoggedScene, present_images, read_sweep
from occ_pipeline.pipeline.sources.nuscenes_devkit import Devkit
from occ_pipeline.schemas.cameras import CameraTables, inside, project
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.tests.pipeline.sources.nuscenes_log import (
    BAD,
    CAMERA_DELAY_US,
    CAMERAS,
    GOOD,
    INTRINSIC,
    STEP,
    VERSION,
    NuScenesLog,
    ego,
    stamp_us,
)

BACK, FRONT = range(2)
IMAGE = "b-CAM_FRONT3"
NAN, INF = float("nan"), float("inf")
Spoil = Callable[[NuScenesLog], object]


def read(log: NuScenesLog, scene: str = BAD) -> LoggedScene:
    (found,) = SOURCES["nuscenes"](log.write(files=False).root, VERSION).index([scene])
    assert isinstance(found, LoggedScene), str(found)
    return found


def same(a: CameraTables | SceneTables, b: CameraTables | SceneTables) -> bool:
    arrays = all(np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True) for name in type(a).specs())
    return arrays and a.attributes() == b.attributes()


def test_cameras_are_what_was_written(log: NuScenesLog) -> None:
    cameras = read(log).cameras
    keys = (0, STEP, 2 * STEP)
    assert cameras.names == sorted(CAMERAS) == ["CAM_BACK", "CAM_FRONT"]
    assert cameras.frame_tokens == ["b-sample0", "b-sample1", "b-sample2"]
    delays = [CAMERA_DELAY_US[name] for name in cameras.names]
    assert cameras.timestamps_ns.tolist() == [[(stamp_us(i) + delay) * 1000 for delay in delays] for i in keys]
    assert cameras.world_SE3_ego[..., :3, 3].tolist() == [[ego(i, delay) for delay in delays] for i in keys]
    assert (cameras.intrinsics == INTRINSIC).all()
    assert cameras.image_sizes == [[1600, 900]] * 2
    assert cameras.image_files[1] == ["samples/CAM_BACK/b-CAM_BACK3.jpg", "samples/CAM_FRONT/b-CAM_FRONT3.jpg"]
    assert np.allclose(cameras.ego_SE3_camera[:, FRONT, :3], [[0, 0, 1, 0.9], [-1, 0, 0, 0], [0, -1, 0, 1.8]])
    assert np.allclose(cameras.ego_SE3_camera[:, BACK, :3], [[0, 0, -1, 0.9], [1, 0, 0, 0], [0, -1, 0, 1.8]])


def test_order_of_rows_does_not_matter(log: NuScenesLog) -> None:
    before = read(log).cameras
    for rows in log.tables.values():
        rows.reverse()
    assert same(read(log).cameras, before)


def test_exact_doubles_change_nothing(log: NuScenesLog) -> None:
    before = read(log)
    for table, token in (("sample_data", IMAGE), ("ego_pose", f"pose-{IMAGE}"), ("calibrated_sensor", "cal-CAM_BACK")):
        log.tables[table].append(dict(log.row(table, token)))
    after = read(log)
    assert same(after.cameras, before.cameras)
    assert after.camera_warnings == ()


def test_of_images_only_key_frames_are_kept(log: NuScenesLog) -> None:
    devkit = Devkit(log.write(files=False).root, VERSION)
    assert len(log.tables["sample_data"]) == 42
    assert {row["calibrated_sensor_token"] for row in devkit.sample_data} == {"cal-LIDAR_TOP"}
    assert [len(devkit.images(sample)) for sample in devkit.rows("sample")] == [2] * 6
    assert len(devkit.ego_pose) == 2 * 7 + 2 * 2 * 3


def test_radar_is_no_camera(log: NuScenesLog) -> None:
    before = read(log).cameras
    log.tables["sensor"].append({"token": "radar", "channel": "RADAR_FRONT", "modality": "radar"})
    log.tables["calibrated_sensor"].append(
        log.row("calibrated_sensor", "cal-LIDAR_TOP") | {"token": "r", "sensor_token": "radar"}
    )
    log.tables["sample_data"].append(log.row("sample_data", IMAGE) | {"token": "beep", "calibrated_sensor_token": "r"})
    assert same(read(log).cameras, before)


def test_release_without_cameras(log: NuScenesLog) -> None:
    before = read(log)
    for table in ("sensor", "calibrated_sensor", "sample_data"):
        log.tables[table] = [row for row in log.tables[table] if "CAM_" not in row["token"]]
    after = read(log)
    assert after.camera_warnings == ()
    assert same(after.cameras, CameraTables.none(BAD, before.cameras.frame_tokens))
    assert same(after.tables, before.tables)


@dataclass(frozen=True)
class Case:
    """One way to break rows of the second scene's cameras: what is said, of which row, and what is absent then."""

    spoil: Spoil
    what: str
    row: str = "sample_data.json, frame b-sample1"
    absent: tuple[tuple[int, int], ...] = ((1, FRONT),)


def setting(table: str, token: str, **fields: object) -> Spoil:
    return lambda log: log.row(table, token).update(fields)


def image(**fields: object) -> Spoil:
    return setting("sample_data", IMAGE, **fields)


def intrinsic(value: object) -> Spoil:
    """Of the second scene's front camera alone."""

    def spoil(log: NuScenesLog) -> None:
        mounting = log.row("calibrated_sensor", "cal-CAM_FRONT") | {"token": "cal-b", "camera_intrinsic": value}
        log.tables["calibrated_sensor"].append(mounting)
        for i in range(2 * STEP + 1):
            log.row("sample_data", f"b-CAM_FRONT{i}")["calibrated_sensor_token"] = "cal-b"

    return spoil


def mounted(**fields: object) -> Spoil:
    def spoil(log: NuScenesLog) -> None:
        intrinsic(INTRINSIC)(log)
        log.row("calibrated_sensor", "cal-b").update(fields)

    return spoil


def matrix(row: int, column: int, value: object) -> Spoil:
    changed = [list(line) for line in INTRINSIC]
    changed[row][column] = value  # type: ignore[assignment]
    return intrinsic(changed)


WHOLE = ((0, FRONT), (1, FRONT), (2, FRONT))
MOUNTING = "calibrated_sensor.json, frame b-sample0"
POSE = f"pose-{IMAGE}"
PINHOLE = "table row cal-b: camera_intrinsic is not a pinhole"

CASES = {
    "pose-nowhere": Case(image(ego_pose_token="gone"), "ego_pose_token points nowhere"),
    "pose-missing": Case(lambda log: log.remove("ego_pose", POSE), "ego_pose_token points nowhere"),
    "pose-no-token": Case(image(ego_pose_token=None), "'ego_pose_token' is not usable"),
    "calibration-nowhere": Case(image(calibrated_sensor_token="gone"), "calibrated_sensor_token points nowhere"),
    "calibration-list": Case(image(calibrated_sensor_token=["x"]), "'calibrated_sensor_token' is not usable"),
    "sensor-nowhere": Case(mounted(sensor_token="gone"), "table row cal-b: sensor_token points nowhere", MOUNTING, WHOLE),
    "pose-nan": Case(setting("ego_pose", POSE, translation=[NAN, 0, 0]), "not a rigid", "ego_pose.json, frame b-sample1"),
    "pose-infinite": Case(setting("ego_pose", POSE, translation=[0, INF, 0]), "not a rigid", "ego_pose.json, frame b-sample1"),
    "pose-no-rotation": Case(setting("ego_pose", POSE, rotation=[2, 0, 0, 0]), "not a rigid", "ego_pose.json, frame b-sample1"),
    "pose-of-text": Case(setting("ego_pose", POSE, rotation="north"), "'rotation' is not usable", "ego_pose.json, frame b-sample1"),
    "pose-shared": Case(
        lambda log: log.tables["ego_pose"].append(log.row("ego_pose", POSE) | {"timestamp": 7}),
        "shares its token", "ego_pose.json, frame b-sample1",
    ),
    "mounting-nan": Case(mounted(rotation=[NAN, 0, 0, 1]), "table row cal-b: pose is not a rigid", MOUNTING, WHOLE),
    "mounting-no-rotation": Case(mounted(rotation=[0, 0, 0, 0]), "table row cal-b: pose is not a rigid", MOUNTING, WHOLE),
    "no-intrinsics": Case(intrinsic([]), PINHOLE, MOUNTING, WHOLE),
    "intrinsics-null": Case(intrinsic(None), PINHOLE, MOUNTING, WHOLE),
    "intrinsics-flat": Case(intrinsic([1.0] * 9), PINHOLE, MOUNTING, WHOLE),
    "intrinsics-ragged": Case(intrinsic([[800.0, 0.0], INTRINSIC[1], INTRINSIC[2]]), PINHOLE, MOUNTING, WHOLE),
    "intrinsics-text": Case(matrix(0, 0, "800"), PINHOLE, MOUNTING, WHOLE),
    "intrinsics-nan": Case(matrix(0, 2, NAN), PINHOLE, MOUNTING, WHOLE),
    "intrinsics-infinite": Case(matrix(1, 1, INF), PINHOLE, MOUNTING, WHOLE),
    "intrinsics-huge": Case(matrix(0, 0, 10**400), PINHOLE, MOUNTING, WHOLE),
    "focal-zero": Case(matrix(0, 0, 0.0), PINHOLE, MOUNTING, WHOLE),
    "focal-negative": Case(matrix(1, 1, -810.0), PINHOLE, MOUNTING, WHOLE),
    "intrinsics-below": Case(matrix(1, 0, 3.0), PINHOLE, MOUNTING, WHOLE),
    "intrinsics-scaled": Case(matrix(2, 2, 2.0), PINHOLE, MOUNTING, WHOLE),
    "two-images": Case(
        lambda log: log.tables["sample_data"].append(log.row("sample_data", IMAGE) | {"token": "z", "filename": "z.jpg"}),
        "camera CAM_FRONT has 2 images in one key frame",
    ),
    "token-shared": Case(
        lambda log: log.tables["sample_data"].append(log.row("sample_data", IMAGE) | {"width": 7}), "shares its token"
    ),
    "no-key-flag": Case(image(is_key_frame=None), "is_key_frame is not usable"),
    "stamp-of-text": Case(image(timestamp="noon"), "'timestamp' is not usable"),
    "stamp-negative": Case(image(timestamp=-5), "'timestamp' is not usable"),
    "file-absolute": Case(image(filename="/etc/passwd"), "file name is absolute"),
    "file-climbs": Case(image(filename="samples/../../x.jpg"), "climbs out of its folder"),
    "file-surrogate": Case(image(filename="\ud800"), "not valid Unicode"),
    "file-empty": Case(image(filename=""), "file name is empty"),
    "file-of-number": Case(image(filename=7), "'filename' is not usable"),
    "width-zero": Case(image(width=0), "cannot have this size"),
    "width-negative": Case(image(width=-1600), "'width' is not usable"),
    "height-huge": Case(image(height=10**6), "cannot have this size"),
    "width-fraction": Case(image(width=1600.5), "'width' is not usable"),
    "size-differs": Case(image(width=800, height=450), ["another size than most of camera CAM_FRONT", " found 800 x 450"][0]),
    "name-no-file-name": Case(
        lambda log: (
            log.tables["sensor"].append({"token": "s", "channel": "a/b", "modality": "camera"}),
            mounted(sensor_token="s")(log),
        ),
        "table row s: camera's name is not usable", "sensor.json, frame b-sample0", WHOLE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_bad_row_costs_its_image_and_no_scene(name: str, log: NuScenesLog, opened: list[str]) -> None:
    case = CASES[name]
    good, before = read(log, GOOD), read(log)
    case.spoil(log)
    after = read(log)
    assert same(read(log, GOOD).tables, good.tables)
    assert same(read(log, GOOD).cameras, good.cameras)
    assert read(log, GOOD).camera_warnings == ()
    assert same(after.tables, before.tables), "what is the cameras' alone must not touch the LiDAR"
    (warning,) = after.camera_warnings
    assert warning.startswith(f"scene {BAD}: {len(case.absent)} images are left out")
    assert case.what in warning
    assert case.row in warning
    assert "\n" not in warning
    assert "/etc/passwd" not in opened
    if case.absent == WHOLE:
        assert after.cameras.names == ["CAM_BACK"]
        assert same(after.cameras, restricted(before.cameras, [BACK]))
    else:
        assert same(after.cameras, without(before.cameras, case.absent))


def restricted(cameras: CameraTables, keep: list[int]) -> CameraTables:
    """Some of the cameras."""
    arrays = {name: getattr(cameras, name)[:, keep] for name in CameraTables.specs()}
    attributes = cameras.attributes() | {
        "names": [cameras.names[c] for c in keep],
        "image_sizes": [cameras.image_sizes[c] for c in keep],
        "image_files": [[files[c] for c in keep] for files in cameras.image_files],
    }
    return CameraTables(**arrays, **attributes)


def without(cameras: CameraTables, absent: tuple[tuple[int, int], ...]) -> CameraTables:
    """The same with some images absent."""
    arrays = {name: getattr(cameras, name).copy() for name in CameraTables.specs()}
    files = [list(names) for names in cameras.image_files]
    for frame, camera in absent:
        files[frame][camera] = ""
        for name, array in arrays.items():
            array[frame, camera] = -1 if name == "timestamps_ns" else NAN
    return CameraTables(**arrays, **(cameras.attributes() | {"image_files": files}))


@pytest.mark.parametrize(
    "spoil", [lambda log: log.remove("sample_data", IMAGE), image(sample_token="gone"), image(is_key_frame=False)]
)
def test_an_image_that_the_tables_lack_is_absent(spoil: Spoil, log: NuScenesLog) -> None:
    before = read(log)
    spoil(log)
    after = read(log)
    assert same(after.tables, before.tables)
    assert same(after.cameras, without(before.cameras, ((1, FRONT),)))
    assert after.camera_warnings == (f"scene {BAD}: the tables lack 1 images, first CAM_FRONT of key frame b-sample1",)


def test_bad_rows_are_counted_in_one_warning(log: NuScenesLog) -> None:
    for i in (0, STEP, 2 * STEP):
        log.row("sample_data", f"b-CAM_FRONT{i}")["width"] = 0
    found = read(log)
    (warning,) = found.camera_warnings
    assert "3 images are left out" in warning
    assert "table row b-CAM_FRONT0" in warning
    assert found.cameras.names == ["CAM_BACK"]


def test_images_that_this_copy_lacks(log: NuScenesLog, tmp_path: Path) -> None:
    cameras = read(log.write()).cameras
    log.write()
    files = [file for frame in cameras.image_files for file in frame]
    (log.root / files[0]).unlink()
    (log.root / files[3]).write_bytes(b"")
    (log.root / files[5]).unlink()
    (tmp_path / "secret").write_bytes(b"s")
    (log.root / files[5]).symlink_to(tmp_path / "secret")
    found, warnings = present_images(log.root, BAD, cameras.image_files)
    assert found == [["", files[1]], [files[2], ""], [files[4], ""]]
    assert warnings == (f"scene {BAD}: 3 of 6 images are missing, first {files[0]} (no such file)",)
    found, warnings = present_images(log.root, BAD, [["", files[3]]])
    assert (found, warnings) == ([["", ""]], (f"scene {BAD}: 1 of 1 images are missing, first {files[3]} (0 bytes)",))
    found, (warning,) = present_images(log.root, BAD, [[files[5]]])
    assert found == [[""]]
    assert "leads out of the data root" in warning


def test_six_real_cameras_see_all_around(recordings: Path) -> None:
    """Measured: 0.99 and 1.00 of the points that lie neither on the car nor above or below what cameras see."""
    root = recordings / "nuscenes_keyframes"
    if not root.is_dir():
        pytest.skip("no real recording nuscenes_keyframes")
    for scene in SOURCES["nuscenes"](root, VERSION).index():
        assert isinstance(scene, LoggedScene)
        tables, cameras = scene.tables, scene.cameras
        sweep = int(tables.key_sweeps[0])
        points = read_sweep(root, tables, sweep).points
        away = np.linalg.norm(points[:, :2], axis=1)
        rise = np.degrees(np.arctan2(points[:, 2], away))
        points = points[(away > 3) & (rise > -15) & (rise < 10)]
        seen = np.zeros(len(points), dtype=np.int64)
        assert cameras.cameras_of(0) == list(range(6))
        for camera in range(6):
            camera_SE3_lidar = np.linalg.inv(cameras.world_SE3_camera(0, camera)) @ tables.world_SE3_lidar(sweep)
            pixels, _ = project(points, camera_SE3_lidar, cameras.intrinsics[0, camera])
            seen += inside(pixels, cameras.image_sizes[camera])
        assert len(points) > 10_000
        assert (seen > 0).mean() > 0.98
        # Neighbours overlap, and no more than that.
        assert seen.max() == 2
