"""What a sheet shows, turned so that the ego vehicle drives along the grid's first axis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import VoxelGrid
from ...schemas.occupancy import State

_AXES = (("+x", "+y"), ("+y", "-x"), ("-x", "-y"), ("-y", "+x"))
"""Which axis of the stored grid points forward, and which to the left, after 0 to 3 quarter turns."""


@dataclass(frozen=True, kw_only=True)
class FrameView:
    """One key frame; x forward and y left, as near as quarter turns of the stored grid come to it."""

    classes: NDArray[np.uint8]
    """(X, Y, Z) uint8: class id of each occupied voxel; 255 where it has none."""
    occupied: NDArray[np.bool_]
    """(X, Y, Z) bool."""
    free: NDArray[np.bool_]
    """(X, Y, Z) bool: known to be; what is neither is unknown."""
    grid: VoxelGrid
    points: NDArray[np.float32]
    """(N, 3) float32, metres, grid frame; inside the grid."""
    labels: NDArray[np.uint8] | None
    """(N,) uint8 class ids, 255 without; None where nothing is labelled."""
    grid_SE3_ego: NDArray[np.float64]
    """(4, 4) float64: where the ego vehicle stands."""
    forward: str = "+x"
    """The stored grid's axis that points forward: a LiDAR's own axes need not be a vehicle's."""
    left: str = "+y"

    @property
    def turn(self) -> NDArray[np.float64]:
        """(4, 4) float64: from the stored grid's axes to these."""
        return turn_of(_AXES.index((self.forward, self.left)))

    @property
    def top(self) -> NDArray[np.int64]:
        """(X, Y) int64: index of the topmost occupied voxel, -1 for none."""
        z = self.occupied.shape[2]
        highest: NDArray[np.int64] = np.where(
            self.occupied.any(axis=2), z - 1 - self.occupied[:, :, ::-1].argmax(2), -1
        )
        return highest


def view_of(
    semantics: NDArray[np.uint8],
    state: NDArray[np.uint8],
    grid: VoxelGrid,
    points: NDArray[np.floating[Any]],
    labels: NDArray[np.uint8] | None,
    grid_SE3_ego: NDArray[np.float64] | None = None,
) -> FrameView:
    """The view of a frame's arrays. Raises ValueError when they do not fit together."""
    if semantics.shape != grid.shape or state.shape != grid.shape:
        raise ValueError(f"grid of {grid.shape} but semantics {semantics.shape} and state {state.shape}")
    if labels is not None and len(labels) != len(points):
        raise ValueError(f"{len(labels)} labels for {len(points)} points")
    points = np.asarray(points, dtype=np.float32).reshape(-1, 3)
    inside = grid.index(points)[1]
    occupied = state == State.OCCUPIED
    view = FrameView(
        classes=np.where(occupied, semantics, np.uint8(255)),
        occupied=occupied,
        free=state == State.FREE,
        grid=grid,
        points=points[inside],
        labels=None if labels is None else labels[inside],
        grid_SE3_ego=np.eye(4) if grid_SE3_ego is None else grid_SE3_ego,
    )
    return turned(view, quarters_to_forward(view.grid_SE3_ego))


def quarters_to_forward(grid_SE3_ego: NDArray[np.float64]) -> int:
    """Quarter turns, 0 to 3, after which the ego vehicle drives along the first axis, as near as they come to it."""
    forward = grid_SE3_ego[:2, 0]
    return round(float(np.arctan2(forward[1], forward[0])) / (np.pi / 2)) % 4


def turn_of(quarters: int) -> NDArray[np.float64]:
    """(4, 4) float64: quarter turns clockwise, as seen from above."""
    cos, sin = ((1, 0), (0, -1), (-1, 0), (0, 1))[quarters % 4]
    turn = np.eye(4)
    turn[:2, :2] = [[cos, -sin], [sin, cos]]
    return turn


def turned(view: FrameView, quarters: int) -> FrameView:
    """The view after quarter turns clockwise, as seen from above: one brings what was along +y to +x."""
    if quarters % 4 == 0:
        return view
    turn = turn_of(quarters)
    corners = np.array([view.grid.min_m, view.grid.max_m]) @ turn[:3, :3].T
    low = corners.min(axis=0)
    classes = np.ascontiguousarray(np.rot90(view.classes, -quarters))
    x, y, z = classes.shape
    forward, left = _AXES[quarters % 4]
    return replace(
        view,
        classes=classes,
        occupied=np.ascontiguousarray(np.rot90(view.occupied, -quarters)),
        free=np.ascontiguousarray(np.rot90(view.free, -quarters)),
        grid=VoxelGrid((float(low[0]), float(low[1]), float(low[2])), view.grid.voxel_m, (x, y, z), view.grid.frame),
        points=view.points @ turn[:3, :3].T.astype(np.float32),
        grid_SE3_ego=turn @ view.grid_SE3_ego,
        forward=forward,
        left=left,
    )
