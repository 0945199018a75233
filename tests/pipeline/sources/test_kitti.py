"""What the reader of KITTI's raw drives makes of a hand-written log, and what it refuses."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from math import cos, log, pi, sin, tan
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sources import SOURCES, LoggedScene, preflight
from occ_pipeline.pipeline.sources.kitti_oxts import poses
from occ_pipeline.schemas.cameras import project
from occ_pipeline.schemas.errors import InputError
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.taxonomy import NO_LABEL, SEMANTICKITTI
from occ_pipeline.tests.pipeline.sources.kitti_log import (
    BAD,
    CALIBRATION,
    CAMERAS,
    CAR,
    CAR_FIRST,
    CAR_HWL,
    DAY,
    FRAMES,
    GOOD,
    LINES,
    PERSON_HWL,
    KittiLog,
    Place,
    car_place,
    packet,
    person_place,
    time_of,
    tracklet,
    tracklets,
)
from occ_pipeline.tests.pipeline.sources.kitti_log import (
    MOUNTING as CAMERA_MOUNTING,
)

TIMES, OTHER_TIMES = KittiLog.file("velodyne_points/timestamps.txt"), KittiLog.file("oxts/timestamps.txt")
TRACKLETS, MOUNTING = KittiLog.file("tracklet_labels.xml"), f"{DAY}/calib_imu_to_velo.txt"
BEGIN_NS = 1_317_042_145_000_000_000
"""2011-09-26 13:02:25 UTC."""


@pytest.fixture
def drive_log(tmp_path: Path) -> KittiLog:
    """A good log, not yet written."""
    return KittiLog(tmp_path / "log")


def read(log: KittiLog, drive: str = BAD) -> SceneTables:
    (found,) = SOURCES["kitti"](log.write().root, "sync").index([drive])
    assert isinstance(found, LoggedScene), str(found)
    return found.tables


def refusal(log: KittiLog) -> InputError:
    """Why the second drive is refused; the first must be read."""
    good, bad = SOURCES["kitti"](log.write().root, "sync").index()
    assert isinstance(good, LoggedScene)
    assert isinstance(bad, InputError)
    assert bad.scene == BAD
    return bad


def slow_pose(frame: int) -> np.ndarray:
    """``world_SE3_imu`` before the origin is moved: the development kit's formula, in scalars and matrices of its own."""
    lat, lon, alt, roll, pitch, yaw = packet(frame)[:6]
    scale = cos(packet(FRAMES[0])[0] * pi / 180)
    about_x = np.array([[1, 0, 0], [0, cos(roll), -sin(roll)], [0, sin(roll), cos(roll)]])
    about_y = np.array([[cos(pitch), 0, sin(pitch)], [0, 1, 0], [-sin(pitch), 0, cos(pitch)]])
    about_z = np.array([[cos(yaw), -sin(yaw), 0], [sin(yaw), cos(yaw), 0], [0, 0, 1]])
    pose = np.eye(4)
    pose[:3, :3] = about_z @ about_y @ about_x
    pose[:3, 3] = scale * lon * pi * 6378137 / 180, scale * 6378137 * log(tan((90 + lat) * pi / 360)), alt
    return pose


def slow_world_SE3_lidar(frame: int) -> np.ndarray:
    """A LiDAR's pose, in a world whose origin is 0.93 m below the first inertial unit and as far to the left as the LiDAR."""
    lidar_SE3_imu = np.eye(4)
    lidar_SE3_imu[:3, :3] = np.reshape(CALIBRATION["R"], (3, 3))
    lidar_SE3_imu[:3, 3] = CALIBRATION["T"]
    imu_SE3_lidar = np.linalg.inv(lidar_SE3_imu)
    pose = slow_pose(frame)
    pose[:3, 3] -= (slow_pose(FRAMES[0]) @ [0, imu_SE3_lidar[1, 3], -0.93, 1])[:3]
    return pose @ imu_SE3_lidar


