"""Which voxels a sensor does not see past occupied ones: each voxel's own ray, exactly, in leaps over empty space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]
UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

FREE_WAY = -1.0
"""What :func:`obstacle` gives where there is none."""
LEAP = 3
"""Least distance to an occupied voxel at which leaping is quicker than stepping."""
TOUCH = 1e-9
"""Less than this share of a ray, or this much of a voxel's edge: an edge is touched there, which stops nothing."""
NEVER = 1e18
"""When a ray leaves a layer of voxels along which it runs."""


@kernel
def distances(occupied: Bool) -> UInt8:
    """(X, Y, Z) uint8: Chebyshev distance, in voxels, to the nearest occupied voxel of the same height, 253 at most.

    occupied: (X, Y, Z) bool. Two passes over neighbours that are done (Rosenfeld and Pfaltz, 1968). O(voxels).
    """
    nx, ny, nz = occupied.shape
    far = np.uint8(253)
    away = np.full((nx + 2, ny + 2, nz), far, dtype=np.uint8)
    for x in range(1, nx + 1):
        for y in range(1, ny + 1):
            for z in range(nz):
                near = min(away[x - 1, y - 1, z], away[x - 1, y, z], away[x - 1, y + 1, z], away[x, y - 1, z])
                near = min(near, np.uint8(252)) + np.uint8(1)
                away[x, y, z] = np.uint8(0) if occupied[x - 1, y - 1, z] else near
    for x in range(nx, 0, -1):
        for y in range(ny, 0, -1):
            for z in range(nz):
                near = min(away[x + 1, y + 1, z], away[x + 1, y, z], away[x + 1, y - 1, z], away[x, y + 1, z])
                away[x, y, z] = min(away[x, y, z], min(near, np.uint8(252)) + np.uint8(1))
    return away[1:-1, 1:-1].copy()


@kernel
def obstacle(away: UInt8, x: float, y: float, z: float, dx: float, dy: float, dz: float) -> float:
    """Where a ray lies in an occupied voxel, as a share of its length, 0 to 1; FREE_WAY where nowhere. O(voxels crossed).

    away: (X, Y, Z) uint8 of :func:`distances`, or less. The ray begins in a voxel's centre, (x, y, z) in voxels, and ends
    (dx, dy, dz) further; what lies outside the grid is empty. Voxels are followed as by Amanatides and Woo (1987), but where
    the nearest occupied one of its height is D away, up to D - 1 are crossed at once.
    """
    nx, ny, nz = away.shape
    longest = max(abs(dx), abs(dy))
    turn_x, turn_y, turn_z = (1 if dx > 0.0 else -1), (1 if dy > 0.0 else -1), (1 if dz > 0.0 else -1)
    gain_x, gain_y = (NEVER if dx == 0.0 else 1.0 / dx), (NEVER if dy == 0.0 else 1.0 / dy)
    gain_z = NEVER if dz == 0.0 else abs(1.0 / dz)
    ahead_x, ahead_y = (0.0 if dx < 0.0 else 1.0) - x, (0.0 if dy < 0.0 else 1.0) - y
    i, j, k = int(x), int(y), int(z)
    left_x, left_y, left_z = (i + ahead_x) * gain_x, (j + ahead_y) * gain_y, 0.5 * gain_z
    start = 0.0
    while start < 1.0:
        distance = away[i, j, k]
        if distance >= LEAP and longest > 0.0:
            start += (distance - 1) / longest
            if start >= left_z:
                start = left_z
                left_z += gain_z
                k += turn_z
            u, v = x + start * dx, y + start * dy
            if k < 0 or k >= nz or u < 0.0 or v < 0.0 or u >= nx or v >= ny:
                return FREE_WAY
            i, j = int(u), int(v)
            left_x, left_y = (i + ahead_x) * gain_x, (j + ahead_y) * gain_y
            continue
        stop = min(left_x, left_y, left_z, 1.0)
        if distance == 0 and stop - start > TOUCH:
            return 0.5 * (start + stop)
        start = max(start, stop)
        if left_x <= left_y and left_x <= left_z:
            i += turn_x
            left_x += abs(gain_x)
            if i < 0 or i >= nx:
                return FREE_WAY
        elif left_y <= left_z:
            j += turn_y
            left_y += abs(gain_y)
            if j < 0 or j >= ny:
                return FREE_WAY
        else:
            k += turn_z
            left_z += gain_z
            if k < 0 or k >= nz:
                return FREE_WAY
    return FREE_WAY


