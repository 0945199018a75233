"""From what a camera's samples show to colours: textures, sun and shadow, the sky's light and its mirror image, haze."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .jit import inlined, kernel
from .materials import FOLIAGE
from .meshes import Float64, Int32
from .rasterise import Float32
from .sky import Colour, film, hazed, sky
from .surfaces import look

SUN_LIGHT = (2.35, 2.2, 1.95)
SKY_LIGHT = (0.42, 0.5, 0.62)
GROUND_LIGHT = (0.22, 0.2, 0.17)
BIAS_M = 0.04
"""A surface does not shade itself."""


class Stage(NamedTuple):
    """Everything that shading reads; see :class:`~.scenery.Scenery` for the arrays of triangles."""

    points: Float64
    """(V, 3) vertices in camera coordinates."""
    vertices: Float64
    uv: Float64
    triangles: Int32
    bodies: Int32
    normals: Float64
    materials: NDArray[np.uint8]
    colours: Float64
    extents: Float64
    origin_SE3_body: Float64
    """(B, 4, 4)."""
    origin_R_camera: Float64
    """(3, 3)."""
    sun: tuple[float, float, float]
    sun_SE3_origin: Float64
    sun_lens: tuple[float, float, float, float]
    sun_nearness: Float32


@kernel
def _sunlit(m: Float64, lens: tuple[float, float, float, float], depth: Float32, x: float, y: float, z: float) -> float:
    """The share of the sun, 0 to 1, that reaches a place in the origin's frame: four samples of the map, blended."""
    px = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]
    py = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
    pz = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
    fx, fy, x0, y0 = lens
    u, v = px / pz * fx - x0, py / pz * fy - y0
    i, j = int(np.floor(u)), int(np.floor(v))
    height, width = depth.shape
    if i < 0 or j < 0 or i + 1 >= width or j + 1 >= height:
        return 1.0
    a, b = u - i, v - j
    limit = 1.0 / (pz - BIAS_M)
    top = (1 - a) * (depth[j, i] <= limit) + a * (depth[j, i + 1] <= limit)
    bottom = (1 - a) * (depth[j + 1, i] <= limit) + a * (depth[j + 1, i + 1] <= limit)
    return (1 - b) * top + b * bottom


@inlined
def _weights(points: Float64, a: int, b: int, c: int, x: float, y: float) -> tuple[float, float, float, float]:
    """Weights of a triangle's corners where its plane meets the ray (x, y, 1), and the depth there."""
    ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
    bx, by, bz = points[b, 0], points[b, 1], points[b, 2]
    cx, cy, cz = points[c, 0], points[c, 1], points[c, 2]
    ux, uy, uz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
    wa = ux * x + uy * y + uz
    wb = (cy * az - cz * ay) * x + (cz * ax - cx * az) * y + (cx * ay - cy * ax)
    wc = (ay * bz - az * by) * x + (az * bx - ax * bz) * y + (ax * by - ay * bx)
    total = wa + wb + wc
    return wa / total, wb / total, wc / total, (ux * ax + uy * ay + uz * az) / total


