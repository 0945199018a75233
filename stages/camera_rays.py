"""What the cameras of a key frame look at: voxels to which a line of sight leads that no occupied voxel blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..schemas.cameras import NO_IMAGE
from ..schemas.grid import VoxelGrid
from ..schemas.product import ProductReader
from .grid_frames import voxels_from_metres
from .kernels.rays import see

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]


_MATRICES = ("ego_SE3_camera", "world_SE3_ego", "intrinsics")


def looked_at(
    cameras: ProductReader,
    frame: int,
    grid: VoxelGrid,
    world_SE3_grid: Float64,
    occupied: Bool,
    asked: Bool,
    through: float,
) -> Bool:
    """(X, Y, Z) bool: which of the voxels ``asked`` some camera of the key frame looks at, past all that is ``occupied``.

    ``through``: how much of a line of sight may lie in occupied voxels, in voxels.
    ``cameras``: :class:`CameraTables`. Every voxel is asked from the camera, at several places of it: rays through pixels
    would pass by most voxels of a road that they graze.
    """
    seen = np.zeros(grid.shape, dtype=np.bool_)
    voxels = np.argwhere(asked)
    stamps: NDArray[np.int64] = cameras.rows("timestamps_ns", frame, frame + 1)[0]
    ego_SE3_camera, world_SE3_ego, intrinsics = (_of_frame(cameras, name, frame) for name in _MATRICES)
    voxel_SE3_world = voxels_from_metres(grid) @ np.linalg.inv(world_SE3_grid)
    for camera in np.flatnonzero(stamps != NO_IMAGE).tolist():
        voxel_SE3_camera = voxel_SE3_world @ world_SE3_ego[camera] @ ego_SE3_camera[camera]
        camera_SE3_voxel: Float64 = np.linalg.inv(voxel_SE3_camera)
        pixel_P_voxel = intrinsics[camera] @ camera_SE3_voxel[:3]
        width, height = cameras.attribute("image_sizes")[camera]
        origin = np.ascontiguousarray(voxel_SE3_camera[:3, 3])
        see(occupied, origin, pixel_P_voxel, float(width), float(height), through, voxels, seen)
    return seen


def _of_frame(cameras: ProductReader, name: str, frame: int) -> Float64:
    """Matrices of every camera of a key frame."""
    matrices: Float64 = cameras.rows(name, frame, frame + 1)[0]
    return matrices
