"""The perspective cameras of KITTI-360, rectified. What is wrong with them costs the images, never the sequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...schemas.cameras import CameraTables
from ...schemas.errors import InputError
from ...schemas.frames import Float64
from .kitti360_sequence import CALIBRATION, PERSPECTIVE, Sequence360
from .kitti_cameras import read_model, read_rectified
from .kitti_text import matrix, orthonormal, read_calibration


def read_cameras(
    sequence: Sequence360,
    tokens: Sequence[str],
    stamps: NDArray[np.int64],
    world_SE3_ego: Float64,
    ego_SE3_imu: Float64,
) -> tuple[CameraTables, tuple[str, ...]]:
    """Cameras of all scans, and a warning where they cannot be used.

    A camera is where ``calib_cam_to_pose.txt`` has it, turned back by its own rectification (kitti360scripts,
    ``helpers/project.py``). An image has its scan's time and pose: the LiDAR triggers the cameras as it looks ahead.
    """
    names = sequence.cameras()
    if not names:
        return CameraTables.none(sequence.name, tokens), ()
    try:
        models = [_camera(sequence, name) for name in names]
    except InputError as error:
        return CameraTables.none(sequence.name, tokens), (f"scene {sequence.name}: no camera can be used: {error}",)
    frames, count = len(tokens), len(names)
    ego_SE3_camera = np.stack([ego_SE3_imu @ imu_SE3_camera for imu_SE3_camera, *_ in models])
    tables = CameraTables(
        timestamps_ns=np.repeat(stamps[:, None], count, axis=1),
        world_SE3_ego=np.repeat(world_SE3_ego[:, None], count, axis=1),
        ego_SE3_camera=np.tile(ego_SE3_camera, (frames, 1, 1, 1)),
        intrinsics=np.tile(np.stack([intrinsics for _, intrinsics, _ in models]), (frames, 1, 1, 1)),
        scene=sequence.name, names=names, frame_tokens=list(tokens),
        image_files=[[sequence.image(name, token) for name in names] for token in tokens],
        image_sizes=[size for *_, size in models],
    )  # fmt: skip
    return tables, ()


def _camera(sequence: Sequence360, name: str) -> tuple[Float64, Float64, list[int]]:
    """``imu_SE3_camera`` (4, 4), intrinsics (3, 3), width and height. Raises InputError."""
    values = read_calibration(sequence.data_root, PERSPECTIVE)
    number = name[-2:]
    intrinsics, _, size = read_model(values, number, PERSPECTIVE)
    imu_SE3_camera = matrix(read_calibration(sequence.data_root, CALIBRATION[0]), name, CALIBRATION[0])
    imu_SE3_camera[:3, :3] = orthonormal(imu_SE3_camera[:3, :3])
    return imu_SE3_camera @ np.linalg.inv(read_rectified(values, number, PERSPECTIVE)), intrinsics, size
