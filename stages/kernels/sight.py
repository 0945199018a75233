"""Which voxels a sensor does not see past occupied ones: each voxel's own ray, exactly, in leaps over empty space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]
UInt8 = NDArray[np.uint8]

FREE_WAY = -1.0
"""What :func:`obstacle` gives where there is none."""
LEAP = 3
"""Least distance to an occupied voxel, in voxels, at which leaping is quicker than stepping."""
NEVER = 1e18
"""When a ray leaves a layer of voxels along which it runs."""


@kernel
def leaves(origin: float, step: float, cell: int) -> float:
    """Share of a ray at which it leaves a voxel along one axis. O(1)."""
    if step == 0.0:
        return NEVER
    return (cell + (1 if step > 0.0 else 0) - origin) / step


@kernel
def obstacle(distance: UInt8, x: float, y: float, z: float, dx: float, dy: float, dz: float) -> float:
    """Where a ray lies in an occupied voxel, as a share of its length, 0 to 1; FREE_WAY where nowhere. O(voxels crossed).

    distance: (X, Y, Z) uint8, each voxel's Chebyshev distance to the nearest occupied one, or less; 0 where occupied. The ray
    begins at (x, y, z), in voxels, inside the grid, and ends (dx, dy, dz) further; what lies outside is empty. Voxels are
    followed as by Amanatides and Woo (1987), but where the nearest occupied one is D away, D - 1 are crossed at once.
    """
    nx, ny, nz = distance.shape
    longest = max(abs(dx), abs(dy), abs(dz))
    if longest == 0.0:
        return FREE_WAY
    turn_x, turn_y, turn_z = (1 if dx > 0.0 else -1), (1 if dy > 0.0 else -1), (1 if dz > 0.0 else -1)
    i, j, k = int(x), int(y), int(z)
    left_x, left_y, left_z = leaves(x, dx, i), leaves(y, dy, j), leaves(z, dz, k)
    start = 0.0
    while start < 1.0:
        away = distance[i, j, k]
        if away >= LEAP:
            start += (away - 1) / longest
            u, v, w = x + start * dx, y + start * dy, z + start * dz
            if u < 0.0 or v < 0.0 or w < 0.0 or u >= nx or v >= ny or w >= nz:
                return FREE_WAY
            i, j, k = int(u), int(v), int(w)
            left_x, left_y, left_z = leaves(x, dx, i), leaves(y, dy, j), leaves(z, dz, k)
            continue
        stop = min(left_x, left_y, left_z, 1.0)
        # A voxel that the ray only touches holds no part of it.
        if away == 0 and stop > start:
            return 0.5 * (start + stop)
        start = stop
        if left_x <= left_y and left_x <= left_z:
            i += turn_x
            left_x = leaves(x, dx, i)
            if i < 0 or i >= nx:
                return FREE_WAY
        elif left_y <= left_z:
            j += turn_y
            left_y = leaves(y, dy, j)
            if j < 0 or j >= ny:
                return FREE_WAY
        else:
            k += turn_z
            left_z = leaves(z, dz, k)
            if k < 0 or k >= nz:
                return FREE_WAY
    return FREE_WAY


@kernel
def lies_in_occupied(distance: UInt8, x: float, y: float, z: float) -> bool:
    """Whether a place, in voxels, lies in an occupied voxel. O(1)."""
    nx, ny, nz = distance.shape
    if x < 0.0 or y < 0.0 or z < 0.0 or x >= nx or y >= ny or z >= nz:
        return False
    return distance[int(x), int(y), int(z)] == 0


@kernel
def keep_hidden(distance: UInt8, voxels: Int16, sensor: Float64) -> int:
    """How many of the voxels the sensor does not see; those are moved to the front of ``voxels``, in their order.

    distance: as of :func:`obstacle`. voxels: (N, 3) int16, empty ones, in C order. sensor: (3,) float64, in voxels. A voxel is
    hidden where the ray from its centre to the sensor passes through an occupied one; the sensor's own voxel hides nothing.

    A place on the ray is first asked where a neighbour's ray was stopped: what hides one voxel mostly hides the next.
    O(hidden), and O(voxels crossed) for each that is seen or of which neighbours do not tell.
    """
    _, ny, nz = distance.shape
    a, b, c = sensor[0], sensor[1], sensor[2]
    # Of the last voxel along x at each y and z, one row and layer up.
    stopped = np.full((ny + 1, nz + 1), 0.5)
    kept = 0
    own, inside = 0, False
    i, j, k = int(np.floor(a)), int(np.floor(b)), int(np.floor(c))
    if 0 <= i < distance.shape[0] and 0 <= j < ny and 0 <= k < nz:
        own, inside = distance[i, j, k], True
        distance[i, j, k] = max(own, 1)
    for n in range(len(voxels)):
        p, q, r = voxels[n, 0], voxels[n, 1], voxels[n, 2]
        x, y, z = p + 0.5, q + 0.5, r + 0.5
        dx, dy, dz = a - x, b - y, c - z
        at = stopped[q + 1, r + 1]
        hidden = lies_in_occupied(distance, x + at * dx, y + at * dy, z + at * dz)
        if not hidden:
            at = stopped[q, r + 1]
            hidden = lies_in_occupied(distance, x + at * dx, y + at * dy, z + at * dz)
        if not hidden:
            at = stopped[q + 1, r]
            hidden = lies_in_occupied(distance, x + at * dx, y + at * dy, z + at * dz)
        if not hidden:
            at = obstacle(distance, x, y, z, dx, dy, dz)
            hidden = at != FREE_WAY
        if hidden:
            stopped[q + 1, r + 1] = at
            voxels[kept] = voxels[n]
            kept += 1
    if inside:
        distance[i, j, k] = own
    return kept
