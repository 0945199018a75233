"""A pinhole camera that looks at a grid from behind and above the ego vehicle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import VoxelGrid

_YAW_RAD = np.deg2rad(-17.0)
_PITCH_RAD = np.deg2rad(30.0)
_FOCAL = 2.0
"""Focal length over half the picture's width: a mild telephoto keeps near voxels from covering the street."""

_MIDDLE = 0.45
"""What is looked at lies at least this share of the grid's side inside it."""


@dataclass(frozen=True)
class Camera:
    """Where it stands, and how it turns metres into pixels."""

    position_m: NDArray[np.float64]
    """(3,) float64, metres, grid frame."""
    camera_R_grid: NDArray[np.float64]
    """(3, 3) float64: rows are the directions right, down and ahead of the picture."""
    focal_px: float
    centre_px: tuple[float, float]

    @classmethod
    def behind(cls, grid: VoxelGrid, ego_m: NDArray[np.float64], width: int, height: int) -> Camera:
        """Looks forward and a little to the left over a grid, with the ego vehicle at ``ego_m`` (3,) in its near half.

        Where the vehicle stands at the grid's border, as before KITTI's, the middle of the grid is looked at.
        """
        ahead = np.array(
            [np.cos(_PITCH_RAD) * np.cos(_YAW_RAD), -np.cos(_PITCH_RAD) * np.sin(_YAW_RAD), -np.sin(_PITCH_RAD)]
        )
        right = np.cross(ahead, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(ahead, right), ahead])
        reach = max(grid.shape[:2]) * grid.voxel_m
        target = ego_m + np.array([0.03 * reach, 0.0, 0.0])
        sides = np.array(grid.shape[:2]) * grid.voxel_m
        target[:2] = np.clip(
            target[:2], np.array(grid.min_m[:2]) + _MIDDLE * sides, np.array(grid.max_m[:2]) - _MIDDLE * sides
        )
        return cls(target - ahead * reach * 1.02, rotation, _FOCAL * width / 2, (width / 2, height * 0.47))

    def project(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels (..., 2), column and row, and depth (...), metres, of points (..., 3) in metres of the grid's frame."""
        seen = (points - self.position_m) @ self.camera_R_grid.T
        depth = seen[..., 2]
        pixels = seen[..., :2] / np.maximum(depth, 1e-6)[..., None] * self.focal_px + self.centre_px
        return pixels, depth