def test_scans_are_joined_by_number_not_by_place(drive_log: KittiLog) -> None:
    tables = read(drive_log)
    assert tables.frame_tokens == [f"{n:010d}" for n in FRAMES]
    assert tables.point_files == [drive_log.scan(n) for n in FRAMES]
    assert tables.timestamps_ns.tolist() == [BEGIN_NS + n * 1_000_000_000 + 594_360_375 + n for n in FRAMES]
    assert tables.key_sweeps.tolist() == list(range(len(FRAMES)))
    for sweep, frame in enumerate(FRAMES):
        assert np.allclose(tables.world_SE3_lidar(sweep), slow_world_SE3_lidar(frame), rtol=0, atol=1e-7)
    assert (tables.split, tables.taxonomy, tables.point_columns) == ("", "semantickitti", 4)


def test_ego_lies_on_the_ground_on_the_cars_midline(drive_log: KittiLog) -> None:
    tables = read(drive_log)
    assert tables.world_SE3_ego[0, :3, 3].tolist() == [0, 0, 0]
    assert (tables.ego_SE3_lidar == tables.ego_SE3_lidar[0]).all()
    lidar_SE3_ego = np.linalg.inv(tables.ego_SE3_lidar[0])
    assert np.allclose(lidar_SE3_ego[:3, :3], np.reshape(CALIBRATION["R"], (3, 3)))
    assert tables.ego_SE3_lidar[0, 1, 3] == 0, "the LiDAR is on the midline"
    beside = np.linalg.inv(tables.ego_SE3_lidar[0, :3, :3]) @ (0, 1, 0)
    unit = lidar_SE3_ego @ [0, 0, 0.93, 1]
    assert np.allclose(np.cross(unit[:3] - CALIBRATION["T"], beside), 0, atol=1e-9), "the unit is to a side of it"


def test_heading_north_drives_north() -> None:
    packets = np.zeros((2, 6))
    packets[:, 5] = pi / 2
    packets[:, :2] = [[49.0, 8.4], [49.0 + 1 / 111_319.49, 8.4]]
    found = poses(packets)
    assert np.allclose(found[1, :3, 3], [0, 1, 0], atol=1e-3)
    assert np.allclose(found[1, :3, 0], [0, 1, 0])
    packets[1, :3] = 49.0, 8.4 + 1 / 111_319.49, 7.0
    assert np.allclose(poses(packets)[1, :3, 3], [cos(49 * pi / 180), 0, 7], atol=1e-3)


def test_boxes_are_placed_by_their_own_frames_pose(drive_log: KittiLog) -> None:
    tables = read(drive_log)
    assert tables.track_tokens == ["tracklet-0", "tracklet-1"]
    assert tables.track_categories == ["Car", "Pedestrian"]
    assert tables.track_classes == [SEMANTICKITTI.id_of("car"), SEMANTICKITTI.id_of("person")]
    with_car, with_person = (1, 2, 5, 6), (0, 1, 2)
    assert tables.box_track.tolist() == [0] * 4 + [1] * 3
    stamps = dict(zip(FRAMES, tables.timestamps_ns.tolist(), strict=True))
    assert tables.box_timestamps_ns.tolist() == [stamps[n] for n in (*with_car, *with_person)]
    sizes = [[length, width, height] for height, width, length in [CAR_HWL] * 4 + [PERSON_HWL] * 3]
    assert tables.box_size_m.tolist() == sizes
    places = [(n, car_place(n), CAR_HWL[0]) for n in with_car]
    places += [(n, person_place(n), PERSON_HWL[0]) for n in with_person]
    for row, (frame, (x, y, z, yaw), height) in enumerate(places):
        lidar_SE3_world = np.linalg.inv(slow_world_SE3_lidar(frame))
        local = lidar_SE3_world @ tables.world_SE3_box[row]
        assert np.allclose(local[:3, 3], [x, y, z + height / 2], rtol=0, atol=1e-6)
        turned = [[cos(yaw), -sin(yaw), 0], [sin(yaw), cos(yaw), 0], [0, 0, 1]]
        assert np.allclose(local[:3, :3], turned, rtol=0, atol=1e-9)