@inlined
def shade(stage: Stage, face: int, x: float, y: float, pixel: float) -> Colour:
    """Linear light that comes along the ray (x, y, 1) from a triangle, or the sky if ``face`` is -1.

    ``pixel``: its size at one metre, metres. Rows are never taken as arrays: counting references to them costs more.
    """
    r, sun = stage.origin_R_camera, stage.sun
    length = np.sqrt(x * x + y * y + 1.0)
    vx = (r[0, 0] * x + r[0, 1] * y + r[0, 2]) / length
    vy = (r[1, 0] * x + r[1, 1] * y + r[1, 2]) / length
    vz = (r[2, 0] * x + r[2, 1] * y + r[2, 2]) / length
    if face < 0:
        return sky(vx, vy, vz, sun)
    points, vertices, uv = stage.points, stage.vertices, stage.uv
    a, b, c = stage.triangles[face, 0], stage.triangles[face, 1], stage.triangles[face, 2]
    wa, wb, wc, depth = _weights(points, a, b, c, x, y)
    px = wa * vertices[a, 0] + wb * vertices[b, 0] + wc * vertices[c, 0]
    py = wa * vertices[a, 1] + wb * vertices[b, 1] + wc * vertices[c, 1]
    pz = wa * vertices[a, 2] + wb * vertices[b, 2] + wc * vertices[c, 2]
    u, v = wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0], wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]
    du, dv = depth * pixel, depth * pixel
    if u == u:
        ra, rb, rc, _ = _weights(points, a, b, c, x + pixel, y)
        sa, sb, sc, _ = _weights(points, a, b, c, x, y + pixel)
        du = abs(ra * uv[a, 0] + rb * uv[b, 0] + rc * uv[c, 0] - u) + abs(
            sa * uv[a, 0] + sb * uv[b, 0] + sc * uv[c, 0] - u
        )
        dv = abs(ra * uv[a, 1] + rb * uv[b, 1] + rc * uv[c, 1] - v) + abs(
            sa * uv[a, 1] + sb * uv[b, 1] + sc * uv[c, 1] - v
        )
    body, material = stage.bodies[face], stage.materials[face]
    n0, n1, n2 = stage.normals[face, 0], stage.normals[face, 1], stage.normals[face, 2]
    hx, hy, hz = stage.extents[body, 0], stage.extents[body, 1], stage.extents[body, 2]
    base = (stage.colours[face, 0], stage.colours[face, 1], stage.colours[face, 2])
    red, green, blue, gloss = look(
        material, (px, py, pz), (u, v, du, dv, depth * pixel), (hx, hy, hz), (n0, n1, n2), base, face
    )
    pose = stage.origin_SE3_body
    nx = pose[body, 0, 0] * n0 + pose[body, 0, 1] * n1 + pose[body, 0, 2] * n2
    ny = pose[body, 1, 0] * n0 + pose[body, 1, 1] * n1 + pose[body, 1, 2] * n2
    nz = pose[body, 2, 0] * n0 + pose[body, 2, 1] * n1 + pose[body, 2, 2] * n2
    facing = nx * vx + ny * vy + nz * vz
    if facing > 0:
        nx, ny, nz = -nx, -ny, -nz
    slope = nx * sun[0] + ny * sun[1] + nz * sun[2]
    if material == FOLIAGE:
        # Leaves scatter light around and through them.
        slope = 0.25 + 0.6 * max(-0.3, slope)
    shine = max(0.0, slope)
    if shine > 0.0:
        ox = pose[body, 0, 0] * px + pose[body, 0, 1] * py + pose[body, 0, 2] * pz + pose[body, 0, 3]
        oy = pose[body, 1, 0] * px + pose[body, 1, 1] * py + pose[body, 1, 2] * pz + pose[body, 1, 3]
        oz = pose[body, 2, 0] * px + pose[body, 2, 1] * py + pose[body, 2, 2] * pz + pose[body, 2, 3]
        # Off the surface, along its normal, so that its own map pixels do not shade it.
        shine *= _sunlit(
            stage.sun_SE3_origin, stage.sun_lens, stage.sun_nearness, ox + 0.05 * nx, oy + 0.05 * ny, oz + 0.05 * nz
        )
    up = 0.5 + 0.5 * nz
    # Under and around the foot of an object less of the sky is seen.
    open_sky = 1.0 if body == 0 else 0.55 + 0.45 * min(1.0, max(0.0, (pz + hz) / 0.7))
    red *= SUN_LIGHT[0] * shine + (GROUND_LIGHT[0] + up * (SKY_LIGHT[0] - GROUND_LIGHT[0])) * open_sky
    green *= SUN_LIGHT[1] * shine + (GROUND_LIGHT[1] + up * (SKY_LIGHT[1] - GROUND_LIGHT[1])) * open_sky
    blue *= SUN_LIGHT[2] * shine + (GROUND_LIGHT[2] + up * (SKY_LIGHT[2] - GROUND_LIGHT[2])) * open_sky
    if gloss > 0.0:
        red, green, blue = _mirror((vx, vy, vz), (nx, ny, nz), sun, gloss, shine, (red, green, blue))
    return hazed(depth * length, red, green, blue)


