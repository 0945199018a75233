"""Where a voxel grid lies in a key frame, and transforms between its voxels and metres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..schemas.grid import VoxelGrid
from .stage import SceneView

Float64 = NDArray[np.float64]


def grid_pose(scene: SceneView, grid: VoxelGrid, frame: int) -> Float64:
    """``world_SE3_grid`` (4, 4) float64 of a key frame."""
    sweep = int(scene.tables.key_sweeps[frame])
    return scene.tables.world_SE3_ego[sweep] if grid.frame == "ego" else scene.tables.world_SE3_lidar(sweep)


def grid_corners(grid: VoxelGrid) -> Float64:
    """(8, 3) float64: corners in the grid's frame, metres."""
    sides = zip(grid.min_m, grid.max_m, strict=True)
    return np.array(np.meshgrid(*sides, indexing="ij")).reshape(3, -1).T


def grid_reach(grid: VoxelGrid, poses: Sequence[Float64], origin_m: Float64) -> tuple[Float64, Float64]:
    """Bounds (3,) of the grid at some poses, metres from the origin."""
    corners = np.concatenate([grid_corners(grid) @ pose[:3, :3].T + pose[:3, 3] - origin_m for pose in poses])
    return corners.min(axis=0), corners.max(axis=0)


def voxels_from_metres(grid: VoxelGrid) -> Float64:
    """(4, 4) float64: from metres of the grid's frame to voxels, the lower corner at 0."""
    matrix = np.diag([1 / grid.voxel_m, 1 / grid.voxel_m, 1 / grid.voxel_m, 1.0])
    matrix[:3, 3] = np.negative(grid.min_m) / grid.voxel_m
    return matrix


def metres_from_voxels(
    grid: VoxelGrid, places: Float64, world_SE3_grid: Float64, origin_m: Float64
) -> NDArray[np.float32]:
    """Places (N, 3) in voxels, as metres of the world relative to an origin, (N, 3) float32."""
    metres = places * grid.voxel_m + grid.min_m
    return (metres @ world_SE3_grid[:3, :3].T + world_SE3_grid[:3, 3] - origin_m).astype(np.float32)
