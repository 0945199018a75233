"""From what a camera's samples show to colours: textures, sun and shadow, the sky's light and its mirror image, haze."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .jit import kernel
from .materials import FOLIAGE
from .meshes import Float64, Int32
from .rasterise import Float32
from .sky import FADE_M, HAZE, HAZE_M, film, sky
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
def _sunlit(stage: Stage, x: float, y: float, z: float) -> float:
    """The share of the sun, 0 to 1, that reaches a place in the origin's frame: four samples of the map, blended."""
    m, depth = stage.sun_SE3_origin, stage.sun_nearness
    px = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]
    py = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
    pz = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
    fx, fy, x0, y0 = stage.sun_lens
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


@kernel
def _weights(stage: Stage, face: int, x: float, y: float, out: Float64) -> float:
    """Fills ``out`` (3,) with the weights of a triangle's corners where its plane meets the ray (x, y, 1); returns the depth."""
    p, t = stage.points, stage.triangles[face]
    total, volume = 0.0, 0.0
    for k in range(3):
        a, b = t[(k + 1) % 3], t[(k + 2) % 3]
        cx, cy = p[a, 1] * p[b, 2] - p[a, 2] * p[b, 1], p[a, 2] * p[b, 0] - p[a, 0] * p[b, 2]
        cz = p[a, 0] * p[b, 1] - p[a, 1] * p[b, 0]
        out[k] = cx * x + cy * y + cz
        total += out[k]
        if k == 0:
            volume = cx * p[t[0], 0] + cy * p[t[0], 1] + cz * p[t[0], 2]
    for k in range(3):
        out[k] /= total
    return volume / total


@kernel
def _texture(stage: Stage, face: int, weights: Float64, axis: int) -> float:
    t, uv = stage.triangles[face], stage.uv
    return weights[0] * uv[t[0], axis] + weights[1] * uv[t[1], axis] + weights[2] * uv[t[2], axis]


@kernel
def shade(stage: Stage, face: int, x: float, y: float, pixel: float, scratch: Float64, light: Float64) -> None:
    """Fills ``light`` (3,) with what comes along the ray (x, y, 1) from a triangle, or the sky if ``face`` is -1.

    ``pixel``: its size at one metre, metres; ``scratch``: (4, 5).
    """
    r, sun = stage.origin_R_camera, stage.sun
    length = np.sqrt(x * x + y * y + 1.0)
    vx = (r[0, 0] * x + r[0, 1] * y + r[0, 2]) / length
    vy = (r[1, 0] * x + r[1, 1] * y + r[1, 2]) / length
    vz = (r[2, 0] * x + r[2, 1] * y + r[2, 2]) / length
    if face < 0:
        light[0], light[1], light[2] = sky(vx, vy, vz, sun)
        return
    weights, place, normal, other = scratch[0], scratch[1], scratch[2], scratch[3]
    depth = _weights(stage, face, x, y, weights)
    t, body, v = stage.triangles[face], stage.bodies[face], stage.vertices
    for i in range(3):
        place[i] = weights[0] * v[t[0], i] + weights[1] * v[t[1], i] + weights[2] * v[t[2], i]
    place[3], place[4] = _texture(stage, face, weights, 0), _texture(stage, face, weights, 1)
    du, dv = depth * pixel, depth * pixel
    if place[3] == place[3]:
        _weights(stage, face, x + pixel, y, other)
        du, dv = abs(_texture(stage, face, other, 0) - place[3]), abs(_texture(stage, face, other, 1) - place[4])
        _weights(stage, face, x, y + pixel, other)
        du += abs(_texture(stage, face, other, 0) - place[3])
        dv += abs(_texture(stage, face, other, 1) - place[4])
    pose, n = stage.origin_SE3_body[body], stage.normals[face]
    for i in range(3):
        normal[i] = pose[i, 0] * n[0] + pose[i, 1] * n[1] + pose[i, 2] * n[2]
    facing = normal[0] * vx + normal[1] * vy + normal[2] * vz
    flip = -1.0 if facing > 0 else 1.0
    red, green, blue, gloss = look(
        stage.materials[face], place, stage.extents[body], n, (du, dv, depth * pixel), stage.colours[face], face
    )
    nx, ny, nz = flip * normal[0], flip * normal[1], flip * normal[2]
    slope = nx * sun[0] + ny * sun[1] + nz * sun[2]
    if stage.materials[face] == FOLIAGE:
        # Leaves scatter light around and through them.
        slope = 0.25 + 0.6 * max(-0.3, slope)
    ox = pose[0, 0] * place[0] + pose[0, 1] * place[1] + pose[0, 2] * place[2] + pose[0, 3]
    oy = pose[1, 0] * place[0] + pose[1, 1] * place[1] + pose[1, 2] * place[2] + pose[1, 3]
    oz = pose[2, 0] * place[0] + pose[2, 1] * place[1] + pose[2, 2] * place[2] + pose[2, 3]
    shine = max(0.0, slope)
    if shine > 0.0:
        # Off the surface, along its normal, so that its own map pixels do not shade it.
        shine *= _sunlit(stage, ox + 0.05 * nx, oy + 0.05 * ny, oz + 0.05 * nz)
    up = 0.5 + 0.5 * nz
    near_ground = 1.0
    if stage.extents[body, 2] != 1.0:
        # Under and around the foot of an object less of the sky is seen.
        near_ground = 0.55 + 0.45 * min(1.0, max(0.0, (place[2] + stage.extents[body, 2]) / 0.7))
    out = (red, green, blue)
    for i in range(3):
        ambient = (GROUND_LIGHT[i] + up * (SKY_LIGHT[i] - GROUND_LIGHT[i])) * near_ground
        light[i] = out[i] * (SUN_LIGHT[i] * shine + ambient)
    if gloss > 0.0:
        _mirror(stage, (vx, vy, vz), (nx, ny, nz), abs(facing), gloss, shine, light)
    _haze(depth * length, light)


