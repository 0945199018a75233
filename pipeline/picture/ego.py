"""The ego vehicle, as a picture shows it: a passenger car about the origin of its frame, the middle of the rear axle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .view import FrameView

LENGTH_M = (-1.0, 3.6)
"""From the rear bumper to the front one, along x of the ego frame."""
HALF_WIDTH_M = 0.95
_BODY_M = (0.2, 0.9)
_CABIN_M = (0.9, 1.7)
_CABIN_LENGTH_M = (-0.8, 2.2)


def ego_voxels(view: FrameView) -> NDArray[np.bool_]:
    """(X, Y, Z) bool: voxels whose centres the car fills."""
    filled = np.zeros(view.grid.shape, dtype=bool)
    grid, ego_SE3_grid = view.grid, np.linalg.inv(view.grid_SE3_ego)
    centre = view.grid_SE3_ego[:3, 3]
    low = np.clip(np.floor((centre - 6 - grid.min_m) / grid.voxel_m).astype(int), 0, grid.shape)
    high = np.clip(np.ceil((centre + 6 - grid.min_m) / grid.voxel_m).astype(int), 0, grid.shape)
    cells = low + np.argwhere(np.ones(high - low, dtype=bool))
    metres = (cells + 0.5) * grid.voxel_m + grid.min_m
    x, y, z = (metres @ ego_SE3_grid[:3, :3].T + ego_SE3_grid[:3, 3]).T
    beside = np.abs(y) <= HALF_WIDTH_M
    body = (x >= LENGTH_M[0]) & (x <= LENGTH_M[1]) & (z >= _BODY_M[0]) & (z <= _BODY_M[1])
    cabin = (x >= _CABIN_LENGTH_M[0]) & (x <= _CABIN_LENGTH_M[1]) & (z >= _CABIN_M[0]) & (z <= _CABIN_M[1])
    filled[tuple(cells[beside & (body | cabin)].T)] = True
    return filled


def outline(view: FrameView) -> NDArray[np.float64]:
    """(5, 3) float64, metres, grid frame: the car from above, an arrow's head in front; counter-clockwise."""
    back, front = LENGTH_M
    corners = np.array(
        [
            (back, HALF_WIDTH_M, 0.0),
            (back, -HALF_WIDTH_M, 0.0),
            (front - 1.2, -HALF_WIDTH_M, 0.0),
            (front, 0.0, 0.0),
            (front - 1.2, HALF_WIDTH_M, 0.0),
        ]
    )
    return corners @ view.grid_SE3_ego[:3, :3].T + view.grid_SE3_ego[:3, 3]


def ego_bounds(view: FrameView) -> NDArray[np.float64]:
    """(2, 3) float64, metres, grid frame: lowest and highest corner of a box that holds the car."""
    corners = outline(view)
    both = np.concatenate([corners, corners + view.grid_SE3_ego[:3, 2] * _CABIN_M[1]]).round(6)
    return np.stack([both.min(axis=0), both.max(axis=0)])
