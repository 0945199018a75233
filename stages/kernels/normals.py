"""Surface normals of points from their neighbours, turned towards the sensor that saw each point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel
from .neighbours import Buckets

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]


@kernel
def smallest_eigenvector(c: Float64) -> Float64:
    """Unit eigenvector (3,) of the smallest eigenvalue of a symmetric (3, 3) matrix; zeros where it is not defined.

    Closed form: the eigenvalue by the trigonometric solution of the cubic, the vector as the largest cross product of
    two rows of ``c - eigenvalue``.
    """
    mean = (c[0, 0] + c[1, 1] + c[2, 2]) / 3.0
    off = c[0, 1] ** 2 + c[0, 2] ** 2 + c[1, 2] ** 2
    spread = np.sqrt(((c[0, 0] - mean) ** 2 + (c[1, 1] - mean) ** 2 + (c[2, 2] - mean) ** 2 + 2.0 * off) / 6.0)
    vector = np.zeros(3)
    if spread <= 1e-12:
        return vector
    a, b, d = (c[0, 0] - mean) / spread, (c[1, 1] - mean) / spread, (c[2, 2] - mean) / spread
    e, f, g = c[0, 1] / spread, c[0, 2] / spread, c[1, 2] / spread
    half_determinant = (a * (b * d - g * g) - e * (e * d - g * f) + f * (e * g - b * f)) / 2.0
    angle = np.arccos(min(max(half_determinant, -1.0), 1.0)) / 3.0
    value = mean + 2.0 * spread * np.cos(angle + 2.0 * np.pi / 3.0)
    rows = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            rows[i, j] = c[i, j] - (value if i == j else 0.0)
    best = 0.0
    for i in range(3):
        p, q = rows[i], rows[(i + 1) % 3]
        x, y, z = p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]
        length = x * x + y * y + z * z
        if length > best:
            best = length
            vector[0], vector[1], vector[2] = x, y, z
    return vector / np.sqrt(best) if best > 0.0 else vector


@kernel
def neighbour_normals(
    starts: Int32,
    points: Float32,
    rows: Int32,
    shape: tuple[int, int, int],
    radius: float,
    least: int,
    normals: Float32,
) -> None:
    """Fills the normals (N, 3) that are still zero from neighbours within ``radius`` (at most an edge), if enough.

    O(N x neighbours); normals are in the points' original order.
    """
    nx, ny, nz = shape
    covariance = np.empty((3, 3))
    for bx in range(nx):
        for by in range(ny):
            for bz in range(nz):
                bucket = (bx * ny + by) * nz + bz
                for i in range(starts[bucket], starts[bucket + 1]):
                    row = rows[i]
                    if normals[row, 0] != 0.0 or normals[row, 1] != 0.0 or normals[row, 2] != 0.0:
                        continue
                    n, sx, sy, sz = 0, 0.0, 0.0, 0.0
                    xx, xy, xz, yy, yz, zz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
                    for ox in range(max(bx - 1, 0), min(bx + 1, nx - 1) + 1):
                        for oy in range(max(by - 1, 0), min(by + 1, ny - 1) + 1):
                            base = (ox * ny + oy) * nz
                            for j in range(starts[base + max(bz - 1, 0)], starts[base + min(bz + 1, nz - 1) + 1]):
                                x = float(points[j, 0] - points[i, 0])
                                y = float(points[j, 1] - points[i, 1])
                                z = float(points[j, 2] - points[i, 2])
                                if x * x + y * y + z * z <= radius * radius:
                                    n += 1
                                    sx, sy, sz = sx + x, sy + y, sz + z
                                    xx, xy, xz = xx + x * x, xy + x * y, xz + x * z
                                    yy, yz, zz = yy + y * y, yz + y * z, zz + z * z
                    if n < least:
                        continue
                    sx, sy, sz = sx / n, sy / n, sz / n
                    covariance[0, 0] = xx / n - sx * sx
                    covariance[1, 1] = yy / n - sy * sy
                    covariance[2, 2] = zz / n - sz * sz
                    covariance[0, 1] = covariance[1, 0] = xy / n - sx * sy
                    covariance[0, 2] = covariance[2, 0] = xz / n - sx * sz
                    covariance[1, 2] = covariance[2, 1] = yz / n - sy * sz
                    vector = smallest_eigenvector(covariance)
                    for axis in range(3):
                        normals[row, axis] = vector[axis]


def oriented_normals(points: Float32, sensors: Float32, radii_m: tuple[float, ...], least: int) -> Float32:
    """Unit normals (N, 3) float32 turned to the sensor of each point; zeros where too few neighbours are near.

    points: (N, 3) float32, metres. sensors: (N, 3) float32, metres, same frame: where each point was seen from.
    radii_m: tried in order, the smallest first, until at least ``least`` points lie within.
    """
    normals = np.zeros_like(points)
    for radius in radii_m:
        todo = ~normals.any(axis=1)
        if todo.any():
            b = Buckets.of(points, radius)
            neighbour_normals(b.starts, b.points, b.rows, b.shape, radius, least, normals)
    away = np.einsum("ij,ij->i", normals, sensors - points) < 0
    normals[away] *= -1
    return normals