@kernel
def _mirror(
    stage: Stage, view: tuple[float, float, float], normal: tuple[float, float, float],
    facing: float, gloss: float, shine: float, light: Float64,
) -> None:  # fmt: skip
    """Adds the sky's mirror image, more at grazing angles (Schlick 1994), and the sun's glint."""
    sun = stage.sun
    twice = 2.0 * (view[0] * normal[0] + view[1] * normal[1] + view[2] * normal[2])
    x, y, z = view[0] - twice * normal[0], view[1] - twice * normal[1], view[2] - twice * normal[2]
    share = gloss * (0.06 + 0.94 * (1.0 - min(1.0, facing)) ** 5)
    # What is level with the eye mirrors the houses across the street, not the horizon.
    houses = min(1.0, max(0.0, (0.35 - z) / 0.25)) if z > 0 else 1.0
    red, green, blue = sky(x, y, abs(z), sun)
    glint = shine * gloss * max(0.0, x * sun[0] + y * sun[1] + z * sun[2]) ** 90 * 2.5
    light[0] += share * (red + houses * (0.22 - red) - light[0]) + glint
    light[1] += share * (green + houses * (0.21 - green) - light[1]) + glint
    light[2] += share * (blue + houses * (0.2 - blue) - light[2]) + glint


@kernel
def _haze(distance: float, light: Float64) -> None:
    far = min(1.0, max(0.0, (distance - FADE_M[0]) / (FADE_M[1] - FADE_M[0])))
    clear = np.exp(-distance / HAZE_M) * (1.0 - far * far * (3 - 2 * far))
    # Air between near things is clear to the eye.
    clear = min(1.0, clear * 1.06)
    for i in range(3):
        light[i] = HAZE[i] * 0.92 + clear * (light[i] - HAZE[i] * 0.92)


@kernel
def develop(
    stage: Stage, shown: Int32, lens: tuple[float, float, float, float], table: NDArray[np.uint8], image: NDArray[np.uint8]
) -> None:  # fmt: skip
    """Fills ``image`` (H, W, 3) from samples (2H + 1, 2W + 1), two a pixel and shared at its edges.

    Each surface in a pixel is shaded once and counts with a tent filter's weight of its samples.
    """
    height, width, _ = image.shape
    fx, fy, x0, y0 = lens
    scratch, light, total = np.empty((4, 5)), np.empty(3), np.empty(3)
    faces, weights, where = np.empty(9, np.int64), np.empty(9), np.empty((9, 2))
    for j in range(height):
        for i in range(width):
            count = 0
            # The middle first: it is where the truth is taken.
            for k in range(9):
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
            total[:] = 0.0
            for c in range(count):
                shade(stage, int(faces[c]), where[c, 0], where[c, 1], 2.0 / fx, scratch, light)
                for channel in range(3):
                    total[channel] += weights[c] * min(light[channel], 4.0)
            for channel in range(3):
                image[j, i, channel] = film(total[channel], table)


@kernel
def _alike(stage: Stage, a: int, b: int) -> bool:
    """Whether two triangles are pieces of one surface, so that one of them stands for both."""
    if stage.bodies[a] != stage.bodies[b] or stage.materials[a] != stage.materials[b]:
        return False
    m, n = stage.normals[a], stage.normals[b]
    if m[0] * n[0] + m[1] * n[1] + m[2] * n[2] < 0.999:
        return False
    if stage.colours[a, 0] != stage.colours[b, 0]:
        return False
    va, vb = stage.vertices[stage.triangles[a, 0]], stage.vertices[stage.triangles[b, 0]]
    away = (va[0] - vb[0]) * m[0] + (va[1] - vb[1]) * m[1] + (va[2] - vb[2]) * m[2]
    return abs(away) < 0.03
