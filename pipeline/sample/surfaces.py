"""Which texture a surface has at a place."""

from __future__ import annotations

import numpy as np

from . import materials as m
from .coachwork import Look, cab, car, cargo, coach, glass, striped, tyre
from .facades import bark, concrete, frame, leaves, wall
from .ground_textures import asphalt, cobbles, grass, paving
from .jit import kernel
from .noise import hashed, noise

Triple = tuple[float, float, float]
COACHWORK = (m.PAINT, m.GLASS, m.TYRE, m.COACH, m.CAB, m.CARGO, m.STRIPED)


@kernel
def look(
    material: int, place: Triple, texture: tuple[float, float, float, float, float],
    half: Triple, normal: Triple, base: Triple, face: int,
) -> Look:  # fmt: skip
    """Colour and gloss.

    ``place``: x, y, z in the body's frame; ``texture``: its coordinates, the pixel's size along each of them, and in space,
    metres; ``half``: of the object's box; ``base``: the material's colour; ``face``: number of the triangle.
    """
    red, green, blue = base
    u, v, du, dv, foot = texture
    x, y, z = place
    if material <= m.COBBLES:
        if material == m.ASPHALT:
            r, g, b = asphalt(u, v, du, dv)
        elif material == m.PAVING:
            r, g, b = paving(u, v, du, dv, abs(normal[2]))
        elif material == m.GRASS:
            r, g, b = grass(u, v, max(du, dv))
        else:
            r, g, b = cobbles(u, v, du, dv)
        return red * r, green * g, blue * b, 0.0
    if material == m.WALL:
        r, g, b = wall(u, v, du, dv, 3.1 * red + 7.7 * green + 1.3 * blue)
        return red * r, green * g, blue * b, 0.0
    if material == m.PANE:
        if u != u:
            return red, green, blue, 0.75
        border = frame(u, v, du, dv)
        curtain = hashed(face // 2, 3, 3)
        warm = 0.16 + 0.12 * np.sin(40.0 * u) if curtain > 0.72 and (u < 0.3 or u > 0.7 or curtain > 0.9) else 0.0
        red, green, blue = red + warm, green + 0.93 * warm, blue + 0.8 * warm
        white = 0.62
        return (
            red + border * (white - red),
            green + border * (white - green),
            blue + border * (white - blue),
            0.8 * (1 - border),
        )
    if material == m.FOLIAGE:
        r, g, b = leaves(x, y, z, foot)
        return red * r, green * g, blue * b, 0.0
    if material in (m.BARK, m.TROUSERS):
        shade = bark(x, y, z, foot)
        return red * shade, green * shade, blue * shade, 0.0
    if material in COACHWORK:
        return _coachwork(material, place, texture, half, normal, base)
    if material == m.CONE:
        return (0.75, 0.75, 0.72, 0.1) if -0.1 * half[2] < z < 0.35 * half[2] else (red, green, blue, 0.1)
    if material == m.SKIN and z > 1.2:
        return (
            (0.03, 0.02, 0.015, 0.0)
            if z > 2 * half[2] - 0.1 or (x < 0.01 and z > 2 * half[2] - 0.2)
            else (red, green, blue, 0.0)
        )
    if material == m.SHIRT and red > 4.0 * blue and red > 0.9 and (1.02 < z < 1.1 or 1.25 < z < 1.33):
        return 0.75, 0.78, 0.6, 0.0
    if material == m.MACHINE:
        up = z + half[2]
        if 1.75 < up < 2.55 and y > 0.1 * half[1] and -1.6 < x < 0.1:
            return 0.012, 0.016, 0.02, 0.8
        grime = 0.75 + 0.4 * noise(x, y, z, 0.5)
        return red * grime, green * grime, blue * grime, 0.1
    shade = concrete(x, y, z, foot)
    return red * shade, green * shade, blue * shade, 0.15 if material in (m.METAL, m.PLATE, m.FRAME) else 0.0


@kernel
def _coachwork(
    material: int, place: Triple, texture: tuple[float, float, float, float, float], half: Triple, normal: Triple, base: Triple
) -> Look:  # fmt: skip
    x, y, z = place
    hx, hy, hz = half
    nx, ny, nz = normal
    red, green, blue = base
    u, v, _, _, foot = texture
    if material == m.PAINT:
        return car(x, y, z, hx, hy, hz, ny, foot, red, green, blue)
    if material == m.GLASS:
        return glass(x, hx, ny)
    if material == m.TYRE:
        return tyre(u, v, ny) if u == u else (red, green, blue, 0.0)
    if material == m.COACH:
        return coach(x, y, z, hx, hy, hz, nx, ny, nz, red, green, blue)
    if material == m.CAB:
        return cab(x, y, z, hx, hy, hz, nx, ny, red, green, blue)
    if material == m.CARGO:
        return cargo(x, y, z, hy, hz, nx, ny, red, green, blue)
    return striped(x, z, ny, red, green, blue)
