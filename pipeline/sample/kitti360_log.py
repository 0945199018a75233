"""Writes a simulated log in KITTI-360's layout, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ...schemas.taxonomy import SSCBENCH_KITTI360
from .annotate import Annotator
from .kitti360_boxes import boxes
from .kitti_labels import class_ids, values
from .kitti_raw_log import begin_ns, drive_name, rows, write_times
from .kitti_scans import Recording
from .log import Progress
from .meshes import Float64
from .pictures import take_pictures
from .scanner import HDL_64E
from .stereo import KITTI_360
from .streets import Wanted, write_streets

SEQUENCES = 10_000
"""As many as four digits name."""
EGO_SE3_IMU: Float64 = np.diag([1.0, -1.0, -1.0, 1.0])
EGO_SE3_IMU[:3, 3] = 0.0, 0.3, 0.9
"""(4, 4): where KITTI-360's unit is, whose axes point ahead, to the right and down; level, as the LiDAR is."""


def write_kitti360_sample(
    out: Path,
    *,
    scenes: int = 1,
    seconds: float = 10.0,
    seed: int = 0,
    image_scale: float | None = None,
    progress: Progress | None = None,
) -> None:
    """Simulates a street and writes it as sequences of KITTI-360 with their exact truth, in a new folder.

    Points have no labels; objects have boxes. The streets and scans are those of :func:`.kitti_log.write_semantickitti_sample`.
    ``image_scale``: two cameras whose images are this fraction of 1408 x 376 pixels, None for none, which changes nothing else. The
    same seed gives the same bytes; a scene does not depend on how many there are. ``progress`` hears each sequence's name and how
    much of it is done, 0 to 1. Raises UsageError if the numbers make no sense or the folder is in use, StorageError if it cannot be
    written.
    """
    if image_scale is not None:
        KITTI_360.refuse_scale(image_scale)
    write = partial(_sequence, image_scale=image_scale)
    write_streets(out, "kitti360", Wanted(scenes, seconds, seed), sequence_name, SEQUENCES, write, progress)


def sequence_name(number: int) -> str:
    """Name of a street's sequence, by its number from 0."""
    return f"{drive_name(number).rpartition('_')[0]}_drive_{number:04d}_sync"


def _sequence(
    root: Path, name: str, recording: Recording, report: Callable[[float], None], *, image_scale: float | None
) -> None:
    """Scans, poses, boxes, calibration, images and truth of one sequence."""
    share = 1.0 if image_scale is None else 0.5
    scans, poses = root / "data_3d_raw" / name / "velodyne_points", root / "data_poses" / name
    for folder in (scans / "data", poses, root / "data_3d_bboxes" / "train"):
        folder.mkdir(parents=True, exist_ok=True)
    tokens = [f"{scan:010d}" for scan in range(len(recording.times_s))]
    annotator = Annotator(recording.lidar, 1)
    world_SE3_lidar = recording.world_SE3_lidar
    classes = class_ids(values(recording.world), SSCBENCH_KITTI360)
    for scan in recording.scans(root / "truth" / name, classes, tokens, lambda done: report(share * done)):
        scan.points.tofile(scans / "data" / f"{tokens[scan.number]}.bin")
        pose = world_SE3_lidar[scan.number]
        annotator.add(scan.points[:, :3].astype(np.float64) @ pose[:3, :3].T + pose[:3, 3])
    (root / "data_3d_bboxes" / "train" / f"{name}.xml").write_text(boxes(annotator.boxes(), len(tokens)))
    begins_ns = begin_ns(int(name.split("_")[-2]))
    write_times(scans / "timestamps.txt", begins_ns, recording.times_s)
    _poses(poses, recording.world_SE3_ego)
    _calibration(root / "calibration", 1.0 if image_scale is None else image_scale)
    if image_scale is not None:
        images = root / "data_2d_raw" / name
        take_pictures(
            recording.world, [KITTI_360.camera(camera, HDL_64E.ego_SE3_lidar) for camera in KITTI_360.projections], image_scale,
            recording.times_s, lambda camera, scan: images / camera.channel / "data_rect" / f"{tokens[scan]}.png",
            lambda done: report(share + (1 - share) * done),
        )  # fmt: skip
        for camera in KITTI_360.projections:
            write_times(images / f"image_{camera}" / "timestamps.txt", begins_ns, recording.times_s)


def _poses(folder: Path, world_SE3_ego: Float64) -> None:
    """Where the inertial unit is in each frame, and the rectified camera 0."""
    units = world_SE3_ego @ EGO_SE3_IMU
    cameras = world_SE3_ego @ KITTI_360.camera("00", HDL_64E.ego_SE3_lidar).ego_SE3_camera
    for name, poses in (("poses.txt", units[:, :3].reshape(-1, 12)), ("cam0_to_world.txt", cameras.reshape(-1, 16))):
        lines = [f"{frame} {' '.join(map(repr, row))}\n" for frame, row in enumerate(poses.tolist())]
        (folder / name).write_text("".join(lines))


def _calibration(folder: Path, scale: float) -> None:
    """The same for all sequences. Both cameras look the same way, and are rectified by the same turn."""
    folder.mkdir(exist_ok=True)
    lidar_SE3_imu = np.linalg.inv(HDL_64E.ego_SE3_lidar) @ EGO_SE3_IMU
    lidar_SE3_cam0 = np.linalg.inv(KITTI_360.cam0_SE3_lidar)
    imu_SE3_cam0 = np.linalg.inv(lidar_SE3_imu) @ lidar_SE3_cam0
    found: dict[str, Float64] = {}
    for number in KITTI_360.projections:
        cam0_SE3_camera = np.eye(4)
        cam0_SE3_camera[:3, 3] = KITTI_360.rectified_R_cam0.T @ KITTI_360.place(number)
        found[f"image_{number}"] = (imu_SE3_cam0 @ cam0_SE3_camera)[:3]
    (folder / "calib_cam_to_pose.txt").write_text(rows(found))
    (folder / "calib_cam_to_velo.txt").write_text(rows({"": lidar_SE3_cam0[:3]}).removeprefix(": "))
    (folder / "perspective.txt").write_text(rows(KITTI_360.calibration(scale)))
