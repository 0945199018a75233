"""The rolling scan of one sweep: every beam at its own moment, against the static world and every moving body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .bvh import DEPTH, Forest, closest
from .jit import kernel
from .meshes import Float64

Int64 = NDArray[np.int64]


@kernel
def pose_of(motion: Float64, place: float, out: Float64) -> None:
    """Fills ``out`` (3, 4) with the pose at ``place`` knots after the first."""
    k = min(max(int(place), 0), len(motion) - 2)
    part = place - k
    w = motion[k, 3] + part * (motion[k + 1, 3] - motion[k, 3])
    x = motion[k, 4] + part * (motion[k + 1, 4] - motion[k, 4])
    y = motion[k, 5] + part * (motion[k + 1, 5] - motion[k, 5])
    z = motion[k, 6] + part * (motion[k + 1, 6] - motion[k, 6])
    norm = np.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w / norm, x / norm, y / norm, z / norm
    out[0, 0], out[0, 1], out[0, 2] = 1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)
    out[1, 0], out[1, 1], out[1, 2] = 2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)
    out[2, 0], out[2, 1], out[2, 2] = 2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)
    for axis in range(3):
        out[axis, 3] = motion[k, axis] + part * (motion[k + 1, axis] - motion[k, axis])


@kernel
def sweep(
    forest: Forest,
    spheres: Float64,
    motions: Float64,
    ego: Float64,
    ego_SE3_lidar: Float64,
    elevations: Float64,
    azimuths: int,
    range_m: float,
    first_body: int,
    begin_place: float,
    column_places: float,
    phase: float,
    distance: Float64,
    body: Int64,
    triangle: Int64,
    local: Float64,
    world: Float64,
    slant: Float64,
) -> None:
    """Casts every beam of one turn.

    Tree 0 of the forest is the static world, tree 1 + b is body b, which moves along ``motions[b]`` (K, 7) and fits
    ``spheres[b]`` (centre in its frame, radius); those before ``first_body`` are not there. ``begin_place``: knots at the first column; ``column_places``: knots
    from one of ``azimuths`` columns to the next; ``phase``: azimuth of the first column. Rings rise, columns turn clockwise.
    Outputs, per beam, column by column: ``distance`` along it (infinity for none), ``body`` (-1 static),
    ``triangle`` in the forest, ``local`` (N, 3) the hit in the body's frame, ``world`` (N, 6) beam's origin and direction,
    ``slant`` the cosine of its angle with the surface.
    """
    roots, triangles, bodies = forest.roots, forest.triangles, len(motions)
    rings = len(elevations)
    stack, reach = np.empty(DEPTH, np.int64), np.empty(DEPTH)
    car, pose, middle = np.empty((3, 4)), np.empty((3, 4)), np.empty((bodies, 3))
    for b in range(bodies):
        pose_of(motions[b], begin_place + 0.5 * azimuths * column_places, pose)
        for axis in range(3):
            middle[b, axis] = (
                pose[axis, 3]
                + pose[axis, 0] * spheres[b, 0]
                + pose[axis, 1] * spheres[b, 1]
                + pose[axis, 2] * spheres[b, 2]
            )
    active = np.empty(bodies, np.int64)
    frames = np.empty((bodies, 3, 4))
    head, o, d, lo, ld = np.empty((3, 3)), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for column in range(azimuths):
        place = begin_place + column * column_places
        pose_of(ego, place, car)
        for i in range(3):
            o[i] = car[i, 3]
            for j in range(3):
                o[i] += car[i, j] * ego_SE3_lidar[j, 3]
                head[i, j] = (
                    car[i, 0] * ego_SE3_lidar[0, j] + car[i, 1] * ego_SE3_lidar[1, j] + car[i, 2] * ego_SE3_lidar[2, j]
                )
        azimuth = phase - 2 * np.pi * column / azimuths
        ca, sa = np.cos(azimuth), np.sin(azimuth)
        number = 0
        for b in range(first_body, bodies):
            # The fan of this column's beams is a half plane; bodies move less than a metre within half a turn.
            x, y, z = middle[b, 0] - o[0], middle[b, 1] - o[1], middle[b, 2] - o[2]
            side = (
                x * (head[0, 0] * sa - head[0, 1] * ca)
                + y * (head[1, 0] * sa - head[1, 1] * ca)
                + z * (head[2, 0] * sa - head[2, 1] * ca)
            )
            ahead = (
                x * (head[0, 0] * ca + head[0, 1] * sa)
                + y * (head[1, 0] * ca + head[1, 1] * sa)
                + z * (head[2, 0] * ca + head[2, 1] * sa)
            )
            room = spheres[b, 3] + 1.0
            if abs(side) < room and -room < ahead < range_m + room:
                pose_of(motions[b], place, frames[b])
                active[number] = b
                number += 1
        for ring in range(rings):
            n = column * rings + ring
            ce, se = np.cos(elevations[ring]), np.sin(elevations[ring])
            for i in range(3):
                d[i] = head[i, 0] * (ce * ca) + head[i, 1] * (ce * sa) + head[i, 2] * se
                world[n, i], world[n, 3 + i] = o[i], d[i]
            best, hit = closest(forest, int(roots[0]), (o[0], o[1], o[2]), (d[0], d[1], d[2]), range_m, stack, reach)
            which = -1
            for m in range(number):
                b = int(active[m])
                f = frames[b]
                for i in range(3):
                    lo[i] = f[0, i] * (o[0] - f[0, 3]) + f[1, i] * (o[1] - f[1, 3]) + f[2, i] * (o[2] - f[2, 3])
                    ld[i] = f[0, i] * d[0] + f[1, i] * d[1] + f[2, i] * d[2]
                x, y, z = spheres[b, 0] - lo[0], spheres[b, 1] - lo[1], spheres[b, 2] - lo[2]
                along = x * ld[0] + y * ld[1] + z * ld[2]
                if (
                    x * x + y * y + z * z - along * along > spheres[b, 3] ** 2
                    or along < -spheres[b, 3]
                    or along - spheres[b, 3] > best
                ):
                    continue
                t, k = closest(
                    forest,
                    int(roots[1 + b]),
                    (lo[0], lo[1], lo[2]),
                    (ld[0], ld[1], ld[2]),
                    best,
                    stack,
                    reach,
                )
                if k >= 0:
                    best, hit, which = t, k, b
                    for i in range(3):
                        local[n, i] = lo[i] + t * ld[i]
            if hit < 0:
                distance[n], body[n], triangle[n], slant[n] = np.inf, -1, -1, 0.0
                continue
            distance[n], body[n], triangle[n] = best, which, hit
            if which < 0:
                for i in range(3):
                    local[n, i], ld[i] = o[i] + best * d[i], d[i]
            else:
                f = frames[which]
                for i in range(3):
                    ld[i] = f[0, i] * d[0] + f[1, i] * d[1] + f[2, i] * d[2]
            e = triangles[hit]
            nx, ny, nz = e[4] * e[8] - e[5] * e[7], e[5] * e[6] - e[3] * e[8], e[3] * e[7] - e[4] * e[6]
            slant[n] = abs(nx * ld[0] + ny * ld[1] + nz * ld[2]) / np.sqrt(nx * nx + ny * ny + nz * nz)
