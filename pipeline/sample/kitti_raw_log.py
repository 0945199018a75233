"""Writes a simulated log in the layout of KITTI's raw drives, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from .annotate import Annotator
from .kitti_labels import class_ids, values
from .kitti_scans import Recording
from .log import Progress
from .meshes import Float64
from .oxts import line, packets
from .pictures import take_pictures
from .scanner import HDL_64E
from .simulate import EPOCH_US, SCENE_US
from .stereo import KITTI, Stereo
from .streets import Wanted, write_streets
from .tracklets import tracklets

DRIVES = 9999
"""As many as four digits name, from 1."""
COLOURED = ("02", "03")
"""Numbers of the cameras whose images there are."""
EGO_SE3_IMU: Float64 = np.eye(4)
EGO_SE3_IMU[:3, 3] = 0.0, 0.32, 0.93
"""(4, 4): where KITTI's unit is; upright, as the LiDAR is."""


def write_kitti_sample(
    out: Path,
    *,
    scenes: int = 1,
    seconds: float = 10.0,
    seed: int = 0,
    image_scale: float | None = None,
    progress: Progress | None = None,
) -> None:
    """Simulates a street and writes it as raw drives of KITTI with their exact truth, in a new folder.

    Points have no labels; objects have tracked boxes. The streets and scans are those of :func:`.kitti_log.write_semantickitti_sample`.
    ``image_scale``: two colour cameras whose images are this fraction of 1242 x 375 pixels, None for none, which changes nothing
    else. The same seed gives the same bytes; a scene does not depend on how many there are. ``progress`` hears each drive's name
    and how much of it is done, 0 to 1. Raises UsageError if the numbers make no sense or the folder is in use, StorageError if it
    cannot be written.
    """
    if image_scale is not None:
        KITTI.refuse_scale(image_scale)
    write = partial(_drive, image_scale=image_scale)
    write_streets(out, "kitti", Wanted(scenes, seconds, seed), drive_name, DRIVES, write, progress)


def drive_name(number: int) -> str:
    """Name of a street's drive, by its number from 0: the day and four digits, as readers call it."""
    begins = datetime.fromtimestamp(begin_ns(number) // 10**9, UTC)
    return f"{begins:%Y_%m_%d}_{number + 1:04d}"


def begin_ns(number: int) -> int:
    """Nanoseconds since 1970 of a street's beginning, by its number from 0: as in the log of nuScenes' layout."""
    return (EPOCH_US + (number + 1) * SCENE_US) * 1000


def _drive(
    root: Path, name: str, recording: Recording, report: Callable[[float], None], *, image_scale: float | None
) -> None:
    """Scans, packets, boxes, calibration, images and truth of one drive."""
    share = 1.0 if image_scale is None else 0.5
    day, number = name.rsplit("_", 1)
    folder = root / day / f"{day}_drive_{number}_sync"
    for kind in ("velodyne_points", "oxts"):
        (folder / kind / "data").mkdir(parents=True)
    tokens = [f"{scan:010d}" for scan in range(len(recording.times_s))]
    classes = class_ids(values(recording.world))
    annotator = Annotator(recording.lidar, 1)
    poses = recording.world_SE3_lidar
    for scan in recording.scans(root / "truth" / name, classes, tokens, lambda done: report(share * done)):
        scan.points.tofile(folder / "velodyne_points" / "data" / f"{tokens[scan.number]}.bin")
        pose = poses[scan.number]
        annotator.add(scan.points[:, :3].astype(np.float64) @ pose[:3, :3].T + pose[:3, 3])
    (folder / "tracklet_labels.xml").write_text(tracklets(annotator.boxes(), poses))
    for token, packet in zip(tokens, packets(recording.world.ego, EGO_SE3_IMU, recording.times_s), strict=True):
        (folder / "oxts" / "data" / f"{token}.txt").write_text(line(packet))
    _times(folder, begin_ns(int(number) - 1), recording.times_s)
    _calibration(root / day, KITTI, 1.0 if image_scale is None else image_scale)
    if image_scale is not None:
        take_pictures(
            recording.world, [KITTI.camera(camera, HDL_64E.ego_SE3_lidar) for camera in COLOURED], image_scale,
            recording.times_s, lambda camera, scan: folder / camera.channel / "data" / f"{tokens[scan]}.png",
            lambda done: report(share + (1 - share) * done),
        )  # fmt: skip
        for camera in COLOURED:
            write_times(folder / f"image_{camera}" / "timestamps.txt", begin_ns(int(number) - 1), recording.times_s)


def _times(folder: Path, begins_ns: int, times_s: Sequence[float]) -> None:
    """When scans begin, look ahead and end; packets are those of the second."""
    scans = folder / "velodyne_points"
    write_times(scans / "timestamps.txt", begins_ns, times_s)
    write_times(scans / "timestamps_start.txt", begins_ns, [HDL_64E.begins_s(time) for time in times_s])
    ends = [HDL_64E.begins_s(time) + HDL_64E.period_s for time in times_s]
    write_times(scans / "timestamps_end.txt", begins_ns, ends)
    write_times(folder / "oxts" / "timestamps.txt", begins_ns, times_s)


def write_times(path: Path, begins_ns: int, times_s: Iterable[float]) -> None:
    """A file of dates and times; ``times_s`` count from ``begins_ns``, nanoseconds since 1970."""
    stamps = [np.datetime64(begins_ns + round(time * 1e9), "ns") for time in times_s]
    path.write_text("".join(f"{np.datetime_as_string(stamp).replace('T', ' ')}\n" for stamp in stamps))


def _calibration(day: Path, stereo: Stereo, scale: float) -> None:
    """The day's three files."""
    lidar_SE3_imu = np.linalg.inv(HDL_64E.ego_SE3_lidar) @ EGO_SE3_IMU
    (day / "calib_imu_to_velo.txt").write_text(rows({"R": lidar_SE3_imu[:3, :3], "T": lidar_SE3_imu[:3, 3]}))
    cam0_SE3_lidar, zeros = stereo.cam0_SE3_lidar, np.zeros(2)
    mounting = {"R": cam0_SE3_lidar[:3, :3], "T": cam0_SE3_lidar[:3, 3], "delta_f": zeros, "delta_c": zeros}
    (day / "calib_velo_to_cam.txt").write_text(rows(mounting))
    (day / "calib_cam_to_cam.txt").write_text(rows(stereo.calibration(scale)))


def rows(values: dict[str, Float64]) -> str:
    """A calibration file: a name and its numbers on each line."""
    return "".join(f"{key}: {' '.join(f'{n:.12e}' for n in row.ravel().tolist())}\n" for key, row in values.items())
