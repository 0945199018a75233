"""Which voxel each return lies in, and how many of what lie in each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

OUTSIDE = -1
"""Voxel of a return that lies in none."""
NO_VOTE = 255
"""Candidate of a return that votes for none: it is there, and nobody said what it is."""


@kernel
def locate(points: Float32, voxel_SE3_points: Float64, occupied: Bool) -> Int32:
    """(N,) int32: the voxel each return lies in, counted in C order, OUTSIDE where none. Marks those voxels. O(N).

    points: (N, 3) float32. voxel_SE3_points: (4, 4), to voxels with the grid's lower corner at 0. occupied: (X, Y, Z) bool.
    """
    nx, ny, nz = occupied.shape
    m = voxel_SE3_points
    voxels = np.full(len(points), OUTSIDE, dtype=np.int32)
    for i in range(len(points)):
        x, y, z = float(points[i, 0]), float(points[i, 1]), float(points[i, 2])
        u = np.floor(m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3])
        v = np.floor(m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3])
        w = np.floor(m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3])
        if 0 <= u < nx and 0 <= v < ny and 0 <= w < nz:
            occupied[int(u), int(v), int(w)] = True
            voxels[i] = (int(u) * ny + int(v)) * nz + int(w)
    return voxels


@kernel
def count(votes: Int32, row_of_voxel: Int32, voxels: Int32, candidates: UInt8) -> None:
    """Adds returns to the votes of their voxels. O(N).

    votes: (M, C) int32. row_of_voxel: (X * Y * Z,) int32. voxels: (N,) int32 of :func:`locate`. candidates: (N,) uint8, below C
    or NO_VOTE.
    """
    for i in range(len(voxels)):
        if voxels[i] != OUTSIDE and candidates[i] != NO_VOTE:
            votes[row_of_voxel[voxels[i]], candidates[i]] += 1
