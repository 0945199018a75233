"""Voxels that hang together: pieces of one class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


@kernel
def number_pieces(chosen: Bool, semantics: UInt8, pieces: Int32) -> int:
    """Numbers the ``chosen`` voxels by piece, from 0 in the order of their first voxels, -1 elsewhere; how many there are.

    Two voxels are of one piece where they have the same class and touch, be it at a corner. ``chosen``: (X, Y, Z) bool;
    ``semantics``: (X, Y, Z) uint8; ``pieces``: (X, Y, Z) int32, written. O(voxels + 27 chosen).
    """
    pieces[:] = -1
    shape, count = chosen.shape, 0
    total = 0
    for x in range(shape[0]):
        for y in range(shape[1]):
            for z in range(shape[2]):
                total += chosen[x, y, z]
    waiting = np.empty((total, 3), np.int64)
    for x in range(shape[0]):
        for y in range(shape[1]):
            for z in range(shape[2]):
                if not chosen[x, y, z] or pieces[x, y, z] >= 0:
                    continue
                pieces[x, y, z] = count
                waiting[0, 0], waiting[0, 1], waiting[0, 2] = x, y, z
                left = 1
                while left > 0:
                    left -= 1
                    a, b, c = waiting[left, 0], waiting[left, 1], waiting[left, 2]
                    for i in range(max(a - 1, 0), min(a + 2, shape[0])):
                        for j in range(max(b - 1, 0), min(b + 2, shape[1])):
                            for k in range(max(c - 1, 0), min(c + 2, shape[2])):
                                same = chosen[i, j, k] and semantics[i, j, k] == semantics[x, y, z]
                                if same and pieces[i, j, k] < 0:
                                    pieces[i, j, k] = count
                                    waiting[left, 0], waiting[left, 1], waiting[left, 2] = i, j, k
                                    left += 1
                count += 1
    return count