def test_cameras_show_what_kittis_own_matrices_say(drive_log: KittiLog) -> None:
    """``P_rect @ R_rect_00 @ Tr_velo_to_cam``, as the development kit projects, plus half a pixel."""
    (scene,) = SOURCES["kitti"](drive_log.write().root, "sync").index([BAD])
    assert isinstance(scene, LoggedScene)
    tables, cameras = scene.tables, scene.cameras
    assert cameras.names == ["image_02", "image_03"]
    assert cameras.image_sizes == [[1242, 375], [1224, 370]]
    assert cameras.image_files[3][1] == drive_log.file("image_03/data/0000000005.png")
    points = np.array([[9.0, 4.0, -1.0], [12.0, 11.0, 0.5], [30.0, 20.0, 2.0]])
    old = points @ np.reshape(CAMERA_MOUNTING["R"], (3, 3)).T + CAMERA_MOUNTING["T"]
    for camera, number in enumerate(("02", "03")):
        rectified = old @ np.reshape(CAMERAS["R_rect_00"], (3, 3)).T
        pixels = np.c_[rectified, np.ones(3)] @ np.reshape(CAMERAS[f"P_rect_{number}"], (3, 4)).T
        camera_SE3_lidar = np.linalg.inv(cameras.world_SE3_camera(3, camera)) @ tables.world_SE3_lidar(3)
        found, depth = project(points, camera_SE3_lidar, cameras.intrinsics[3, camera])
        assert np.allclose(found, pixels[:, :2] / pixels[:, 2:] + 0.5, rtol=0, atol=0.02)
        assert np.allclose(depth, pixels[:, 2], rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("number", "row", "message"),
    [
        (2, "S_rect_02: 0 375", "no camera is like 02"),
        (2, "S_rect_02: 1242", "no usable 'S_rect_02'"),
        (2, "", "no usable 'S_rect_02'"),
        (1, "R_rect_00: 0 0 0 0 0 0 0 0 0", "no rotation"),
        (3, "P_rect_02: -4 0 6 4 0 4 1 0 0 0 1 0", "no camera is like 02"),
    ],
)
def test_cameras_that_cannot_be_used_cost_no_drive(number: int, row: str, message: str, drive_log: KittiLog) -> None:
    line(f"{DAY}/calib_cam_to_cam.txt", number, row)(drive_log)
    (scene,) = SOURCES["kitti"](drive_log.write().root, "sync").index([BAD])
    assert isinstance(scene, LoggedScene)
    assert scene.cameras.names == []
    (warning,) = scene.camera_warnings
    assert message in warning


def test_what_has_no_class_keeps_its_track(drive_log: KittiLog) -> None:
    place: list[Place] = [(5.0, 1.0, -1.7, 0.0)]
    drive_log.texts[TRACKLETS] = tracklets(
        tracklet(CAR, CAR_HWL, 3, place * 2), tracklet("Misc", CAR_HWL, 6, place * 9)
    )
    tables = read(drive_log)
    assert tables.track_tokens == ["tracklet-1"], "the first is seen in frames without a scan alone"
    assert (tables.track_classes, len(tables.box_track)) == ([NO_LABEL], 1)
    (warning,) = preflight(drive_log.root, tables).warnings
    assert "category 'Misc' have no class" in warning


def test_times_of_packets_stand_in_for_those_of_scans(drive_log: KittiLog) -> None:
    before = read(drive_log)
    (drive_log.root / TIMES).unlink()
    drive_log.texts[OTHER_TIMES] = drive_log.texts.pop(TIMES)
    assert OTHER_TIMES in SOURCES["kitti"](drive_log.write().root, "sync").table_files()
    assert read(drive_log).timestamps_ns.tolist() == before.timestamps_ns.tolist()


def test_without_tracklets_a_warning_says_what_stays(drive_log: KittiLog) -> None:
    del drive_log.texts[TRACKLETS]
    tables = read(drive_log)
    assert (len(tables.box_track), tables.track_tokens, tables.world_SE3_box.shape) == (0, [], (0, 4, 4))
    assert preflight(drive_log.root, tables).warnings == (
        f"scene {BAD}: no tracked objects, so what moves is looked for by rays, and what these do not show moving stays in the static map",
    )
    assert preflight(drive_log.root, read(drive_log, GOOD)).warnings == ()


def test_identity_tells_which_scans_there_are(drive_log: KittiLog) -> None:
    source = SOURCES["kitti"](drive_log.write().root, "sync")
    before = source.identity()
    (drive_log.root / drive_log.scan(2)).unlink()
    assert source.identity() != before
    assert drive_log.packet(2) not in source.table_files()


