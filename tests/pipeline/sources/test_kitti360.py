"""What the reader of KITTI-360 makes of a hand-written log, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sources import SOURCES, LoggedScene, preflight, read_sweep
from occ_pipeline.schemas.cameras import project
from occ_pipeline.schemas.errors import InputError
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.taxonomy import SSCBENCH_KITTI360
from occ_pipeline.tests.pipeline.sources.kitti360_log import (
    BAD,
    CAM_TO_POSE,
    CAR,
    CAR_LWH,
    CORNERS,
    FRAMES,
    GOOD,
    PARKED,
    PARKED_LWH,
    PERSPECTIVE,
    Kitti360Log,
    box,
    boxes,
    boxes_file,
    car_pose,
    imu_SE3_lidar,
    matrix,
    parked_pose,
    poses_file,
    scan,
    time_of,
    times,
    upright,
    world_SE3_imu,
)

TO_POSE, TO_VELO = "calibration/calib_cam_to_pose.txt", "calibration/calib_cam_to_velo.txt"


@pytest.fixture
def log(tmp_path: Path) -> Kitti360Log:
    """A good log, not yet written."""
    return Kitti360Log(tmp_path / "log")


def logged(log: Kitti360Log, name: str = BAD) -> LoggedScene:
    (found,) = SOURCES["kitti360"](log.write().root, "raw").index([name])
    assert isinstance(found, LoggedScene), str(found)
    return found


def read(log: Kitti360Log, name: str = BAD) -> SceneTables:
    return logged(log, name).tables


def refusal(log: Kitti360Log) -> InputError:
    """Why the second sequence is refused; the first must be read."""
    good, bad = SOURCES["kitti360"](log.write().root, "raw").index()
    assert isinstance(good, LoggedScene), str(good)
    assert isinstance(bad, InputError)
    assert bad.scene == BAD
    return bad


def test_scans_with_a_pose_are_joined_by_number(log: Kitti360Log) -> None:
    tables = read(log)
    assert tables.frame_tokens == [f"{n:010d}" for n in FRAMES]
    assert tables.point_files == [scan(n) for n in FRAMES]
    stamps = [int(np.datetime64(time_of(n), "ns").astype(np.int64)) for n in FRAMES]
    assert tables.timestamps_ns.tolist() == stamps
    for sweep, frame in enumerate(FRAMES):
        assert np.allclose(tables.world_SE3_lidar(sweep), world_SE3_imu(frame) @ imu_SE3_lidar(), rtol=0, atol=1e-8)
    assert (tables.split, read(log, GOOD).split) == ("val", "train")
    assert (tables.taxonomy, tables.synthetic) == ("sscbench_kitti360", False)
    assert read_sweep(log.root, tables, 0).labels is None


def test_ego_is_upright_on_the_ground_on_the_midline(log: Kitti360Log) -> None:
    """The unit's axes point ahead, right and down, so a box on the ground below the LiDAR is where LiDARs' height says."""
    tables = read(log)
    ego_SE3_lidar = tables.ego_SE3_lidar[0]
    assert ego_SE3_lidar[1:3, 3] == pytest.approx([0, 1.73])
    assert ego_SE3_lidar[0, 3] == pytest.approx(imu_SE3_lidar()[0, 3])
    for sweep, frame in enumerate(FRAMES):
        assert tables.world_SE3_ego[sweep, :3, 0] == pytest.approx(world_SE3_imu(frame)[:3, 0])
        assert tables.world_SE3_ego[sweep, :3, 2] == pytest.approx([0, 0, 1])
        below = world_SE3_imu(frame)[2, 3] - tables.world_SE3_ego[sweep, 2, 3]
        assert below == pytest.approx(1.73 + imu_SE3_lidar()[2, 3])


def test_what_moves_and_what_could_are_tracks(log: Kitti360Log) -> None:
    tables = read(log)
    assert tables.track_tokens == ["car-7", "truck-3"]
    assert tables.track_categories == ["car", "truck"]
    assert tables.track_classes == [SSCBENCH_KITTI360.id_of("car"), SSCBENCH_KITTI360.id_of("truck")]
    assert tables.box_track.tolist() == [0] * 3 + [1] * 3
    stamps = dict(zip(FRAMES, tables.timestamps_ns.tolist(), strict=True))
    # Frame 7 is not annotated, nor in the window of what stands.
    assert tables.box_timestamps_ns.tolist() == [stamps[n] for n in (2, 3, 5)] * 2
    places = [car_pose(n) for n in (2, 3, 5)] + [parked_pose()] * 3
    assert np.allclose(tables.world_SE3_box, places, rtol=0, atol=1e-7)
    assert np.allclose(tables.box_size_m, [CAR_LWH] * 3 + [PARKED_LWH] * 3)
    assert preflight(log.root, tables, "error").problems == ()


def test_what_stands_is_a_track_where_the_scanner_sees_so_far(log: Kitti360Log) -> None:
    far = parked_pose()
    far[:3, 3] = world_SE3_imu(2)[:3, 3] + (81.0, 0, 0)
    log.texts[boxes_file()] = boxes(
        box("object1", PARKED, 1, -1, far, PARKED_LWH, (0, 99)), box("object2", PARKED, 2, -1, far, PARKED_LWH, (99, 200))
    )  # fmt: skip
    tables = read(log)
    away = np.linalg.norm(tables.world_SE3_box[:, :3, 3] - [tables.world_SE3_lidar(s)[:3, 3] for s in range(1, 4)][-len(tables.box_track) :], axis=1)  # fmt: skip
    assert 0 < len(tables.box_track) < 4
    assert (away <= 80).all()
    assert tables.track_tokens == ["truck-1"]


def test_the_later_box_counts_and_single_frames_before_windows(log: Kitti360Log) -> None:
    log.texts[boxes_file()] = boxes(
        box("object1", CAR, 7, 2, car_pose(2), CAR_LWH), box("object2", CAR, 7, -1, parked_pose(), CAR_LWH),
        box("object3", CAR, 7, 2, car_pose(3), CAR_LWH),
    )  # fmt: skip
    tables = read(log)
    assert len(tables.box_track) == 1
    assert np.allclose(tables.world_SE3_box[0], car_pose(3), rtol=0, atol=1e-7)


def test_any_cuboid_is_a_box(log: Kitti360Log) -> None:
    """Corners that are no unit cube around the middle, and a transform that does not scale."""
    pose = upright(900, 3500, 116, 0.3)
    text = box("object1", CAR, 1, 2, pose, CAR_LWH)
    shifted = CORNERS * CAR_LWH + (1.0, -0.5, 0.25)
    text = text.replace(matrix("vertices", CORNERS), matrix("vertices", shifted))
    log.texts[boxes_file()] = boxes(text.replace(matrix("transform", pose @ np.diag([*CAR_LWH, 1])), matrix("transform", pose)))  # fmt: skip
    tables = read(log)
    assert tables.box_size_m[0] == pytest.approx(CAR_LWH)
    assert tables.world_SE3_box[0, :3, 3] == pytest.approx((pose @ (1.0, -0.5, 0.25, 1.0))[:3], abs=1e-6)


def test_riders_have_no_class_and_keep_their_track(log: Kitti360Log) -> None:
    log.texts[boxes_file()] = boxes(box("object1", 20, 1, 2, car_pose(2), (0.8, 0.7, 1.7)))
    tables = read(log)
    assert (tables.track_categories, tables.track_classes) == (["rider"], [255])
    (warning,) = preflight(log.root, tables).warnings
    assert "category 'rider' have no class" in warning


def test_cameras_show_what_kitti360s_own_scripts_show(log: Kitti360Log) -> None:
    """World to camera by pose, mounting and rectification, then ``P_rect`` without its last column; plus half a pixel."""
    found = logged(log)
    assert found.cameras.names == ["image_00", "image_01"]
    assert found.cameras.image_sizes == [[1408, 376], [1400, 370]]
    assert found.cameras.image_files[1][1] == f"data_2d_raw/{BAD}/image_01/data_rect/0000000003.png"
    points = np.array([[9.0, 4.0, 1.0], [12.0, -3.0, 0.5], [30.0, 2.0, 2.0]])
    world = points @ world_SE3_imu(3)[:3, :3].T + world_SE3_imu(3)[:3, 3]
    for camera, number in enumerate(("00", "01")):
        turned = np.eye(4)
        turned[:3, :3] = np.reshape(PERSPECTIVE[f"R_rect_{number}"], (3, 3))
        mounting = np.vstack([np.reshape(CAM_TO_POSE[f"image_{number}"], (3, 4)), [0, 0, 0, 1]])
        camera_SE3_world = np.linalg.inv(world_SE3_imu(3) @ mounting @ np.linalg.inv(turned))
        seen = world @ camera_SE3_world[:3, :3].T + camera_SE3_world[:3, 3]
        pixels = seen @ np.reshape(PERSPECTIVE[f"P_rect_{number}"], (3, 4))[:, :3].T
        ours = np.linalg.inv(found.cameras.world_SE3_camera(1, camera))
        uv, depth = project(world, ours, found.cameras.intrinsics[1, camera])
        assert np.allclose(uv, pixels[:, :2] / pixels[:, 2:] + 0.5, rtol=0, atol=0.01)
        assert np.allclose(depth, seen[:, 2], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("calibration/perspective.txt", "S_rect_01: 1400.0 370.0", "S_rect_01: 1400.0", "no usable 'S_rect_01'"),
        ("calibration/perspective.txt", "R_rect_00: 0.9998", "R_rect_00: 0.5", "no rotation"),
        (TO_POSE, "image_01", "image_09", "no usable 'image_01'"),
    ],
)
def test_cameras_that_cannot_be_used_cost_no_sequence(
    name: str, old: str, new: str, message: str, log: Kitti360Log
) -> None:
    log.texts[name] = log.texts[name].replace(old, new)
    found = logged(log)
    assert found.cameras.names == []
    (warning,) = found.camera_warnings
    assert message in warning


def test_without_boxes_a_warning_says_what_stays(log: Kitti360Log) -> None:
    del log.texts[boxes_file()]
    tables = read(log)
    assert (len(tables.box_track), tables.track_tokens) == (0, [])
    (warning,) = preflight(log.root, tables).warnings
    assert "no tracked objects" in warning


def test_a_scan_more_is_another_release(log: Kitti360Log) -> None:
    source = SOURCES["kitti360"](log.write().root, "raw")
    before = source.identity()
    (log.root / scan(2)).rename(log.root / scan(4))
    assert source.identity() != before


def swap(name: str, old: str, new: str) -> Callable[[Kitti360Log], None]:
    def spoil(log: Kitti360Log) -> None:
        assert old in log.texts[name]
        log.texts[name] = log.texts[name].replace(old, new, 1)

    return spoil


def gone(name: str) -> Callable[[Kitti360Log], None]:
    return lambda log: (log.texts.pop(name), None)[1]


BOXES, POSES, TIMES = boxes_file(), poses_file(), times()
BOMB = '<!DOCTYPE o [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n<opencv_storage>&b;</opencv_storage>'
OUTSIDE = '<!DOCTYPE o [<!ENTITY a SYSTEM "file:///etc/hostname">]><opencv_storage>&a;</opencv_storage>'
CASES: dict[str, tuple[Callable[[Kitti360Log], None], str]] = {
    "no poses": (gone(POSES), r"missing.*poses\.txt.*no such file"),
    "poses of other frames": (lambda log: log.texts.update({POSES: log.texts[poses_file()].splitlines()[0] + "\n"}), "no scan has a pose.*poses of 1 other frames, expected a line that begins with 1"),
    "a pose cut off": (swap(POSES, " \n3 ", " 1 \n3 "), r"no frame's pose.*line 2.*found 14 numbers"),
    "a frame with half a number": (swap(POSES, "\n2 ", "\n2.5 "), r"no frame's pose.*line 2.*first 2\.5"),
    "a frame twice": (swap(POSES, "\n3 ", "\n2 "), r"two poses.*line 3.*frame 2 again"),
    "a mirrored pose": (swap(POSES, "0.0 0.0 -1.0", "0.0 0.0 1.0"), "no rotation"),
    "no times": (gone(TIMES), r"missing.*timestamps\.txt"),
    "no time of a scan": (swap(TIMES, f"{time_of(5)}\n", "\n"), "no time stamp.*frame 0000000005"),
    "times go back": (swap(TIMES, time_of(5), time_of(1)), "do not increase.*frame 0000000005"),
    "boxes break off": (swap(BOXES, "</opencv_storage>", ""), "boxes cannot be used.*no element found"),
    "boxes that grow": (lambda log: log.texts.update({BOXES: BOMB}), "boxes cannot be used.*without document types and entities; download"),
    "boxes that read files": (lambda log: log.texts.update({BOXES: OUTSIDE}), "boxes cannot be used.*DTDForbidden"),
    "a box without corners": (swap(BOXES, "<rows>8</rows>", "<rows>7</rows>"), "boxes cannot be used.*vertices of 'object2': cannot reshape"),
    "a box of words": (swap(BOXES, "0.5 0.5 0.5", "a b c"), "could not convert.*'a'"),
    "a box nowhere": (swap(BOXES, "0.5 0.5 0.5", "nan 0.5 0.5"), "vertices of 'object2' with a number that is not finite"),
    "a box of no frame": (swap(BOXES, "<timestamp>1<", "<timestamp>soon<"), "timestamp 'soon' in 'object11', expected a whole number"),
    "a huge box": (lambda log: log.texts.update({BOXES: boxes(box("object9", CAR, 1, 2, car_pose(2), (400.0, 2.0, 1.5)))}), "'object9' of 400 x 2 x 1.5 m"),
    "a flat box": (lambda log: log.texts.update({BOXES: boxes(box("object9", CAR, 1, 2, car_pose(2), (4.0, 0.0, 1.5)))}), "'object9' of 4 x 0 x 1.5 m"),
    "a sheared box": (lambda log: log.texts.update({BOXES: boxes(box("object9", CAR, 1, 2, sheared(), CAR_LWH))}), "'object9' is sheared or mirrored"),
}  # fmt: skip


def sheared() -> np.ndarray:
    pose = car_pose(2)
    pose[0, 1] += 0.1
    return pose


@pytest.mark.parametrize("case", CASES)
def test_broken_sequence_fails_alone_and_says_why(case: str, log: Kitti360Log) -> None:
    spoil, message = CASES[case]
    spoil(log)
    error = refusal(log)
    assert error.file is not None
    assert error.fix is not None
    assert re.search(message, str(error)), str(error)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (gone(TO_POSE), "missing.*calib_cam_to_pose"),
        (swap(TO_POSE, "image_00", "image_05"), "no usable 'image_00'"),
        (swap(TO_VELO, " 0.8 ", " "), "line is no pose.*found 11 numbers"),
        (lambda log: log.texts.update({TO_VELO: log.texts[TO_VELO] * 2}), "no usable pose.*found 2 lines"),
    ],
)
def test_mountings_that_cannot_be_used_fail_all(
    spoil: Callable[[Kitti360Log], None], message: str, log: Kitti360Log
) -> None:
    spoil(log)
    found = list(SOURCES["kitti360"](log.write().root, "raw").index())
    assert [error.scene for error in found if isinstance(error, InputError)] == [GOOD, BAD]
    assert all(re.search(message, str(error)) for error in found), str(found[0])


def test_file_of_boxes_too_large_is_not_read(log: Kitti360Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("occ_pipeline.pipeline.sources.kitti360_boxes._LARGEST_FILE", 20_000)
    log.texts[BOXES] += " " * 20_000
    assert "expected at most 20000" in str(refusal(log))


def test_links_out_of_the_data_root_are_refused(log: Kitti360Log, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.xml").write_text(log.texts.pop(BOXES))
    root = log.write().root
    (root / BOXES).symlink_to(tmp_path / "elsewhere.xml")
    assert refusal(log).what == "file is a link that leads out of the data root"
