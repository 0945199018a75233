"""Which voxels of a key frame's grid lie in tracked objects' boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..schemas.grid import VoxelGrid
from ..schemas.object_clouds import Motion
from ..schemas.product import ProductReader

Float64 = NDArray[np.float64]


def in_boxes(
    clouds: ProductReader, grid: VoxelGrid, world_SE3_grid: Float64, frame: int, margin_m: float, *, parked: bool
) -> NDArray[np.bool_]:
    """(X, Y, Z) bool: voxels whose centres lie in the box, grown to all sides, of an object that is there in a key frame.

    ``clouds``: :class:`ObjectClouds`; ``parked``: whether boxes of objects that stand still count.
    """
    inside = np.zeros(grid.shape, dtype=np.bool_)
    boxes = clouds.rows("frame_boxes", frame, frame + 1)[0]
    chosen = np.isfinite(boxes).all(axis=(1, 2)) & (parked | (clouds.read("motion") != Motion.PARKED))
    for track in np.flatnonzero(chosen).tolist():
        half = clouds.read("track_size_m")[track].astype(np.float64) / 2 + margin_m
        grid_SE3_box = np.linalg.inv(world_SE3_grid) @ boxes[track]
        reach = np.abs(grid_SE3_box[:3, :3]) @ half
        low = np.clip(np.floor((grid_SE3_box[:3, 3] - reach - grid.min_m) / grid.voxel_m).astype(int), 0, grid.shape)
        high = np.clip(np.ceil((grid_SE3_box[:3, 3] + reach - grid.min_m) / grid.voxel_m).astype(int), low, grid.shape)
        cells = low + np.argwhere(np.ones(high - low, dtype=np.bool_))
        centres = (cells + 0.5) * grid.voxel_m + grid.min_m
        local = (centres - grid_SE3_box[:3, 3]) @ grid_SE3_box[:3, :3]
        inside[tuple(cells[np.all(np.abs(local) <= half, axis=1)].T)] = True
    return inside