def test_other_folders_are_no_drives(drive_log: KittiLog) -> None:
    root = drive_log.write().root
    folder = root / drive_log.file("")
    shutil.copytree(folder, root / DAY / f"{DAY}_drive_0011_extract")
    shutil.copytree(folder, root / DAY / "2011_09_28_drive_0001_sync")
    (root / DAY / f"{DAY}_drive_0012_sync").mkdir()
    (root / f"{DAY}_drive_0001_calib.zip").write_bytes(b"")
    assert SOURCES["kitti"](root, "sync").scene_names() == [GOOD, BAD]


def line(name: str, number: int, text: str) -> Callable[[KittiLog], None]:
    """Another text in a line of a file."""

    def spoil(log: KittiLog) -> None:
        lines = log.texts[name].splitlines()
        lines[number] = text
        log.texts[name] = "\n".join(lines)

    return spoil


def text(name: str, content: str) -> Callable[[KittiLog], None]:
    return lambda log: log.texts.update({name: content})


def swap(name: str, old: str, new: str) -> Callable[[KittiLog], None]:
    return lambda log: log.texts.update({name: log.texts[name].replace(old, new, 1)})


def gone(name: str) -> Callable[[KittiLog], None]:
    return lambda log: (log.texts.pop(name), None)[1]


