"""What hides what from a camera: surfaces drawn into an image of nearness, and voxels held against it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
NEAR_M = 0.05
"""What is nearer to a camera's plane than this is not drawn, nor are triangles that reach nearer."""
NEAR_SIDE = 0.49
"""From a voxel's middle to just inside its sides, in voxels."""


@kernel
def draw_triangles(
    points: Float64, triangles: Int32, lens: tuple[float, float, float, float], nearness: Float32
) -> None:
    """Draws triangles (F, 3) of camera points (V, 3), metres, where they are nearer than what is drawn.

    ``lens``: focal lengths and principal point in pixels; ``nearness``: (H, W) float32, 1 / depth at pixels' middles,
    0 where nothing is. Nearness is an affine function of pixels over a plane, so no division is left inside. Both faces
    show. O(F + pixels covered).
    """
    height, width = nearness.shape
    fx, fy, cx, cy = lens
    for f in range(len(triangles)):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        if points[a, 2] < NEAR_M or points[b, 2] < NEAR_M or points[c, 2] < NEAR_M:
            continue
        qa, qb, qc = 1.0 / points[a, 2], 1.0 / points[b, 2], 1.0 / points[c, 2]
        ua, ub, uc = points[a, 0] * qa * fx + cx, points[b, 0] * qb * fx + cx, points[c, 0] * qc * fx + cx
        va, vb, vc = points[a, 1] * qa * fy + cy, points[b, 1] * qb * fy + cy, points[c, 1] * qc * fy + cy
        first_i, last_i = max(np.ceil(min(ua, ub, uc) - 0.5), 0.0), min(np.floor(max(ua, ub, uc) - 0.5), width - 1.0)
        first_j, last_j = max(np.ceil(min(va, vb, vc) - 0.5), 0.0), min(np.floor(max(va, vb, vc) - 0.5), height - 1.0)
        area = (ub - ua) * (vc - va) - (uc - ua) * (vb - va)
        if first_i > last_i or first_j > last_j or area == 0.0:
            continue
        for j in range(int(first_j), int(last_j) + 1):
            for i in range(int(first_i), int(last_i) + 1):
                u, v = i + 0.5, j + 0.5
                wa = ((ub - u) * (vc - v) - (uc - u) * (vb - v)) / area
                wb = ((uc - u) * (va - v) - (ua - u) * (vc - v)) / area
                wc = 1.0 - wa - wb
                if wa >= 0.0 and wb >= 0.0 and wc >= 0.0:
                    nearness[j, i] = max(nearness[j, i], np.float32(wa * qa + wb * qb + wc * qc))


@kernel
def draw_points(points: Float64, size_m: float, lens: tuple[float, float, float, float], nearness: Float32) -> None:
    """Draws camera points (N, 3), metres, as squares ``size_m`` wide that face the camera. As :func:`draw_triangles`.

    O(N + pixels covered).
    """
    height, width = nearness.shape
    fx, fy, cx, cy = lens
    for n in range(len(points)):
        if points[n, 2] < NEAR_M:
            continue
        near = 1.0 / points[n, 2]
        u, v = points[n, 0] * near * fx + cx, points[n, 1] * near * fy + cy
        across, down = 0.5 * size_m * near * fx, 0.5 * size_m * near * fy
        # Its middle's pixel at least, however small it is.
        first_i, last_i = min(np.ceil(u - across - 0.5), np.floor(u)), max(np.floor(u + across - 0.5), np.floor(u))
        first_j, last_j = min(np.ceil(v - down - 0.5), np.floor(v)), max(np.floor(v + down - 0.5), np.floor(v))
        for j in range(int(max(first_j, 0.0)), int(min(last_j, height - 1.0)) + 1):
            for i in range(int(max(first_i, 0.0)), int(min(last_i, width - 1.0)) + 1):
                nearness[j, i] = max(nearness[j, i], np.float32(near))


@kernel
def find_looked_at(nearness: Float32, pixel_P_voxel: Float64, voxels: Int64, margin_m: float, seen: Bool) -> None:
    """Marks the ``voxels`` (N, 3) of which a place lies before, or at most ``margin_m`` behind, what is drawn at its pixel.

    ``pixel_P_voxel``: (3, 4) float64, from voxels to pixels times depth in metres. A voxel is asked at 27 places: its
    middle, and just inside its faces, edges and corners. Writes ``seen`` (X, Y, Z). O(N).
    """
    height, width = nearness.shape
    m = pixel_P_voxel
    for n in range(len(voxels)):
        x, y, z = voxels[n, 0], voxels[n, 1], voxels[n, 2]
        if seen[x, y, z]:
            continue
        u0 = m[0, 0] * (x + 0.5) + m[0, 1] * (y + 0.5) + m[0, 2] * (z + 0.5) + m[0, 3]
        v0 = m[1, 0] * (x + 0.5) + m[1, 1] * (y + 0.5) + m[1, 2] * (z + 0.5) + m[1, 3]
        w0 = m[2, 0] * (x + 0.5) + m[2, 1] * (y + 0.5) + m[2, 2] * (z + 0.5) + m[2, 3]
        for place in range(27):
            # The middle first: it decides most.
            k = (place + 13) % 27
            a, b, c = (k // 9 - 1) * NEAR_SIDE, (k // 3 % 3 - 1) * NEAR_SIDE, (k % 3 - 1) * NEAR_SIDE
            w = w0 + m[2, 0] * a + m[2, 1] * b + m[2, 2] * c
            if w < NEAR_M:
                continue
            u = (u0 + m[0, 0] * a + m[0, 1] * b + m[0, 2] * c) / w
            v = (v0 + m[1, 0] * a + m[1, 1] * b + m[1, 2] * c) / w
            if u < 0.0 or v < 0.0 or u >= width or v >= height:
                continue
            if (w - margin_m) * nearness[int(v), int(u)] <= 1.0:
                seen[x, y, z] = True
                break
