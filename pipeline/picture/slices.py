"""Vertical cuts through a frame: cut voxels, what stands behind them in pale, the scan's points over both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import VoxelGrid
from ...schemas.taxonomy import Taxonomy
from .colours import FREE, INK, PANEL, Pixels, blank, blend, class_colours
from .view import FrameView

_BEHIND_M = 6.0
_PALE = 0.42
_DOT_PX = 3


@dataclass(frozen=True)
class Cut:
    """A plane of voxels, as it is drawn: ``layers[0]`` is cut, the others lie behind it, farther and farther."""

    layers: NDArray[np.uint8]
    """(D, U, Z) uint8 class ids; U runs to the right of the picture, Z up."""
    occupied: NDArray[np.bool_]
    """(D, U, Z) bool."""
    free: NDArray[np.bool_]
    """(U, Z) bool: free in the plane that is cut."""
    points: NDArray[np.float64]
    """(N, 2) float64, metres: right and up from the lower left corner, of the points in the cut layer."""
    voxel_m: float

    def size(self, width: int) -> tuple[int, int]:
        """Width and height in pixels."""
        _, right, up = self.layers.shape
        return width, max(round(width * up / right), 1)


def cut_along(view: FrameView, y_m: float) -> Cut:
    """The plane y = ``y_m`` (metres, view's frame), seen from the right: forward is to the right."""
    return _cut(view, 1, _layer(view.grid, 1, y_m), 1)


def cut_across(view: FrameView, x_m: float) -> Cut:
    """The plane x = ``x_m`` (metres, view's frame), seen from behind: left is to the left."""
    mirrored = replace(view, classes=view.classes[:, ::-1], occupied=view.occupied[:, ::-1], free=view.free[:, ::-1])
    cut = _cut(mirrored, 0, _layer(view.grid, 0, x_m), 1)
    wide = view.grid.shape[1] * view.grid.voxel_m
    return replace(cut, points=np.stack([wide - cut.points[:, 0], cut.points[:, 1]], axis=1))


def draw_cut(cut: Cut, taxonomy: Taxonomy, width: int) -> Pixels:
    """A cut as a picture of this width."""
    width, height = cut.size(width)
    depth, right, up = cut.layers.shape
    colours = class_colours(taxonomy)
    nearest = cut.occupied.argmax(axis=0)[None]
    shown = colours[np.take_along_axis(cut.layers, nearest, axis=0)[0]]
    share = np.where(nearest[0] == 0, 1.0, _PALE * (1 - nearest[0] / (2 * depth)))
    bare = np.where(cut.free[..., None], np.array(FREE, dtype=np.float32), np.array(PANEL, dtype=np.float32))
    shown = np.where(cut.occupied.any(axis=0)[..., None], blend(shown, bare, share), bare)
    columns = ((np.arange(width) + 0.5) * right / width).astype(np.int64)
    rows = up - 1 - ((np.arange(height) + 0.5) * up / height).astype(np.int64)
    pixels = shown[columns[None, :], rows[:, None]].astype(np.float32)
    _edges(pixels, cut.occupied[0], columns, rows)
    _dots(pixels, cut.points * (width / (right * cut.voxel_m)))
    return pixels


def _cut(view: FrameView, axis: int, layer: int, step: int) -> Cut:
    grid = view.grid
    depth = max(1 + round(_BEHIND_M / grid.voxel_m), 1)
    chosen = [i for i in range(layer, layer + step * depth, step) if i < grid.shape[axis]]
    cells = grid.index(view.points)[0]
    points = view.points[cells[:, axis] == layer].astype(np.float64) - grid.min_m
    return Cut(
        np.moveaxis(view.classes.take(chosen, axis=axis), axis, 0),
        np.moveaxis(view.occupied.take(chosen, axis=axis), axis, 0),
        np.moveaxis(view.free.take([layer], axis=axis), axis, 0)[0],
        points[:, [1 - axis, 2]],
        grid.voxel_m,
    )


def _layer(grid: VoxelGrid, axis: int, metres: float) -> int:
    """The layer a plane lies in, or the nearest there is."""
    index = int(np.floor((metres - grid.min_m[axis]) / grid.voxel_m))
    return min(max(index, 0), grid.shape[axis] - 1)


def _edges(pixels: Pixels, occupied: NDArray[np.bool_], columns: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
    """Darkens the first pixel of every cut voxel, so that single ones can be counted."""
    starts_right = np.diff(columns, prepend=columns[0]) != 0
    starts_below = np.diff(rows, prepend=rows[0]) != 0
    border = starts_right[None, :] | starts_below[:, None]
    pixels[border & occupied[columns[None, :], rows[:, None]]] *= 0.72


def _dots(pixels: Pixels, points: NDArray[np.float64]) -> None:
    """Light dots with a dark rim: they show on every class's colour."""
    height, width = pixels.shape[:2]
    centre = np.floor(np.stack([points[:, 0], height - points[:, 1]], axis=1)).astype(np.int64)
    for reach, colour in ((_DOT_PX // 2 + 1, blank(1, 1, (0, 0, 0))[0, 0]), (_DOT_PX // 2, blank(1, 1, INK)[0, 0])):
        for right in range(-reach, reach + 1):
            for down in range(-reach, reach + 1):
                if abs(right) + abs(down) > reach:
                    continue
                column, row = centre[:, 0] + right, centre[:, 1] + down
                seen = (column >= 0) & (column < width) & (row >= 0) & (row < height)
                pixels[row[seen], column[seen]] = colour
