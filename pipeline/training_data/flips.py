"""Mirrored key frames: voxels, offsets, points and poses together, about the middle of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import VoxelGrid
from ...schemas.instance_offsets import Direction

AXES = ("x", "y")
_SWAPPED = {
    "x": (Direction.X_FORTH, Direction.X_BACK),
    "y": (Direction.Y_FORTH, Direction.Y_BACK),
}


@dataclass(frozen=True)
class Flip:
    """Mirrors a key frame along some of :data:`AXES`: voxel i becomes n - 1 - i, p becomes low + high - p.

    Images stay as they are, and ``camera_SE3_grid`` leads from the mirrored grid to the same pixels: its determinant is then -1
    for one axis, which is exact for whoever projects voxels, and no rotation any more.
    """

    axes: tuple[str, ...]

    @classmethod
    def drawn(cls, axes: Sequence[str], *key: int) -> Flip:
        """Each of ``axes`` with probability one half; the same for the same ``key``."""
        draws = np.random.default_rng(key).random(len(AXES)) < 0.5
        return cls(tuple(axis for axis, draw in zip(AXES, draws, strict=True) if draw and axis in axes))

    def voxels(self, array: NDArray[Any]) -> NDArray[Any]:
        """A view of an array (..., X, Y, Z)."""
        return np.flip(array, axis=[AXES.index(axis) - 3 for axis in self.axes])

    def offsets(self, array: NDArray[Any]) -> NDArray[Any]:
        """Offsets (6, X, Y, Z) of every voxel: what was ahead is behind."""
        order = list(Direction)
        for axis in self.axes:
            forth, back = _SWAPPED[axis]
            order[forth], order[back] = order[back], order[forth]
        return self.voxels(array[order] if self.axes else array)

    def grid_SE3_flipped(self, grid: VoxelGrid) -> NDArray[np.float64]:
        """(4, 4) float64: from the mirrored frame to the grid's, and back: it is its own inverse."""
        matrix = np.eye(4)
        for axis in self.axes:
            i = AXES.index(axis)
            matrix[i, i], matrix[i, 3] = -1.0, grid.min_m[i] + grid.max_m[i]
        return matrix
