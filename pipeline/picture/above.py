"""A frame from above, forward up and left to the left: its points, and its voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import VoxelGrid
from ...schemas.taxonomy import NO_LABEL, Taxonomy
from .colours import FREE, Pixels, blank, blend, class_colours, height_colours, height_range
from .shading import lit_from_above
from .view import FrameView

_LINE_M = 10.0
_DOT_PX = 2


@dataclass(frozen=True)
class Above:
    """Where metres of the grid lie in a picture from above."""

    grid: VoxelGrid
    pixels_per_m: float

    @classmethod
    def fitting(cls, grid: VoxelGrid, side_px: int) -> Above:
        """The largest that fits into a square."""
        return cls(grid, side_px / (max(grid.shape[:2]) * grid.voxel_m))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        x, y, _ = self.grid.shape
        scale = self.grid.voxel_m * self.pixels_per_m
        return max(round(y * scale), 1), max(round(x * scale), 1)

    def column_row(self, xy: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Column and row (N, 2) float64 of positions (N, 2), metres, grid frame."""
        x, y, _ = self.grid.max_m
        return np.stack([y - xy[:, 1], x - xy[:, 0]], axis=1).astype(np.float64) * self.pixels_per_m


def points_above(view: FrameView, taxonomy: Taxonomy, side_px: int) -> Pixels:
    """The points, the highest over the others, by class where they are labelled, else by height."""
    above = Above.fitting(view.grid, side_px)
    width, height = above.size
    pixels = ten_metre_lines(blank(width, height), above)
    order = np.argsort(view.points[:, 2], kind="stable")
    if view.labels is not None:
        # What has no class lies beneath what has one.
        order = order[np.argsort(view.labels[order] != NO_LABEL, kind="stable")]
    points = view.points[order]
    if view.labels is None:
        colours = height_colours(points[:, 2], *height_range(points))
    else:
        colours = class_colours(taxonomy)[view.labels[order]]
    corner = np.floor(above.column_row(points[:, :2]) - (_DOT_PX - 1) / 2).astype(np.int64)
    for right in range(_DOT_PX):
        for down in range(_DOT_PX):
            column, row = corner[:, 0] + right, corner[:, 1] + down
            seen = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            pixels[row[seen], column[seen]] = colours[seen]
    return pixels


def voxels_above(view: FrameView, taxonomy: Taxonomy, side_px: int) -> Pixels:
    """The topmost voxel of every column by class, lit from ahead and the left."""
    above = Above.fitting(view.grid, side_px)
    width, height = above.size
    background = ten_metre_lines(blank(width, height), above)
    top = view.top
    classes = np.take_along_axis(view.classes, np.maximum(top, 0)[:, :, None], axis=2)[:, :, 0]
    lit = class_colours(taxonomy)[classes] * lit_from_above(view)[:, :, None]
    x, y, _ = view.grid.shape
    rows = np.minimum((np.arange(height) + 0.5) * x / height, x - 1).astype(np.int64)
    columns = np.minimum((np.arange(width) + 0.5) * y / width, y - 1).astype(np.int64)
    # Row 0 is what lies farthest ahead, column 0 what lies farthest to the left.
    place = np.ix_(x - 1 - rows, y - 1 - columns)
    seen = view.free.any(axis=2)[place][:, :, None]
    bare = np.where(seen, blend(np.array(FREE, dtype=np.float32), background, 0.6), background)
    return np.clip(np.where((top >= 0)[place][:, :, None], lit[place], bare), 0, 255).astype(np.float32)


def ten_metre_lines(pixels: Pixels, above: Above) -> Pixels:
    """Faint lines every 10 m, so that places in two pictures can be compared."""
    low, high = np.array(above.grid.min_m[:2]), np.array(above.grid.max_m[:2])
    for axis, n in ((0, pixels.shape[0]), (1, pixels.shape[1])):
        first, last = int(np.ceil(low[axis] / _LINE_M)), int(np.floor(high[axis] / _LINE_M))
        metres = np.arange(first, last + 1) * _LINE_M
        lines = ((high[axis] - metres) * above.pixels_per_m).astype(np.int64)
        lines = lines[(lines >= 0) & (lines < n)]
        if axis == 0:
            pixels[lines] = blend(blank(1, 1, (255, 255, 255))[0, 0], pixels[lines], 0.08)
        else:
            pixels[:, lines] = blend(blank(1, 1, (255, 255, 255))[0, 0], pixels[:, lines], 0.08)
    return pixels
