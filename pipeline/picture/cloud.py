"""Points in colour, from above, at an angle and in cuts: what stages before the voxels make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import VoxelGrid
from .above import Above, ten_metre_lines
from .camera import Camera
from .colours import PANEL, Pixels, blank, blend

_CUT_M = 0.4
"""How thick a cut is."""
_NEAR_M = 2.0
_AT_ONCE = 1 << 16
_WIDEST_PX = 9


@dataclass(frozen=True)
class Cloud:
    """Points with a colour each."""

    points: NDArray[np.float32]
    """(N, 3) float32, metres, frame of the view's grid."""
    colours: NDArray[np.float32]
    """(N, 3) float32 RGB."""
    spacing_m: float
    """How far apart neighbours are: points are drawn as large as to close the gaps."""

    def inside(self, grid: VoxelGrid) -> Cloud:
        """What of it lies in a grid."""
        kept = grid.index(self.points)[1]
        return Cloud(self.points[kept], self.colours[kept], self.spacing_m)


def cloud_above(clouds: list[Cloud], grid: VoxelGrid, side_px: int) -> Pixels:
    """From above, forward up: later clouds over earlier ones, the highest points over others of their cloud."""
    above = Above.fitting(grid, side_px)
    pixels = ten_metre_lines(blank(*above.size), above)
    for cloud in clouds:
        order = np.argsort(cloud.points[:, 2], kind="stable")
        width = np.full(len(order), max(round(cloud.spacing_m * above.pixels_per_m), 1))
        _splat(pixels, above.column_row(cloud.points[order, :2]), cloud.colours[order], width)
    return pixels


def cloud_street(clouds: list[Cloud], grid: VoxelGrid, ego_m: NDArray[np.float64], width: int, height: int) -> Pixels:
    """In perspective from behind and above the ego vehicle at ``ego_m`` (3,), metres; nearer points hide farther ones."""
    camera = Camera.behind(grid, ego_m, width, height)
    pixels = blank(width, height)
    points = np.concatenate([cloud.points for cloud in clouds]).astype(np.float64)
    colours = np.concatenate([cloud.colours for cloud in clouds])
    spacing = np.concatenate([np.full(len(cloud.points), cloud.spacing_m) for cloud in clouds])
    place, depth = camera.project(points)
    seen = (depth > _NEAR_M) & ((place > -_WIDEST_PX) & (place < (width + _WIDEST_PX, height + _WIDEST_PX))).all(axis=1)
    order = np.flatnonzero(seen)
    order = order[np.argsort(-depth[order], kind="stable")]
    haze = np.clip((depth / max(np.linalg.norm(camera.position_m - ego_m), 1e-9) - 1.0) * 0.55, 0, 0.6)
    colours = blend(colours, PANEL, 1 - haze)
    wide = np.clip(np.ceil(spacing * camera.focal_px / np.maximum(depth, _NEAR_M)), 1, _WIDEST_PX).astype(np.int64)
    _splat(pixels, place[order], colours[order], wide[order])
    return pixels


def cloud_cut(clouds: list[Cloud], dots: Cloud | None, grid: VoxelGrid, axis: int, at_m: float, width: int) -> Pixels:
    """Points near the plane at ``at_m`` metres of x (``axis`` 0: seen from behind) or y (1: from the right).

    ``dots`` are drawn small, over the others.
    """
    along = 1 - axis
    scale = width / (grid.shape[along] * grid.voxel_m)
    pixels = blank(width, max(round(grid.shape[2] * grid.voxel_m * scale), 1))
    for cloud, dot_px in [*((cloud, 3) for cloud in clouds), *([] if dots is None else [(dots, 1)])]:
        near = np.abs(cloud.points[:, axis] - at_m) <= _CUT_M / 2
        points = cloud.points[near].astype(np.float64)
        right = grid.max_m[1] - points[:, 1] if axis == 0 else points[:, 0] - grid.min_m[0]
        places = np.stack([right, grid.max_m[2] - points[:, 2]], axis=1) * scale
        _splat(pixels, places, cloud.colours[near], np.full(len(points), dot_px))
    return pixels


def _splat(
    pixels: Pixels, places: NDArray[np.float64], colours: NDArray[np.float32], widths: NDArray[np.int64]
) -> None:
    """Squares of ``widths`` (N,) pixels around places (N, 2), column and row: later ones over earlier ones."""
    high, wide = pixels.shape[:2]
    flat = pixels.reshape(-1, 3)
    for start in range(0, len(places), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        width = widths[some]
        steps = np.arange(int(width.max()))
        corner = np.floor(places[some] - (width[:, None] - 1) / 2).astype(np.int64)
        column = corner[:, 0, None, None] + steps[None, None, :]
        row = corner[:, 1, None, None] + steps[None, :, None]
        shown = (column >= 0) & (column < wide) & (row >= 0) & (row < high)
        shown &= np.maximum(steps[None, None, :], steps[None, :, None]) < width[:, None, None]
        owner = np.broadcast_to(np.arange(len(corner))[:, None, None], shown.shape)[shown]
        flat[(row * wide + column)[shown]] = colours[some][owner]
