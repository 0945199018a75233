"""What the ground looks like: asphalt with its markings, slabs, cobbles, grass; by street coordinates."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .noise import band, bars, fade, flat_noise, grain, hashed
from .street import BLOCK_M, CROSSING_KERB, CROSSING_M, ISLAND, KERB, LANE

ZEBRA = (8.3, 11.7)
"""Where zebra crossings begin and end, metres from the crossing street's middle."""
STOP_LINE = (12.4, 12.8)


@kernel
def markings(s: float, d: float, ds: float, dd: float) -> float:
    """The share of a pixel that paint covers; ``ds``, ``dd``: its size along and across the street, metres."""
    off = s - CROSSING_M - BLOCK_M * np.floor((s - CROSSING_M) / BLOCK_M + 0.5)
    away, across = abs(off), abs(d)
    if across > KERB + 0.5:
        if away > CROSSING_KERB:
            return 0.0
        return band(off, -0.06, 0.06, ds) * bars(d, 6.0, 3.0, dd)
    zebra = band(away, ZEBRA[0], ZEBRA[1], ds) * band(across, -1.0, 6.6, dd) * bars(d, 1.0, 0.5, dd)
    stops = (off < 0.0) == (d < 0.0)
    stop = band(away, STOP_LINE[0], STOP_LINE[1], ds) * band(across, ISLAND, LANE, dd) if stops else 0.0
    beside = band(away, STOP_LINE[1], BLOCK_M, ds)
    edge = band(across, LANE, LANE + 0.12, dd) * beside
    bay = band(across, LANE, KERB, dd) * bars(s, 5.6, 0.1, ds) * beside
    middle = band(across, ISLAND + 0.12, ISLAND + 0.24, dd) * beside
    # Cyclists' lane: a thin broken line.
    broken = band(across, 3.62, 3.72, dd) * bars(s, 2.0, 1.0, ds) * beside
    return min(1.0, max(zebra, stop, edge, bay, middle, broken))


@kernel
def asphalt(s: float, d: float, ds: float, dd: float) -> tuple[float, float, float]:
    """Colour factors of the road."""
    foot = max(ds, dd)
    grit = grain(s, d, 0.025, 0.45 * fade(0.06, foot))
    blotch = (flat_noise(s, d, 0.9) - 0.5) * 0.14 + (flat_noise(s, d * 1.7, 6.0) - 0.5) * 0.25
    across = abs(d)
    # Tyres polish two tracks in each lane, and oil darkens the strip between them.
    tracks = 0.08 * (np.exp(-(((across - 1.55) / 0.3) ** 2)) + np.exp(-(((across - 3.05) / 0.3) ** 2)))
    patched = 0.78 if hashed(int(np.floor(s / 7.0)), int(np.floor((d + 20.0) / 2.35)), 3) > 0.9 else 1.0
    base = (0.82 + grit + blotch + tracks) * patched
    near = fade(0.05, foot)
    if near > 0.0:
        base *= 1.0 - 0.35 * near * max(0.0, 1.0 - abs(flat_noise(s, d, 2.3) - 0.5) / 0.006)
    paint = markings(s, d, ds, dd)
    if paint > 0.0:
        paint *= 0.86 + grain(s, d, 0.12, 0.28 * fade(0.3, foot))
    white = 6.2
    return base + paint * (white - base), base + paint * (white - base), base + paint * (0.97 * white - base)


@kernel
def paving(s: float, d: float, ds: float, dd: float, upright: float) -> tuple[float, float, float]:
    """Colour factors of the pavement: slabs, and granite at the kerb; ``upright``: how much the surface faces up."""
    across = abs(d)
    foot = max(ds, dd)
    if upright < 0.6 or KERB <= across < KERB + 0.28:
        stone = bars(s, 1.0, 0.02, ds) * fade(0.12, ds)
        shade = 0.95 + 0.25 * (hashed(int(np.floor(s)), 5, 5) - 0.5) - 0.5 * stone
        shade += grain(s, d, 0.03, 0.2 * fade(0.06, foot))
        return shade, shade, shade * 1.02
    row = int(np.floor(d / 0.5))
    along = s + 0.3 * (row % 2)
    joint = max(bars(along, 0.6, 0.015, ds) * fade(0.15, ds), bars(d, 0.5, 0.015, dd) * fade(0.15, dd))
    slab = hashed(int(np.floor(along / 0.6)), row, 1) - 0.5
    shade = 0.92 + 0.26 * slab * fade(0.6, foot) + (flat_noise(s, d, 1.7) - 0.5) * 0.18 - 0.55 * joint
    shade += grain(s, d, 0.04, 0.16 * fade(0.08, foot))
    return shade * 1.02, shade, shade * 0.96


@kernel
def cobbles(s: float, d: float, ds: float, dd: float) -> tuple[float, float, float]:
    """Colour factors of islands and paths: small pavers in running bond."""
    foot = max(ds, dd)
    row = int(np.floor(d / 0.1))
    along = s + 0.1 * (row % 2)
    joint = max(bars(along, 0.2, 0.012, ds) * fade(0.08, ds), bars(d, 0.1, 0.012, dd) * fade(0.05, dd))
    stone = hashed(int(np.floor(along / 0.2)), row, 2) - 0.5
    shade = 0.9 + 0.4 * stone * fade(0.2, foot) + (flat_noise(s, d, 1.1) - 0.5) * 0.25 - 0.5 * joint
    return shade, shade * (1.0 + 0.1 * stone), shade


@kernel
def grass(s: float, d: float, foot: float) -> tuple[float, float, float]:
    """Colour factors of lawns and yards."""
    tuft = grain(s, d, 0.05, 0.9 * fade(0.09, foot)) + grain(s, d, 0.22, 0.6 * fade(0.4, foot))
    patch = flat_noise(s, d, 2.6)
    shade = 0.85 + tuft + 0.4 * (flat_noise(s, d, 0.9) - 0.5)
    return shade * (0.85 + 0.5 * patch), shade, shade * (0.8 + 0.2 * patch)
