"""Sunlight on voxels: slopes, cast shadows, and the darkness of corners."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .view import FrameView

SUN = np.array([0.45, 0.55, 0.70]) / np.linalg.norm([0.45, 0.55, 0.70])
"""Direction towards the light: ahead, to the left and up, which is the upper left of a picture with forward up."""
_SHADOW_STEPS = 24


def lit_from_above(view: FrameView) -> NDArray[np.float32]:
    """(X, Y) float32, 0 to about 1.3: how bright each column's topmost voxel is."""
    heights = view.top.astype(np.float64)
    covered = heights >= 0
    ground = np.where(covered, heights, 0)
    slope_x, slope_y = _slope(ground, covered, 0), _slope(ground, covered, 1)
    # Slopes are damped: one voxel's step is often only where a ramp crosses a cell's bound.
    normal = np.stack([-slope_x * 0.6, -slope_y * 0.6, np.ones_like(ground)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    diffuse = np.clip(normal @ SUN, 0, 1) / SUN[2]
    level = np.clip(ground / max(view.grid.shape[2] - 1, 1), 0, 1)
    bright = (0.42 + 0.44 * diffuse + 0.24 * level) * np.where(shadowed(ground, covered), 0.62, 1.0)
    return bright.astype(np.float32)


def shadowed(top: NDArray[np.float64], covered: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(X, Y) bool: whether higher columns stand between a column's top (voxels) and the sun."""
    dark = np.zeros(top.shape, dtype=bool)
    raised = np.where(covered, top, -np.inf)
    flat = SUN[:2] / np.abs(SUN[:2]).max()
    rise = SUN[2] / np.abs(SUN[:2]).max()
    for step in range(1, _SHADOW_STEPS):
        dx, dy = int(np.rint(flat[0] * step)), int(np.rint(flat[1] * step))
        dark |= _moved(raised, dx, dy) > top + rise * step
    return dark & covered


def openness(occupied: NDArray[np.bool_], axis: int, sign: int) -> NDArray[np.float32]:
    """(X, Y, Z) float32, 0 to 1: how free the eight voxels around the one in front of each voxel's face are.

    The face looks along ``sign`` of ``axis``. It is what makes corners between ground and wall darker.
    """
    padded = np.pad(occupied, 1).astype(np.float32)
    for tangent in (a for a in range(3) if a != axis):
        padded = padded + np.roll(padded, 1, tangent) + np.roll(padded, -1, tangent)
    in_front = np.roll(padded, -sign, axis)
    free: NDArray[np.float32] = 1 - in_front[1:-1, 1:-1, 1:-1] / 9
    return free


def _slope(ground: NDArray[np.float64], covered: NDArray[np.bool_], axis: int) -> NDArray[np.float64]:
    """Rise per voxel along an axis, halved as central differences are; a bare neighbour counts as level."""
    ground, covered = np.moveaxis(ground, axis, 0), np.moveaxis(covered, axis, 0)
    level = np.pad(ground, ((1, 1), (0, 0)), mode="edge")
    known = np.pad(covered, ((1, 1), (0, 0)))
    before = np.where(known[:-2], level[:-2], ground)
    after = np.where(known[2:], level[2:], ground)
    return np.moveaxis(np.clip(after - before, -4, 4) / 2, 0, axis)


def _moved(values: NDArray[np.float64], dx: int, dy: int) -> NDArray[np.float64]:
    """``values[x + dx, y + dy]`` at [x, y], minus infinity outside; dx and dy are not negative."""
    result = np.full_like(values, -np.inf)
    x, y = values.shape
    if dx < x and dy < y:
        result[: x - dx, : y - dy] = values[dx:, dy:]
    return result
