"""The colour cameras of KITTI's raw drives, rectified. What is wrong with them costs the images, never the drive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...schemas.cameras import MAX_SIDE, CameraTables
from ...schemas.errors import InputError
from ...schemas.frames import Float64
from ...schemas.validity import is_pinhole
from .kitti_drive import Drive
from .kitti_text import matrix, read_calibration, rigid


def read_cameras(
    drive: Drive, tokens: Sequence[str], stamps: NDArray[np.int64], world_SE3_ego: Float64, ego_SE3_lidar: Float64
) -> tuple[CameraTables, tuple[str, ...]]:
    """Cameras of all scans, and a warning where they cannot be used.

    An image has its scan's time and pose: the LiDAR triggers the cameras as it looks ahead, and the scan's time is of that moment.
    """
    names = drive.cameras()
    if not names:
        return CameraTables.none(drive.name, tokens), ()
    try:
        values = read_calibration(drive.data_root, drive.camera_calibration)
        mounting = rigid(read_calibration(drive.data_root, drive.camera_mounting), drive.camera_mounting)
        rectified = read_rectified(values, "00", drive.camera_calibration)
        models = [read_model(values, name[-2:], drive.camera_calibration) for name in names]
    except InputError as error:
        return CameraTables.none(drive.name, tokens), (f"scene {drive.name}: no camera can be used: {error}",)
    lidar_SE3_rectified = np.linalg.inv(rectified @ mounting)
    ego_SE3_camera = np.stack([ego_SE3_lidar @ lidar_SE3_rectified @ place for _, place, _ in models])
    frames, count = len(tokens), len(names)
    tables = CameraTables(
        timestamps_ns=np.repeat(stamps[:, None], count, axis=1),
        world_SE3_ego=np.repeat(world_SE3_ego[:, None], count, axis=1),
        ego_SE3_camera=np.tile(ego_SE3_camera, (frames, 1, 1, 1)),
        intrinsics=np.tile(np.stack([intrinsics for intrinsics, *_ in models]), (frames, 1, 1, 1)),
        scene=drive.name, names=names, frame_tokens=list(tokens),
        image_files=[[drive.image(name, token) for name in names] for token in tokens],
        image_sizes=[size for *_, size in models],
    )  # fmt: skip
    return tables, ()


def read_model(values: Mapping[str, Float64], number: str, name: str) -> tuple[Float64, Float64, list[int]]:
    """Intrinsics (3, 3), the camera's pose (4, 4) in the rectified frame of camera 0, width and height. Raises InputError."""
    projection = matrix(values, f"P_rect_{number}", name)[:3]
    size = _row(values, f"S_rect_{number}", 2, name)
    intrinsics = projection[:, :3].copy()
    if not is_pinhole(intrinsics) or (size < 1).any() or (size > MAX_SIDE).any():
        found = f"{intrinsics.tolist()}, {size.tolist()} pixels"
        raise InputError(
            f"no camera is like {number}", file=name, found=found, expected="a pinhole and its image's size"
        )
    place = np.eye(4)
    place[:3, 3] = -np.linalg.inv(intrinsics) @ projection[:, 3]
    # KITTI's principal points count from the middle of the first pixel.
    intrinsics[:2, 2] += 0.5
    return intrinsics, place, [int(side) for side in size]


def read_rectified(values: Mapping[str, Float64], number: str, name: str) -> Float64:
    """``rectified_SE3_camera`` (4, 4) of a camera. Raises InputError."""
    return rigid({"R": _row(values, f"R_rect_{number}", 9, name), "T": np.zeros(3)}, name)


def _row(values: Mapping[str, Float64], key: str, size: int, name: str) -> Float64:
    if key not in values or values[key].size != size:
        found = f"{values[key].size} numbers" if key in values else "no such row of numbers"
        raise InputError(f"calibration has no usable {key!r}", file=name, found=found, expected=f"{size} numbers")
    return values[key]
