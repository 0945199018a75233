"""Exact areas of triangles in voxels, by clipping: slow, plain, and sharing nothing with the pipeline's own test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel
from .meshes import Float64

Int64 = NDArray[np.int64]
MOST = 12
"""A triangle cut by six planes has at most nine corners."""


@kernel
def cut(polygon: Float64, size: int, axis: int, bound: float, keep_above: bool, out: Float64) -> int:
    """Sutherland and Hodgman: the part of a polygon (first ``size`` rows) at or above (below) a plane; fills ``out``, returns its size."""
    sign = 1.0 if keep_above else -1.0
    count = 0
    for k in range(size):
        m = k + 1 if k + 1 < size else 0
        a, b = sign * (polygon[k, axis] - bound), sign * (polygon[m, axis] - bound)
        if a >= 0.0:
            for i in range(3):
                out[count, i] = polygon[k, i]
            count += 1
        if (a > 0.0 and b < 0.0) or (a < 0.0 and b > 0.0):
            part = a / (a - b)
            for i in range(3):
                out[count, i] = polygon[k, i] + part * (polygon[m, i] - polygon[k, i])
            # Exactly on the plane, or the next cut could see it on the wrong side.
            out[count, axis] = bound
            count += 1
    return count


@kernel
def polygon_area(polygon: Float64, size: int) -> float:
    """Area of a plane polygon."""
    x, y, z = 0.0, 0.0, 0.0
    for k in range(1, size - 1):
        ax, ay, az = polygon[k, 0] - polygon[0, 0], polygon[k, 1] - polygon[0, 1], polygon[k, 2] - polygon[0, 2]
        bx, by, bz = (
            polygon[k + 1, 0] - polygon[0, 0],
            polygon[k + 1, 1] - polygon[0, 1],
            polygon[k + 1, 2] - polygon[0, 2],
        )
        x, y, z = x + ay * bz - az * by, y + az * bx - ax * bz, z + ax * by - ay * bx
    return 0.5 * np.sqrt(x * x + y * y + z * z)


@kernel
def _span(polygon: Float64, size: int, axis: int, count: int) -> tuple[int, int]:
    """First and last slab of width one that a polygon touches, within 0..count."""
    low, high = polygon[0, axis], polygon[0, axis]
    for k in range(1, size):
        low, high = min(low, polygon[k, axis]), max(high, polygon[k, axis])
    return max(0, int(np.floor(low))), min(count - 1, int(np.floor(high)))


@kernel
def _in_slab(polygon: Float64, size: int, axis: int, cell: int, spare: Float64, out: Float64) -> int:
    """The part of a polygon in cell <= coordinate < cell + 1; none if it only touches the excluded upper face."""
    size = cut(polygon, size, axis, float(cell), True, spare)
    if size < 3:
        return 0
    size = cut(spare, size, axis, float(cell + 1), False, out)
    if size < 3:
        return 0
    for k in range(size):
        if out[k, axis] < cell + 1:
            return size
    return 0


@kernel
def areas(corners: Float64, shape: tuple[int, int, int], triangles: Int64, voxels: Int64, found: Float64) -> int:
    """Clips triangles against every voxel they could touch.

    ``corners``: (F, 3, 3) in voxels from the grid's lower corner. Fills ``triangles``, ``voxels`` (flat index, z fastest)
    and ``found`` (area in voxel faces) and returns how many it found, more than the arrays hold if they are too short.
    """
    a, b, c, d = np.empty((MOST, 3)), np.empty((MOST, 3)), np.empty((MOST, 3)), np.empty((MOST, 3))
    spare = np.empty((MOST, 3))
    total = 0
    for t in range(len(corners)):
        for k in range(3):
            for i in range(3):
                a[k, i] = corners[t, k, i]
        y0, y1 = _span(a, 3, 1, shape[1])
        z0, z1 = _span(a, 3, 2, shape[2])
        if y0 > y1 or z0 > z1:
            continue
        x0, x1 = _span(a, 3, 0, shape[0])
        for x in range(x0, x1 + 1):
            nx = _in_slab(a, 3, 0, x, spare, b)
            if nx == 0:
                continue
            y0, y1 = _span(b, nx, 1, shape[1])
            for y in range(y0, y1 + 1):
                ny = _in_slab(b, nx, 1, y, spare, c)
                if ny == 0:
                    continue
                z0, z1 = _span(c, ny, 2, shape[2])
                for z in range(z0, z1 + 1):
                    nz = _in_slab(c, ny, 2, z, spare, d)
                    area = polygon_area(d, nz) if nz else 0.0
                    if area > 0.0:
                        if total < len(found):
                            triangles[total], voxels[total], found[total] = t, (x * shape[1] + y) * shape[2] + z, area
                        total += 1
    return total


def clip(corners: Float64, shape: tuple[int, int, int]) -> tuple[Int64, Int64, Float64]:
    """Every pair of triangle and voxel that meet: triangles (P,), flat voxel indices (P,), areas (P,) in voxel faces."""
    room = 4 * len(corners) + 1024
    while True:
        triangles, voxels, found = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
        total = areas(np.ascontiguousarray(corners, dtype=np.float64), shape, triangles, voxels, found)
        if total <= room:
            return triangles[:total], voxels[:total], found[:total]
        room = total
