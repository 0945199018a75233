"""What a picture, a page or a film shows of a key frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import VoxelGrid
from ...schemas.taxonomy import Taxonomy
from .view import FrameView, view_of


@dataclass(frozen=True, kw_only=True)
class ShownFrame:
    """A key frame's labels and points, turned for the eye, with the words that go with them."""

    view: FrameView
    taxonomy: Taxonomy
    title: str
    points_are: str = "Points of the key frame"
    arrows: NDArray[np.float64] | None = None
    """(A, 4) float64: place and velocity of moving objects as :func:`~.arrows.object_arrows` has them; None without flow."""

    @classmethod
    def of(
        cls,
        semantics: NDArray[np.uint8],
        state: NDArray[np.uint8],
        grid: VoxelGrid,
        points: NDArray[np.floating[Any]],
        point_labels: NDArray[np.uint8] | None,
        taxonomy: Taxonomy,
        title: str,
        *,
        grid_SE3_ego: NDArray[np.float64] | None = None,
        points_are: str = "Points of the key frame",
    ) -> ShownFrame:
        """From a frame's arrays.

        ``semantics``, ``state``: (X, Y, Z) uint8 as :class:`SurfaceOccupancy` has them. ``points``: (N, 3) float, metres,
        in the grid's frame; those outside the grid are not shown. ``point_labels``: (N,) uint8 class ids; None colours
        points by height. ``grid_SE3_ego``: (4, 4) float64; None where the grid's frame is the ego vehicle's.
        ``points_are``: what captions call the points. Raises ValueError when the arrays do not fit together.
        """
        view = view_of(semantics, state, grid, points, point_labels, grid_SE3_ego)
        return cls(view=view, taxonomy=taxonomy, title=title, points_are=points_are)

    @property
    def facts(self) -> str:
        """Grid, voxels and points in numbers."""
        grid = self.view.grid
        x, y, z = grid.shape
        return (
            f"{int(self.view.occupied.sum()):,} of {x} x {y} x {z} voxels of {grid.voxel_m:g} m occupied, "
            f"{grid.frame} frame, {len(self.view.points):,} points"
        )
