"""Rays through a grid of cells: which cells a return's line of sight crossed, exactly (Amanatides and Woo, 1987)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
UInt16 = NDArray[np.uint16]
Bool = NDArray[np.bool_]
FULL = 65_535


@kernel
def enter_and_leave(
    origin: Float64, step: Float64, start: float, stop: float, shape: tuple[int, ...]
) -> tuple[float, float]:
    """The part of ``start`` to ``stop`` along ``origin + t step`` that lies in the box from 0 to ``shape``; empty: (1, 0)."""
    for axis in range(3):
        if step[axis] == 0.0:
            if origin[axis] < 0.0 or origin[axis] >= shape[axis]:
                return 1.0, 0.0
        else:
            a = -origin[axis] / step[axis]
            b = (shape[axis] - origin[axis]) / step[axis]
            start, stop = max(start, min(a, b)), min(stop, max(a, b))
    return start, stop


@kernel
def begin(
    origin: Float64, step: Float64, start: float, shape: tuple[int, ...],
    cell: Int64, turn: Int64, left: Float64, gain: Float64,
) -> None:  # fmt: skip
    """The cell at ``origin + start step``, and per axis: which way it is left, when, and how much later the next is. O(1).

    Writes ``cell``, ``turn``, ``left`` and ``gain``, (3,) each.
    """
    for axis in range(3):
        place = origin[axis] + start * step[axis]
        # On the box's own bound rounding may put it outside.
        cell[axis] = min(max(int(np.floor(place)), 0), shape[axis] - 1)
        if step[axis] > 0.0:
            turn[axis] = 1
            gain[axis] = 1.0 / step[axis]
            left[axis] = (cell[axis] + 1 - origin[axis]) / step[axis]
        elif step[axis] < 0.0:
            turn[axis] = -1
            gain[axis] = -1.0 / step[axis]
            left[axis] = (cell[axis] - origin[axis]) / step[axis]
        else:
            turn[axis] = 0
            gain[axis] = np.inf
            left[axis] = np.inf


@kernel
def go_on(stop: float, shape: tuple[int, ...], cell: Int64, turn: Int64, left: Float64, gain: Float64) -> bool:
    """Moves ``cell`` to the next on the ray. False, where the ray ends before or leaves the box. O(1)."""
    axis = 2
    if left[0] <= left[1] and left[0] <= left[2]:
        axis = 0
    elif left[1] <= left[2]:
        axis = 1
    if left[axis] >= stop:
        return False
    cell[axis] += turn[axis]
    left[axis] += gain[axis]
    return 0 <= cell[axis] < shape[axis]


@kernel
def cast(
    crossed: UInt16, hits: UInt16, origin: Float64, returns: Float64, clear_start: float, clear_end: float
) -> None:
    """Counts, per cell, rays that crossed it and returns in it; both stop counting at 65,535.

    ``crossed``, ``hits``: (X, Y, Z) uint16. ``origin``: (3,) and ``returns``: (N, 3) float64, in cells. ``clear_start`` and
    ``clear_end``: lengths, in cells, at the sensor and before the return that tell nothing. O(returns x cells crossed).
    """
    shape = crossed.shape
    step, cell, turn, left, gain = np.empty(3), np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3), np.empty(3)
    for i in range(len(returns)):
        length = 0.0
        inside = True
        for axis in range(3):
            step[axis] = returns[i, axis] - origin[axis]
            length += step[axis] * step[axis]
            cell[axis] = int(np.floor(returns[i, axis]))
            inside = inside and 0 <= cell[axis] < shape[axis]
        length = np.sqrt(length)
        if inside and hits[cell[0], cell[1], cell[2]] < FULL:
            hits[cell[0], cell[1], cell[2]] += 1
        if length <= clear_start + clear_end:
            continue
        start, stop = enter_and_leave(origin, step, clear_start / length, 1.0 - clear_end / length, shape)
        if start >= stop:
            continue
        begin(origin, step, start, shape, cell, turn, left, gain)
        # As go_on does, in scalars: 1.4 times as fast.
        x, y, z = cell[0], cell[1], cell[2]
        while True:
            if crossed[x, y, z] < FULL:
                crossed[x, y, z] += 1
            if left[0] <= left[1] and left[0] <= left[2]:
                if left[0] >= stop:
                    break
                x += turn[0]
                left[0] += gain[0]
                if x < 0 or x >= shape[0]:
                    break
            elif left[1] <= left[2]:
                if left[1] >= stop:
                    break
                y += turn[1]
                left[1] += gain[1]
                if y < 0 or y >= shape[1]:
                    break
            else:
                if left[2] >= stop:
                    break
                z += turn[2]
                left[2] += gain[2]
                if z < 0 or z >= shape[2]:
                    break