PACKET = KittiLog.packet(KittiLog(Path()), 5)
NUMBERS = [str(value) for value in packet(5)]
BOMB = (
    '<!DOCTYPE boost_serialization [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {name} "{f"&{inner};" * 10}">' for inner, name in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>\n<boost_serialization><tracklets>&i;</tracklets></boost_serialization>"
)
OUTSIDE = '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/hostname">]><b><tracklets>&a;</tracklets></b>'
CASES: dict[str, tuple[Callable[[KittiLog], None], str]] = {
    "no packet of a scan": (gone(PACKET), r"missing.*0000000005\.txt.*frame 0000000005.*no such file"),
    "packet with NaN": (text(PACKET, " ".join([*NUMBERS[:2], "nan", *NUMBERS[3:]])), r"not finite.*0000000005\.txt, line 1"),
    "packet cut off": (text(PACKET, " ".join(NUMBERS[:9])), r"no packet.*frame 0000000005.*found 9 numbers, expected 30"),
    "packet empty": (text(PACKET, "\n"), r"no packet.*0000000005\.txt.*found 0 lines, expected one"),
    "two packets": (text(PACKET, f"{' '.join(NUMBERS)}\n" * 2), "found 2 lines, expected one"),
    "packet beyond the pole": (text(PACKET, " ".join(["490.1", *NUMBERS[1:]])), "found latitude 490.1"),
    "packet of words": (text(PACKET, " ".join(["north", *NUMBERS[1:]])), "no number.*found 'north'"),
    "no times": (gone(TIMES), "missing.*velodyne_points/timestamps.txt.*no such file"),
    "times end early": (swap(TIMES, f"\n\n{time_of(5)}\n{time_of(6)}\n", ""), "no time stamp.*frame 0000000005.*found 4 lines, expected a time in line 6"),
    "no time of a scan": (line(TIMES, 5, ""), r"no time stamp.*frame 0000000005.*an empty line, expected a time in line 6"),
    "times go back": (line(TIMES, 5, "2011-09-26 13:02:26.0"), r"do not increase.*line 6.*frame 0000000005.*594360377 ns"),
    "no time at all": (line(TIMES, 2, "2011-09-26T13:02:27"), "line is no time.*line 3.*found '2011-09-26T13"),
    "no such century": (line(TIMES, 2, "9999-01-01 13:02:27.5"), "line is no time.*line 3.*found '9999"),
    "no such day": (line(TIMES, 2, "2011-13-26 13:02:27.5"), "line is no time.*line 3.*found '2011-13"),
    "boxes break off": (swap(TRACKLETS, "</tracklets>", ""), "tracklets cannot be used.*mismatched tag"),
    "boxes of nothing": (text(TRACKLETS, ""), "tracklets cannot be used.*no element found"),
    "boxes of others": (text(TRACKLETS, "<html/>"), "found no element 'tracklets'"),
    "boxes that grow": (text(TRACKLETS, BOMB), "tracklets cannot be used.*EntitiesForbidden.*without entities; download"),
    "boxes that read files": (text(TRACKLETS, OUTSIDE), "tracklets cannot be used.*EntitiesForbidden"),
    "boxes in no known letters": (swap(TRACKLETS, "UTF-8", "klingon"), "tracklets cannot be used.*klingon|encoding"),
    "box without a size": (swap(TRACKLETS, "<h>1.5</h>", ""), r"found h '' in tracklet-0, expected a number"),
    "flat box": (swap(TRACKLETS, "<w>0.8</w>", "<w>0</w>"), r"found tracklet-1 of 0\.6 x 0 x 1\.8 m"),
    "huge box": (swap(TRACKLETS, "<l>4.0</l>", "<l>4e9</l>"), r"found l '4e9' in tracklet-0, expected a number up to 100"),
    "box nowhere": (swap(TRACKLETS, f"<ty>{car_place(2)[1]!r}", "<ty>nan"), "found ty 'nan' in pose 1 of tracklet-0"),
    "box before the first": (swap(TRACKLETS, f"<first_frame>{CAR_FIRST}", "<first_frame>-1"), "begins in frame -1"),
    "box between frames": (swap(TRACKLETS, f"<first_frame>{CAR_FIRST}", "<first_frame>1.5"), r"begins in frame 1\.5"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_broken_drive_fails_alone_and_says_why(case: str, drive_log: KittiLog) -> None:
    spoil, message = CASES[case]
    spoil(drive_log)
    error = refusal(drive_log)
    assert error.file is not None

    assert re.search(message, str(error)), str(error)


MOUNTINGS = {
    "none": (gone(MOUNTING), "missing.*calib_imu_to_velo.txt.*no such file"),
    "no rotation": (line(MOUNTING, 1, "S: 1 2 3"), "no usable 'R'.*found no such row of numbers, expected 9"),
    "cut off": (line(MOUNTING, 2, "T: 1 2"), "no usable 'T'.*found 2 numbers, expected 3"),
    "mirrored": (line(MOUNTING, 1, "R: 1 0 0 0 -1 0 0 0 1"), "no usable 'R'.*no rotation"),
    "stretched": (line(MOUNTING, 1, "R: 2 0 0 0 1 0 0 0 1"), "no usable 'R'.*no rotation"),
}


@pytest.mark.parametrize("case", MOUNTINGS)
def test_mounting_that_cannot_be_used_fails_its_day(case: str, drive_log: KittiLog) -> None:
    spoil, message = MOUNTINGS[case]
    spoil(drive_log)
    found = list(SOURCES["kitti"](drive_log.write().root, "sync").index())

    assert [error.scene for error in found if isinstance(error, InputError)] == [GOOD, BAD]
    assert all(re.search(message, str(error)) for error in found), str(found[0])


def test_scan_without_a_number_is_named(drive_log: KittiLog) -> None:
    drive_log.scans[drive_log.file("velodyne_points/data/copy.bin")] = drive_log.scans[drive_log.scan(0)]
    error = refusal(drive_log)
    assert error.what == "scan has no number"
    assert error.found == "'copy'"


def test_file_of_boxes_too_large_is_not_read(drive_log: KittiLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("occ_pipeline.pipeline.sources.kitti_tracklets._LARGEST_FILE", 10_000)
    drive_log.texts[TRACKLETS] += " " * 10_000
    assert "expected at most 10000" in str(refusal(drive_log))


def test_links_out_of_the_data_root_are_refused(drive_log: KittiLog, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.xml").write_text(drive_log.texts.pop(TRACKLETS))
    root = drive_log.write().root
    (root / TRACKLETS).symlink_to(tmp_path / "elsewhere.xml")
    error = refusal(drive_log)
    assert error.what == "file is a link that leads out of the data root"


def test_lines_beyond_the_last_scan_do_not_matter(drive_log: KittiLog) -> None:
    before = read(drive_log)
    line(TIMES, LINES - 1, "")(drive_log)
    drive_log.texts[drive_log.packet(LINES - 1)] = "no numbers"
    after = read(drive_log)
    assert all(np.array_equal(getattr(after, name), getattr(before, name)) for name in SceneTables.specs())
