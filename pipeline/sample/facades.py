"""What stands still looks like: brick and plaster, window panes, concrete, leaves, bark."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .noise import band, bars, fade, flat_noise, grain, hashed, noise

STOREY_M = 3.1


@kernel
def wall(u: float, v: float, du: float, dv: float, tint: float) -> tuple[float, float, float]:
    """Colour factors of a facade, metres along and up it; ``tint`` picks brick or plaster and the shop's colour."""
    stain = (flat_noise(u, v * 0.4, 1.6) - 0.5) * 0.16
    ground_floor = v < 2.85
    foot = max(du, dv)
    plain = hashed(int(tint * 4096), 3, 1) < 0.45
    if plain:
        shade = 1.0 + stain + grain(u, v, 0.05, 0.1 * fade(0.1, foot))
    else:
        row = int(np.floor(v / 0.085))
        along = u + 0.125 * (row % 2)
        stone = hashed(int(np.floor(along / 0.25)), row, 9) - 0.5
        mortar = max(bars(along, 0.25, 0.014, du) * fade(0.12, du), bars(v, 0.085, 0.014, dv) * fade(0.06, dv))
        shade = 0.98 + stain + 0.42 * stone * fade(0.2, foot)
        shade += mortar * 0.55
    course = band(v - STOREY_M * np.floor(v / STOREY_M), 2.86, 3.08, dv)
    shade += 0.3 * course
    # The foot of a wall is dirtier, and sees less of the sky.
    shade *= 0.72 + 0.28 * min(1.0, max(0.0, v + 0.2) / 1.4)
    red, green, blue = shade, shade, shade
    if ground_floor and hashed(int(tint * 4096), 8, 2) < 0.55:
        shop = hashed(int(tint * 4096), 1, 7)
        red, green, blue = shade * (0.35 + 0.5 * shop), shade * (0.55 + 0.3 * (1 - shop)), shade * (0.6 + 0.4 * shop)
    if v < 0.45:
        red, green, blue = 0.5 * shade, 0.5 * shade, 0.52 * shade
    return red, green, blue


@kernel
def frame(u: float, v: float, du: float, dv: float) -> float:
    """The share of a pixel that a window's frame covers; ``u``, ``v``: 0 to 1 across the pane."""
    inside = band(u, 0.06, 0.94, du) * band(v, 0.05, 0.95, dv)
    cross = max(band(u, 0.475, 0.525, du), band(v, 0.68, 0.72, dv))
    return max(1.0 - inside, cross)


@kernel
def concrete(x: float, y: float, z: float, foot: float) -> float:
    """Colour factor of rendered walls, parapets and the like."""
    shade = 0.95 + (noise(x, y, z, 1.3) - 0.5) * 0.25
    near, rough = fade(0.1, foot), fade(0.7, foot)
    if rough > 0.0:
        shade += (noise(x, y, z * 0.3, 0.35) - 0.5) * 0.14 * rough
    if near > 0.0:
        shade += (noise(x, y, z, 0.05) - 0.5) * 0.14 * near
    return shade


@kernel
def leaves(x: float, y: float, z: float, foot: float) -> tuple[float, float, float]:
    """Colour factors of foliage: clumps in light and shade, single leaves when near."""
    clump = noise(x, y, z, 0.42)
    twigs, single = fade(0.35, foot), fade(0.12, foot)
    shade = 0.28 + 1.15 * clump * clump
    if twigs > 0.0:
        shade += 0.75 * (noise(x + 5.0, y, z, 0.14) - 0.5) * twigs
    if single > 0.0:
        shade += 0.8 * (noise(x, y + 9.0, z, 0.05) - 0.5) * single
    shade = max(0.1, shade)
    gold = 0.8 + 0.5 * noise(x, y, z, 1.1)
    return shade * gold, shade, shade * 0.85


@kernel
def bark(x: float, y: float, z: float, foot: float) -> float:
    """Colour factor of trunks and planks."""
    return 0.8 + 0.5 * (noise(x, y, z * 0.15, 0.04) - 0.5) * fade(0.08, foot) + 0.3 * (noise(x, y, z, 0.5) - 0.5)
