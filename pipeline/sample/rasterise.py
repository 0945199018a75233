"""A z-buffer over triangles in homogeneous coordinates: exact at the near plane without cutting anything.

A pixel's ray r = (x, y, 1) meets the plane of a triangle a, b, c in camera coordinates at depth z with
z (r . (b x c), r . (c x a), r . (a x b)) = volume (wa, wb, wc): the same three products say whether it lies inside,
where, and how deep (Olano and Greer 1997), also for triangles that reach behind the camera.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import inlined, kernel
from .meshes import Float64

NEAR_M, FAR_M = 0.1, 250.0
Int32 = NDArray[np.int32]
Float32 = NDArray[np.float32]


@kernel
def move(vertices: Float64, bodies: Int32, camera_SE3_body: Float64, out: Float64) -> None:
    """Fills ``out`` (V, 3) with vertices (V, 3) of bodies (V,) in camera coordinates; poses (B, 3, 4)."""
    for v in range(len(vertices)):
        m = camera_SE3_body[bodies[v]]
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        for i in range(3):
            out[v, i] = m[i, 0] * x + m[i, 1] * y + m[i, 2] * z + m[i, 3]


@inlined
def _cross(points: Float64, a: int, b: int) -> tuple[float, float, float]:
    return (
        points[a, 1] * points[b, 2] - points[a, 2] * points[b, 1],
        points[a, 2] * points[b, 0] - points[a, 0] * points[b, 2],
        points[a, 0] * points[b, 1] - points[a, 1] * points[b, 0],
    )


@inlined
def _rows(points: Float64, a: int, b: int, near: float) -> tuple[float, float, float, float]:
    """Bounds of x / z and y / z over the part of an edge that lies beyond the near plane."""
    za, zb = points[a, 2], points[b, 2]
    low_x, high_x, low_y, high_y = np.inf, -np.inf, np.inf, -np.inf
    if za >= near:
        x, y = points[a, 0] / za, points[a, 1] / za
        low_x, high_x, low_y, high_y = x, x, y, y
    if (za < near) != (zb < near):
        t = (near - za) / (zb - za)
        x = (points[a, 0] + t * (points[b, 0] - points[a, 0])) / near
        y = (points[a, 1] + t * (points[b, 1] - points[a, 1])) / near
        low_x, high_x, low_y, high_y = min(low_x, x), max(high_x, x), min(low_y, y), max(high_y, y)
    return low_x, high_x, low_y, high_y


@kernel
def rasterise(
    points: Float64,
    triangles: Int32,
    lens: tuple[float, float, float, float],
    limits: tuple[float, float],
    nearness: Float32,
    shown: Int32,
) -> None:
    """Draws triangles (F, 3) of camera points (V, 3) into ``nearness`` (H, W), 1 / depth, and ``shown`` (H, W), which one.

    ``lens``: focal length in samples along x and y, and x and y of the sample (0, 0) against the axis, in samples;
    ``limits``: near and far, metres. Both faces show. Of equally near triangles the first shows, so that their order
    of drawing does not matter. Start from zeros and -1, or go on with what is drawn.
    """
    height, width = nearness.shape
    fx, fy, x0, y0 = lens
    near, far = limits
    for f in range(len(triangles)):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        za, zb, zc = points[a, 2], points[b, 2], points[c, 2]
        if (za < near and zb < near and zc < near) or (za > far and zb > far and zc > far):
            continue
        if za >= near and zb >= near and zc >= near:
            xa, xb, xc = points[a, 0] / za, points[b, 0] / zb, points[c, 0] / zc
            ya, yb, yc = points[a, 1] / za, points[b, 1] / zb, points[c, 1] / zc
            low_x, high_x, low_y, high_y = min(xa, xb, xc), max(xa, xb, xc), min(ya, yb, yc), max(ya, yb, yc)
        else:
            p0, p1, p2, p3 = _rows(points, a, b, near)
            q0, q1, q2, q3 = _rows(points, b, c, near)
            r0, r1, r2, r3 = _rows(points, c, a, near)
            low_x, high_x, low_y, high_y = min(p0, q0, r0), max(p1, q1, r1), min(p2, q2, r2), max(p3, q3, r3)
        # A sample more on either side: rounding must not lose one, the edges decide.
        i0, i1 = max(0.0, np.floor(low_x * fx - x0)), min(width - 1.0, np.ceil(high_x * fx - x0))
        j0, j1 = max(0.0, np.floor(low_y * fy - y0)), min(height - 1.0, np.ceil(high_y * fy - y0))
        if i0 > i1 or j0 > j1:
            continue
        ax, ay, az = _cross(points, b, c)
        bx, by, bz = _cross(points, c, a)
        cx, cy, cz = _cross(points, a, b)
        volume = ax * points[a, 0] + ay * points[a, 1] + az * points[a, 2]
        if volume == 0.0:
            continue
        sign = 1.0 if volume > 0 else -1.0
        for j in range(int(j0), int(j1) + 1):
            y = (j + y0) / fy
            ea, eb, ec = ay * y + az, by * y + bz, cy * y + cz
            # Where along the row each edge is passed: neighbours compute the same place for the edge they share.
            first, last = i0, i1
            for gx, e in ((ax, ea), (bx, eb), (cx, ec)):
                if gx == 0.0:
                    if sign * e < 0.0:
                        last = -1.0
                    continue
                place = -e / gx * fx - x0
                if sign * gx > 0.0:
                    first = max(first, np.ceil(place))
                else:
                    last = min(last, np.floor(place))
            if first > last:
                continue
            base, slope = (ea + eb + ec) / volume, (ax + bx + cx) / volume
            for i in range(int(first), int(last) + 1):
                closeness = np.float32(base + slope * ((i + x0) / fx))
                if closeness * near <= 1.0 and closeness * far >= 1.0:
                    before = nearness[j, i]
                    if closeness > before or (closeness == before and f < shown[j, i]):
                        nearness[j, i], shown[j, i] = closeness, f
