"""Run lengths of equal labels along the axes of a grid, from every voxel in six directions (VoxDet, Algorithm 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

UInt8 = NDArray[np.uint8]
UInt16 = NDArray[np.uint16]
AT_ONCE = 8192
"""Voxels of a slab whose columns are done together: their temporary rows stay in the first cache."""
SLABS = 4
"""Slabs whose runs along y are done together. With eight, rows that a power of two lies between drive each other out."""
LONGEST = 65_535
"""Voxels along an axis: a run must fit 16 bits."""
_SHORT = 256
"""Columns up to this long are done by doubling, their lengths less one in 8 bits."""


@kernel
def _along_y(labels: NDArray[Any], ny: int, nz: int, first: int, last: int, forth: UInt16, back: UInt16) -> None:
    """Run lengths along y of slabs ``first`` to ``last`` of ``labels`` (X * Y * Z,), to the last row and to the first. O(N).

    A row of Z voxels waits for the one before it, and is too short to fill that time: rows of several slabs and of both
    directions take turns. Places are unsigned: signed ones might be meant from the end, and asking costs more than the rest.
    """
    one, slab = np.uint16(1), ny * nz
    for x in range(first, last):
        for k in range(nz):
            back[x * slab + k] = one
            forth[(x + 1) * slab - nz + k] = one
    for y in range(1, ny):
        for x in range(first, last):
            here, there = np.uint64(x * slab + y * nz), np.uint64(x * slab + (y - 1) * nz)
            for k in range(nz):
                i, j = here + np.uint64(k), there + np.uint64(k)
                back[i] = back[j] + one if labels[i] == labels[j] else one
            here, there = np.uint64((x + 1) * slab - (y + 1) * nz), np.uint64((x + 1) * slab - y * nz)
            for k in range(nz):
                i, j = here + np.uint64(k), there + np.uint64(k)
                forth[i] = forth[j] + one if labels[i] == labels[j] else one


@kernel
def _going_on(labels: NDArray[Any], beside: NDArray[Any], counted: UInt16, out: UInt16) -> None:
    """``out`` (N,): one more than was ``counted`` beside where the label is the same, else 1. O(N)."""
    one = np.uint16(1)
    for i in range(len(out)):
        out[i] = counted[i] + one if labels[i] == beside[i] else one


@kernel
def _equal(one: NDArray[Any], other: NDArray[Any], out: UInt8) -> None:
    """``out`` (N,): 1 where two labels are the same, else 0. O(N)."""
    for i in range(len(out)):
        out[i] = np.uint8(1) if one[i] == other[i] else np.uint8(0)


@kernel
def _joined(own: UInt8, beyond: UInt8, reach: int, out: UInt8) -> None:
    """``out`` (N,): ``own``, and where that is the whole ``reach``, what lies ``beyond`` as well. O(N)."""
    full = np.uint8(reach)
    for i in range(len(out)):
        out[i] = own[i] + (beyond[i] if own[i] == full else np.uint8(0))


@kernel
def _counted(others: UInt8, out: UInt16) -> None:
    """``out`` (N,): equal voxels beside this one, and itself. O(N)."""
    for i in range(len(out)):
        out[i] = np.uint16(others[i]) + np.uint16(1)


@kernel
def _short_columns(labels: NDArray[Any], nz: int, forth: UInt16, back: UInt16, a: UInt8, b: UInt8) -> None:
    """Run lengths within columns of ``nz`` voxels, at most 256, that lie end to end in ``labels`` (N,).

    How many neighbours within reach are equal is known for a reach of one; doubling the reach adds what the voxel at its end
    counts, in passes that need nothing of their own neighbours and so go many voxels at a time. ``a``, ``b``: (N,) for its
    own use. O(N log nz).
    """
    n = len(labels)
    _equal(labels[1:], labels[:-1], a[1:])
    for i in range(0, n, nz):
        a[i] = 0
    reach = 1
    while reach < nz:
        b[:reach] = a[:reach]
        _joined(a[reach:], a[:-reach], reach, b[reach:])
        a, b = b, a
        reach *= 2
    _counted(a, back)
    _equal(labels[:-1], labels[1:], a[:-1])
    for i in range(nz - 1, n, nz):
        a[i] = 0
    reach = 1
    while reach < nz:
        b[n - reach :] = a[n - reach :]
        _joined(a[:-reach], a[reach:], reach, b[: n - reach])
        a, b = b, a
        reach *= 2
    _counted(a, forth)


@kernel
def _long_columns(labels: NDArray[Any], nz: int, forth: UInt16, back: UInt16) -> None:
    """The same for columns of any length, voxel by voxel. O(N)."""
    for start in range(0, len(labels), nz):
        first = start
        for i in range(start, start + nz):
            if i > start and labels[i] != labels[i - 1]:
                first = i
            back[i] = i - first + 1
        last = start + nz - 1
        for i in range(start + nz - 1, start - 1, -1):
            if i < start + nz - 1 and labels[i] != labels[i + 1]:
                last = i
            forth[i] = last - i + 1


@kernel
def runs_along_x(labels: NDArray[Any], lengths: UInt16, start: int, stop: int) -> None:
    """Writes channels x+ and x- of ``lengths`` (6, X, Y, Z) of ``labels`` (X, Y, Z), both contiguous, for y in start to stop.

    Each is the number of voxels from this one, itself counted, to the end of its run of equal labels. O(X (stop - start) Z).
    """
    nx, ny, nz = labels.shape
    a, b = start * nz, stop * nz
    flat, whole = labels.reshape(nx, ny * nz), lengths.reshape(6, nx, ny * nz)
    whole[1, 0, a:b] = 1
    for x in range(1, nx):
        _going_on(flat[x, a:b], flat[x - 1, a:b], whole[1, x - 1, a:b], whole[1, x, a:b])
    whole[0, nx - 1, a:b] = 1
    for x in range(nx - 2, -1, -1):
        _going_on(flat[x, a:b], flat[x + 1, a:b], whole[0, x + 1, a:b], whole[0, x, a:b])


@kernel
def runs_along_yz(labels: NDArray[Any], lengths: UInt16, start: int, stop: int) -> None:
    """The same for channels y+, y-, z+ and z-, for x in start to stop.

    O((stop - start) Y Z), times log Z for columns up to 256 voxels; 16 KiB beside the output.
    """
    nx, ny, nz = labels.shape
    flat, whole = labels.reshape(nx, ny * nz), lengths.reshape(6, nx, ny * nz)
    rows = max(1, min(ny, AT_ONCE // nz))
    p, q = np.empty(rows * nz, np.uint8), np.empty(rows * nz, np.uint8)
    for x in range(start, stop):
        if (x - start) % SLABS == 0:
            last = min(x + SLABS, stop)
            _along_y(labels.reshape(-1), ny, nz, x, last, lengths[2].reshape(-1), lengths[3].reshape(-1))
        for y in range(0, ny, rows):
            a, b = y * nz, min(y + rows, ny) * nz
            some, forth, back = flat[x, a:b], whole[4, x, a:b], whole[5, x, a:b]
            if nz <= _SHORT:
                _short_columns(some, nz, forth, back, p[: b - a], q[: b - a])
            else:
                _long_columns(some, nz, forth, back)