@kernel
def _mirror(view: Colour, normal: Colour, sun: Colour, gloss: float, shine: float, light: Colour) -> Colour:
    """Adds the sky's mirror image, more at grazing angles (Schlick 1994), and the sun's glint."""
    along = view[0] * normal[0] + view[1] * normal[1] + view[2] * normal[2]
    x, y, z = view[0] - 2 * along * normal[0], view[1] - 2 * along * normal[1], view[2] - 2 * along * normal[2]
    share = gloss * (0.06 + 0.94 * (1.0 - min(1.0, abs(along))) ** 5)
    # What is level with the eye mirrors the houses across the street, not the horizon.
    houses = min(1.0, max(0.0, (0.35 - z) / 0.25)) if z > 0 else 1.0
    red, green, blue = sky(x, y, abs(z), sun)
    glint = shine * gloss * max(0.0, x * sun[0] + y * sun[1] + z * sun[2]) ** 90 * 2.5
    return (
        light[0] + share * (red + houses * (0.22 - red) - light[0]) + glint,
        light[1] + share * (green + houses * (0.21 - green) - light[1]) + glint,
        light[2] + share * (blue + houses * (0.2 - blue) - light[2]) + glint,
    )


@kernel
def develop(
    stage: Stage, shown: Int32, lens: tuple[float, float, float, float], table: NDArray[np.uint8], image: NDArray[np.uint8]
) -> None:  # fmt: skip
    """Fills ``image`` (H, W, 3) from samples (2H + 1, 2W + 1), two a pixel and shared at its edges.

    Each surface in a pixel is shaded once and counts with a tent filter's weight of its samples.
    """
    height, width, _ = image.shape
    fx, fy, x0, y0 = lens
    faces, weights, where = np.empty(9, np.int64), np.empty(9), np.empty((9, 2))
    for j in range(height):
        for i in range(width):
            count = 1
            middle = shown[2 * j + 1, 2 * i + 1]
            faces[0], weights[0] = middle, 1.0
            where[0, 0], where[0, 1] = (2 * i + 1 + x0) / fx, (2 * j + 1 + y0) / fy
            if not _uniform(shown, 2 * j, 2 * i, middle):
                count, weights[0] = 0, 0.0
            # The middle first: it is where the truth is taken.
            for k in range(0 if count else 9):
                n = (k + 4) % 9
                row, column = 2 * j + n // 3, 2 * i + n % 3
                face = shown[row, column]
                weight = (2.0 - abs(n // 3 - 1)) * (2.0 - abs(n % 3 - 1)) / 16.0
                found = -1
                for c in range(count):
                    if face == faces[c] or (face >= 0 and faces[c] >= 0 and _alike(stage, face, int(faces[c]))):
                        found = c
                        break
                if found < 0:
                    found, count = count, count + 1
                    faces[found], weights[found] = face, 0.0
                    where[found, 0], where[found, 1] = (column + x0) / fx, (row + y0) / fy
                weights[found] += weight
            red, green, blue = 0.0, 0.0, 0.0
            for c in range(count):
                light = shade(stage, int(faces[c]), where[c, 0], where[c, 1], 2.0 / fx)
                red += weights[c] * min(light[0], 4.0)
                green += weights[c] * min(light[1], 4.0)
                blue += weights[c] * min(light[2], 4.0)
            image[j, i, 0], image[j, i, 1], image[j, i, 2] = film(red, table), film(green, table), film(blue, table)


@kernel
def _uniform(shown: Int32, row: int, column: int, face: int) -> bool:
    """Whether a pixel's nine samples show the same triangle."""
    for j in range(row, row + 3):
        for i in range(column, column + 3):
            if shown[j, i] != face:
                return False
    return True


@kernel
def _alike(stage: Stage, a: int, b: int) -> bool:
    """Whether two triangles are pieces of one surface, so that one of them stands for both."""
    if stage.bodies[a] != stage.bodies[b] or stage.materials[a] != stage.materials[b]:
        return False
    n = stage.normals
    nx, ny, nz = n[a, 0], n[a, 1], n[a, 2]
    if nx * n[b, 0] + ny * n[b, 1] + nz * n[b, 2] < 0.999:
        return False
    if stage.colours[a, 0] != stage.colours[b, 0]:
        return False
    v, p, q = stage.vertices, stage.triangles[a, 0], stage.triangles[b, 0]
    away = (v[p, 0] - v[q, 0]) * nx + (v[p, 1] - v[q, 1]) * ny + (v[p, 2] - v[q, 2]) * nz
    return abs(away) < 0.03
