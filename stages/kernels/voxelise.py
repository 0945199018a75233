"""Exact rasterisation of triangles and points on a voxel grid, with integer votes per class and voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
UInt8 = NDArray[np.uint8]

UNITS_PER_M2 = 100_000.0
"""Votes are areas in units of 0.1 square centimetres."""
SAMPLES = 3
"""A triangle that crosses voxels hands its area out at the centres of SAMPLES ** 2 equal parts of it."""


@kernel
def axis_separates(
    ax: float, ay: float, az: float, a: Float64, b: Float64, c: Float64, x: float, y: float, z: float
) -> bool:
    """Whether an axis separates a triangle from the unit cube centred at (x, y, z)."""
    p = ax * (a[0] - x) + ay * (a[1] - y) + az * (a[2] - z)
    q = ax * (b[0] - x) + ay * (b[1] - y) + az * (b[2] - z)
    r = ax * (c[0] - x) + ay * (c[1] - y) + az * (c[2] - z)
    radius = 0.5 * (abs(ax) + abs(ay) + abs(az))
    return max(p, q, r) < -radius or min(p, q, r) > radius


@kernel
def overlaps(a: Float64, b: Float64, c: Float64, x: float, y: float, z: float) -> bool:
    """Whether a triangle meets the closed unit cube centred at (x, y, z), given that their bounding boxes do.

    Separating axes: the triangle's normal and the nine cross products of its edges with the cube's
    (Akenine-Moeller 2001, "Fast 3D triangle-box overlap testing").
    """
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - b[0], c[1] - b[1], c[2] - b[2]
    wx, wy, wz = a[0] - c[0], a[1] - c[1], a[2] - c[2]
    if axis_separates(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx, a, b, c, x, y, z):
        return False
    for ex, ey, ez in ((ux, uy, uz), (vx, vy, vz), (wx, wy, wz)):
        if (
            axis_separates(0.0, -ez, ey, a, b, c, x, y, z)
            or axis_separates(ez, 0.0, -ex, a, b, c, x, y, z)
            or axis_separates(-ey, ex, 0.0, a, b, c, x, y, z)
        ):
            return False
    return True


@kernel
def slot_of(slots: Int32, voxels: Int32, state: Int32, voxel: int) -> int:
    """Row of a voxel's votes, made at its first touch; state[0] counts them. -1 where the rows are used up."""
    if slots[voxel] < 0:
        if state[0] == len(voxels):
            return -1
        slots[voxel] = state[0]
        voxels[state[0]] = voxel
        state[0] += 1
    return slots[voxel]


