"""What rays tell of the voxels of a grid, from judged cells that lie askew to it.

Cells and voxels need not match, so each voxel is asked at places spread evenly over it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

UInt8 = NDArray[np.uint8]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

OPEN, HIT, SOLID, CROSSED = 1, 2, 4, 8
"""Bits of a judged cell: seen through; a return in it; enough of them for something to be there; crossed by many."""


@kernel
def bits_at(rows: Int32, cells: UInt8, cell_SE3_voxel: Float64, x: float, y: float, z: float) -> int:
    """The judgement of the cell at a place in voxels, 0 where no ray came. O(1).

    ``rows``: (X, Y, Z) int32 row of each block in ``cells`` (M, n, n, n), -1 for none. ``cell_SE3_voxel``: (4, 4) float64.
    """
    n = cells.shape[1]
    m = cell_SE3_voxel
    i = int(np.floor(m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]))
    j = int(np.floor(m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]))
    k = int(np.floor(m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]))
    a, b, c = i // n, j // n, k // n
    if a < 0 or b < 0 or c < 0 or a >= rows.shape[0] or b >= rows.shape[1] or c >= rows.shape[2]:
        return 0
    row = rows[a, b, c]
    if row < 0:
        return 0
    return int(cells[row, i - a * n, j - b * n, k - c * n])


@kernel
def find_open(
    rows: Int32, cells: UInt8, cell_SE3_voxel: Float64, steps: int, places: int, asked: Bool, found: Bool
) -> None:
    """Of the voxels ``asked`` (X, Y, Z): those with at least ``places`` of ``steps`` cubed places in open cells.

    Writes ``found`` (X, Y, Z). O(voxels x steps cubed), O(1) for a voxel that nobody looked into.
    """
    may_miss = steps * steps * steps - places
    for x in range(asked.shape[0]):
        for y in range(asked.shape[1]):
            for z in range(asked.shape[2]):
                if not asked[x, y, z]:
                    continue
                missed = 0
                for i in range(steps * steps * steps):
                    px, py = x + (i // (steps * steps) + 0.5) / steps, y + (i // steps % steps + 0.5) / steps
                    bits = bits_at(rows, cells, cell_SE3_voxel, px, py, z + (i % steps + 0.5) / steps)
                    missed += not bits & OPEN
                    if missed > may_miss:
                        break
                found[x, y, z] = missed <= may_miss


@kernel
def question(
    rows: Int32, cells: UInt8, cell_SE3_voxel: Float64, steps: int, places: int, voxels: Int64, hit: Bool, empty: Bool
) -> None:
    """Of ``voxels`` (N, 3): into which a return fell, and which are empty.

    Empty has no place in a solid cell, and at least ``places`` of ``steps`` cubed in cells that many rays crossed.
    Writes ``hit`` and ``empty`` (N,). O(N x steps cubed).
    """
    for n in range(len(voxels)):
        x, y, z = voxels[n, 0], voxels[n, 1], voxels[n, 2]
        crossed = 0
        seen = 0
        for i in range(steps * steps * steps):
            px, py = x + (i // (steps * steps) + 0.5) / steps, y + (i // steps % steps + 0.5) / steps
            bits = bits_at(rows, cells, cell_SE3_voxel, px, py, z + (i % steps + 0.5) / steps)
            seen |= bits
            crossed += bits & CROSSED == CROSSED
        hit[n] = seen & HIT == HIT
        empty[n] = seen & SOLID == 0 and crossed >= places


@kernel
def judge(rows: Int32, cells: UInt8, cell_SE3_source: Float64, places: Float64, bits: UInt8) -> None:
    """The judgement of the cells at ``places`` (N, 3) of the source frame; writes ``bits`` (N,). O(N)."""
    for n in range(len(places)):
        bits[n] = bits_at(rows, cells, cell_SE3_source, places[n, 0], places[n, 1], places[n, 2])
