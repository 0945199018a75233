"""Rays of labelled pixels through voxels: where each ends, and what it passed on its way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel
from .rays import begin, enter_and_leave, go_on

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
UInt8 = NDArray[np.uint8]
NO_LABEL = 255
UNKNOWN, OCCUPIED = 0, 2
FAR = 1e9
UNLABELLED, NOTHING = 254, 253
"""What a ray meets beside class ids: a voxel without one; none."""


@kernel
def aim(matrix: Float64, column: int, row: int, step: Float64) -> None:
    """Writes the direction, (3,) voxels, of the ray through a pixel's middle. ``matrix``: (3, 3), from pixels to directions."""
    u, v = column + 0.5, row + 0.5
    for axis in range(3):
        step[axis] = matrix[axis, 0] * u + matrix[axis, 1] * v + matrix[axis, 2]


@kernel
def vote(
    state: UInt8, semantics: UInt8, labels: UInt8, origin: Float64, matrix: Float64, least_way: float, clear: float,
    ended: Int32, passed: Int32, crossed: Int32,
) -> None:  # fmt: skip
    """Follows the ray of every labelled pixel to the first occupied voxel of the pixel's class, in which it ends.

    Counts, per voxel, rays that ``ended`` in it, rays that ``crossed`` it before they ended, and of these the rays that
    ``passed`` it, on a way of at least ``least_way`` voxels through it that ends ``clear`` voxels or more before the ray does.
    A ray that meets no voxel of its class counts nowhere.

    ``state``, ``semantics``: (X, Y, Z) uint8. ``labels``: (H, W) uint8, 255 for none. ``origin``: (3,) float64, the camera's
    place in voxels. ``matrix``: as :func:`aim` has it. ``ended``, ``passed``, ``crossed``: (X, Y, Z) int32. O(pixels x voxels crossed).
    """
    shape = state.shape
    step, cell, turn, left, gain = np.empty(3), np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3), np.empty(3)
    on_the_way = np.empty((shape[0] + shape[1] + shape[2], 3), np.int64)
    left_at, well_in = np.empty(len(on_the_way)), np.empty(len(on_the_way), np.bool_)
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            label = labels[row, column]
            if label == NO_LABEL:
                continue
            aim(matrix, column, row, step)
            start, stop = enter_and_leave(origin, step, 0.0, FAR, shape)
            if start >= stop:
                continue
            begin(origin, step, start, shape, cell, turn, left, gain)
            voxel = 1.0 / np.sqrt(step[0] * step[0] + step[1] * step[1] + step[2] * step[2])
            entered, count = start, 0
            while True:
                x, y, z = cell[0], cell[1], cell[2]
                if state[x, y, z] == OCCUPIED and semantics[x, y, z] == label:
                    ended[x, y, z] += 1
                    for n in range(count):
                        a, b, c = on_the_way[n, 0], on_the_way[n, 1], on_the_way[n, 2]
                        crossed[a, b, c] += 1
                        if well_in[n] and left_at[n] <= entered - clear * voxel:
                            passed[a, b, c] += 1
                    break
                leaves = min(left[0], left[1], left[2], stop)
                left_at[count], well_in[count] = leaves, leaves - entered >= least_way * voxel
                on_the_way[count, 0], on_the_way[count, 1], on_the_way[count, 2] = x, y, z
                count += 1
                entered = leaves
                if not go_on(stop, shape, cell, turn, left, gain):
                    break


@kernel
def render(
    state: UInt8, semantics: UInt8, origin: Float64, matrix: Float64, seen: UInt8, unknown_before: UInt8
) -> None:
    """What every pixel's ray meets first: the class of the first occupied voxel on it.

    Writes ``seen``, (H, W) uint8: its class id, :data:`UNLABELLED` where it has none, :data:`NOTHING` where the ray leaves the
    grid before; and ``unknown_before``, (H, W) uint8: 1 where the ray crossed an unknown voxel first. Others as :func:`vote`
    has them. O(pixels x voxels crossed).
    """
    shape = state.shape
    step, cell, turn, left, gain = np.empty(3), np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3), np.empty(3)
    for row in range(seen.shape[0]):
        for column in range(seen.shape[1]):
            seen[row, column], unknown_before[row, column] = NOTHING, 0
            aim(matrix, column, row, step)
            start, stop = enter_and_leave(origin, step, 0.0, FAR, shape)
            if start >= stop:
                continue
            begin(origin, step, start, shape, cell, turn, left, gain)
            while True:
                what = state[cell[0], cell[1], cell[2]]
                if what == OCCUPIED:
                    label = semantics[cell[0], cell[1], cell[2]]
                    seen[row, column] = UNLABELLED if label == NO_LABEL else label
                    break
                if what == UNKNOWN:
                    unknown_before[row, column] = 1
                if not go_on(stop, shape, cell, turn, left, gain):
                    break
