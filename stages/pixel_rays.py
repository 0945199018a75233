"""The rays of a key frame's labelled pixels, in the voxels of some grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.cameras import NO_IMAGE
from ..schemas.grid import VoxelGrid
from ..schemas.product import ProductReader
from .grid_frames import voxels_from_metres

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class PixelRays:
    """Of one camera."""

    camera: int
    labels: NDArray[np.uint8]
    """(H, W) uint8 class ids, 255 without."""
    origin: Float64
    """(3,) float64: the camera's place, voxels."""
    matrix: Float64
    """(3, 3) float64: from (u, v, 1), label pixels, to the direction of their ray in voxels."""


def pixel_rays(
    cameras: ProductReader, labels: ProductReader, frame: int, grid: VoxelGrid, world_SE3_grid: Float64
) -> Iterator[PixelRays]:
    """Of every camera that a key frame has, each from where it stood when it took its image.

    ``cameras``: :class:`CameraTables`; ``labels``: :class:`ImageLabels`. The grid may be another key frame's.
    """
    stamps, world_SE3_ego, ego_SE3_camera, intrinsics = (
        cameras.rows(name, frame, frame + 1)[0]
        for name in ("timestamps_ns", "world_SE3_ego", "ego_SE3_camera", "intrinsics")
    )
    images = labels.rows("labels", frame, frame + 1)[0]
    voxel_SE3_world = voxels_from_metres(grid) @ np.linalg.inv(world_SE3_grid)
    for camera in np.flatnonzero(stamps != NO_IMAGE).tolist():
        wide, high = labels.attribute("sizes")[camera]
        edge = float(labels.attribute("pixels")[camera])
        voxel_SE3_camera = voxel_SE3_world @ world_SE3_ego[camera] @ ego_SE3_camera[camera]
        pinhole: Float64 = intrinsics[camera]
        camera_M_pixel = np.linalg.inv(pinhole) @ np.diag([edge, edge, 1.0])
        matrix: Float64 = np.asarray(voxel_SE3_camera[:3, :3] @ camera_M_pixel, dtype=np.float64)
        yield PixelRays(
            camera,
            np.ascontiguousarray(images[camera, :high, :wide]),
            np.ascontiguousarray(voxel_SE3_camera[:3, 3]),
            np.ascontiguousarray(matrix),
        )