@kernel
def add_triangles(
    vertices: Float64,
    triangles: Int32,
    labels: UInt8,
    shape: tuple[int, int, int],
    m2_per_unit: float,
    body: int,
    slots: Int32,
    voxels: Int32,
    state: Int32,
    votes: Int32,
    bodies: Int32,
    start: int,
) -> int:
    """Adds triangles from ``start`` on; gives the first one not added because the rows are used up, else their number.

    vertices: (V, 3) float64 in voxels, the grid's lower corner at 0. Every voxel a triangle meets gets at least one
    unit for its label (column 0 to C - 1, or C without one) and its body. O(triangles x voxels in their boxes).
    """
    nx, ny, nz = shape
    none = votes.shape[1] - 1
    for t in range(start, len(triangles)):
        a, b, c = vertices[triangles[t, 0]], vertices[triangles[t, 1]], vertices[triangles[t, 2]]
        x0, x1 = int(np.floor(min(a[0], b[0], c[0]))), int(np.floor(max(a[0], b[0], c[0])))
        y0, y1 = int(np.floor(min(a[1], b[1], c[1]))), int(np.floor(max(a[1], b[1], c[1])))
        z0, z1 = int(np.floor(min(a[2], b[2], c[2]))), int(np.floor(max(a[2], b[2], c[2])))
        if x1 < 0 or y1 < 0 or z1 < 0 or x0 >= nx or y0 >= ny or z0 >= nz:
            continue
        label = min(int(labels[t]), none)
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        area = 0.5 * np.sqrt((uy * vz - uz * vy) ** 2 + (uz * vx - ux * vz) ** 2 + (ux * vy - uy * vx) ** 2)
        units = int(area * m2_per_unit)
        if x0 == x1 and y0 == y1 and z0 == z1:
            slot = slot_of(slots, voxels, state, (x0 * ny + y0) * nz + z0)
            if slot < 0:
                return t
            votes[slot, label] += units + 1
            bodies[slot, body] += units + 1
            continue
        room = (x1 - x0 + 1) * (y1 - y0 + 1) * (z1 - z0 + 1)
        if state[0] + room > len(voxels):
            return t
        for x in range(max(x0, 0), min(x1, nx - 1) + 1):
            for y in range(max(y0, 0), min(y1, ny - 1) + 1):
                for z in range(max(z0, 0), min(z1, nz - 1) + 1):
                    if overlaps(a, b, c, x + 0.5, y + 0.5, z + 0.5):
                        slot = slot_of(slots, voxels, state, (x * ny + y) * nz + z)
                        votes[slot, label] += 1
                        bodies[slot, body] += 1
        share = units // (SAMPLES * SAMPLES)
        for i in range(SAMPLES):
            for j in range(2 * (SAMPLES - i) - 1):
                # Centres of the SAMPLES ** 2 congruent parts, upright (even j) and turned (odd j), row by row.
                p = (i + (1.0 if j % 2 == 0 else 2.0) / 3.0) / SAMPLES
                q = (j // 2 + (1.0 if j % 2 == 0 else 2.0) / 3.0) / SAMPLES
                x = int(np.floor(a[0] + p * ux + q * vx))
                y = int(np.floor(a[1] + p * uy + q * vy))
                z = int(np.floor(a[2] + p * uz + q * vz))
                if 0 <= x < nx and 0 <= y < ny and 0 <= z < nz and slots[(x * ny + y) * nz + z] >= 0:
                    slot = slots[(x * ny + y) * nz + z]
                    votes[slot, label] += share
                    bodies[slot, body] += share
    return len(triangles)


@kernel
def add_points(
    points: Float64,
    returns: NDArray[np.uint16],
    labels: UInt8,
    shape: tuple[int, int, int],
    units: int,
    body: int,
    slots: Int32,
    voxels: Int32,
    state: Int32,
    votes: Int32,
    bodies: Int32,
    seen: Int32,
    sums: Float64,
    start: int,
) -> int:
    """Adds points (N, 3) float64 in voxels from ``start`` on; gives the first one not added for lack of rows, else N.

    seen: (rows,) int32 counts returns, sums: (rows, 3) adds up places. A point is worth ``units`` of surface. O(N).
    """
    nx, ny, nz = shape
    none = votes.shape[1] - 1
    for i in range(start, len(points)):
        x, y, z = int(np.floor(points[i, 0])), int(np.floor(points[i, 1])), int(np.floor(points[i, 2]))
        if x < 0 or y < 0 or z < 0 or x >= nx or y >= ny or z >= nz:
            continue
        slot = slot_of(slots, voxels, state, (x * ny + y) * nz + z)
        if slot < 0:
            return i
        votes[slot, min(int(labels[i]), none)] += units
        bodies[slot, body] += units
        seen[slot] += int(returns[i])
        for axis in range(3):
            sums[slot, axis] += points[i, axis] * returns[i]
    return len(points)


@dataclass(frozen=True)
class Marked:
    """Voxels that surfaces or points touched, in order of their index."""

    voxels: Int32
    """(M,) int32: flat index, C order of [x, y, z]."""
    votes: Int32
    """(M, C + 1) int32: units of surface per class; the last column without a class."""
    bodies: Int32
    """(M, 4) int32: units of surface per body."""
    returns: Int32
    """(M,) int32: returns that fell into it."""
    mean: Float64
    """(M, 3) float64: mean place of those returns, in voxels; NaN without any."""
    surface: NDArray[np.bool_]
    """(M,) bool: touched by a triangle."""


class Canvas:
    """Collects triangles and points of one frame; rows grow with the voxels touched, not with the grid's classes."""

    def __init__(self, shape: tuple[int, int, int], voxel_m: float, classes: int) -> None:
        self._shape, self._voxel_m, self._classes = shape, voxel_m, classes
        self._slots = np.full(int(np.prod(shape)), -1, dtype=np.int32)
        self._state = np.zeros(1, dtype=np.int32)
        self._grow(1 << 15)

    def _grow(self, rows: int) -> None:
        columns: dict[str, tuple[tuple[int, ...], Any]] = {
            "_voxels": ((rows,), np.int32),
            "_votes": ((rows, self._classes + 1), np.int32),
            "_bodies": ((rows, 4), np.int32),
            "_seen": ((rows,), np.int32),
            "_sums": ((rows, 3), np.float64),
            "_touched": ((rows,), np.int32),
        }
        for name, (shape, dtype) in columns.items():
            larger = np.zeros(shape, dtype=dtype)
            if hasattr(self, name):
                old = getattr(self, name)
                larger[: len(old)] = old
            setattr(self, name, larger)

    _voxels: Int32
    _votes: Int32
    _bodies: Int32
    _seen: Int32
    _sums: Float64
    _touched: Int32

    def triangles(self, vertices: Float64, triangles: Int32, labels: UInt8, body: int) -> None:
        """``vertices``: (V, 3) float64 in voxels; ``triangles``: (F, 3) int32; ``labels``: (F,) uint8."""
        units = UNITS_PER_M2 * self._voxel_m**2
        done = 0
        while True:
            args = (self._slots, self._voxels, self._state, self._votes, self._bodies)
            done = add_triangles(vertices, triangles, labels, self._shape, units, body, *args, done)
            if done == len(triangles):
                return
            self._grow(2 * len(self._voxels))

    def surfaces_end(self) -> None:
        """What was touched so far was touched by triangles."""
        self._touched[: int(self._state[0])] = 1

    def points(self, points: Float64, returns: NDArray[np.uint16], labels: UInt8, spacing_m: float, body: int) -> None:
        """``points``: (N, 3) float64 in voxels, each standing for a patch of surface ``spacing_m`` wide."""
        units = int(UNITS_PER_M2 * spacing_m**2)
        done = 0
        while True:
            args = (self._slots, self._voxels, self._state, self._votes, self._bodies, self._seen, self._sums)
            done = add_points(points, returns, labels, self._shape, units, body, *args, done)
            if done == len(points):
                return
            self._grow(2 * len(self._voxels))

    def marked(self) -> Marked:
        """Everything collected."""
        count = int(self._state[0])
        order = np.argsort(self._voxels[:count])
        seen = self._seen[:count][order]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self._sums[:count][order] / seen[:, None]
        return Marked(
            self._voxels[:count][order],
            self._votes[:count][order],
            self._bodies[:count][order],
            seen,
            mean,
            self._touched[:count][order] > 0,
        )