@kernel
def without(away: UInt8, sensor: Float64) -> UInt8:
    """(X, Y, Z) uint8: the same distances, with the voxels that the sensor lies in, or between, empty. O(voxels)."""
    changed = away.copy()
    first, last = np.floor(sensor - 1e-6), np.floor(sensor + 1e-6)
    for i in range(max(int(first[0]), 0), min(int(last[0]), away.shape[0] - 1) + 1):
        for j in range(max(int(first[1]), 0), min(int(last[1]), away.shape[1] - 1) + 1):
            for k in range(max(int(first[2]), 0), min(int(last[2]), away.shape[2] - 1) + 1):
                changed[i, j, k] = max(changed[i, j, k], np.uint8(1))
    return changed


@kernel
def keep_hidden(away: UInt8, voxels: Int16, sensor: Float64) -> int:
    """How many of the voxels the sensor does not see; those are moved to the front of ``voxels``, in their order.

    away: of :func:`distances`. voxels: (N, 3) int16, empty ones, in C order. sensor: (3,) float64, in voxels. A voxel is hidden
    where the ray from its centre to the sensor passes through an occupied one; what the sensor lies in hides nothing.

    What stops one voxel's ray mostly stops its neighbours': a ray is first asked where those of the voxels before it, along
    each axis, were stopped, and a voxel farther and nearer. O(hidden), and O(voxels crossed) for each that is seen or of which
    neighbours do not tell.
    """
    away = without(away, sensor)
    nx, ny, nz = away.shape
    # Shares of the rays of the layer before along x; one row and layer more, so that each has neighbours before it.
    stops = np.full((ny + 1, nz + 1), 0.5)
    kept = 0
    for n in range(len(voxels)):
        p, q, r = voxels[n, 0], voxels[n, 1], voxels[n, 2]
        x, y, z = p + 0.5, q + 0.5, r + 0.5
        dx, dy, dz = sensor[0] - x, sensor[1] - y, sensor[2] - z
        one = 1.0 / max(abs(dx), abs(dy), 1.0)
        hidden, stop = False, 0.0
        for guess in range(5):
            if guess == 0:
                stop = stops[q + 1, r + 1]
            elif guess == 1:
                stop = stops[q, r + 1]
            elif guess == 2:
                stop = stops[q + 1, r]
            else:
                stop = stops[q + 1, r + 1] + (one if guess == 3 else -one)
            u, v, w = x + stop * dx, y + stop * dy, z + stop * dz
            if 0.0 < stop < 1.0 and u >= 0.0 and v >= 0.0 and w >= 0.0:
                i, j, k = int(u), int(v), int(w)
                if i < nx and j < ny and k < nz and away[i, j, k] == 0:
                    # On a face it may be an edge that the ray only touches.
                    hidden = min(u - i, v - j, w - k) > TOUCH and max(u - i, v - j, w - k) < 1.0 - TOUCH
                    if hidden:
                        break
        if not hidden:
            stop = obstacle(away, x, y, z, dx, dy, dz)
            hidden = stop != FREE_WAY
        if hidden:
            stops[q + 1, r + 1] = stop
            voxels[kept, 0], voxels[kept, 1], voxels[kept, 2] = p, q, r
            kept += 1
    return kept


@kernel
def empty(occupied: Bool) -> Int16:
    """(N, 3) int16: voxels that are not occupied, (X, Y, Z) bool, in C order. O(voxels)."""
    nx, ny, nz = occupied.shape
    voxels = np.empty((occupied.size - np.count_nonzero(occupied), 3), dtype=np.int16)
    found = 0
    for x in range(nx):
        for y in range(ny):
            for z in range(nz):
                if not occupied[x, y, z]:
                    voxels[found, 0], voxels[found, 1], voxels[found, 2] = x, y, z
                    found += 1
    return voxels
