"""Repeatable noise and soft edges, the stuff procedural textures are made of."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def hashed(x: int, y: int, z: int) -> float:
    """A number in [0, 1) that looks random, for three whole ones."""
    h = (x * 374761393 + y * 668265263 + z * 2147483647) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return float(h ^ (h >> 16)) * (1.0 / 4294967296.0)


@kernel
def noise(x: float, y: float, z: float, cell: float) -> float:
    """Value noise in [0, 1) on a lattice of ``cell`` metres."""
    x, y, z = x / cell, y / cell, z / cell
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    below = _face(i, j, k, u, v)
    return below + w * (_face(i, j, k + 1, u, v) - below)


@kernel
def _face(i: int, j: int, k: int, u: float, v: float) -> float:
    a, b = hashed(i, j, k), hashed(i + 1, j, k)
    c, d = hashed(i, j + 1, k), hashed(i + 1, j + 1, k)
    a, c = a + u * (b - a), c + u * (d - c)
    return a + v * (c - a)


@kernel
def flat_noise(x: float, y: float, cell: float) -> float:
    """Value noise in the plane."""
    x, y = x / cell, y / cell
    i, j = int(np.floor(x)), int(np.floor(y))
    u, v = x - i, y - j
    return _face(i, j, 7, u * u * (3 - 2 * u), v * v * (3 - 2 * v))


@kernel
def grain(x: float, y: float, cell: float, shown: float) -> float:
    """Fine noise around 0, up to a half times ``shown``, which :func:`fade` gives: far away it costs nothing."""
    return (flat_noise(x, y, cell) - 0.5) * shown if shown > 0.0 else 0.0


@kernel
def fade(cell: float, footprint: float) -> float:
    """How much of a pattern of ``cell`` metres a pixel of ``footprint`` metres still shows, 1 to 0."""
    return min(1.0, max(0.0, 1.5 - 1.5 * footprint / cell))


@kernel
def band(x: float, low: float, high: float, footprint: float) -> float:
    """The share of a pixel around ``x`` that lies between two edges."""
    half = max(0.5 * footprint, 1e-6)
    return max(0.0, min(x + half, high) - max(x - half, low)) / (2 * half)


@kernel
def bars(x: float, period: float, width: float, footprint: float) -> float:
    """The share of a pixel covered by bars of ``width`` from every multiple of ``period`` on."""
    if footprint > 2.0 * period:
        return width / period
    place = x - np.floor(x / period) * period
    around = band(place, 0.0, width, footprint) + band(place, period, period + width, footprint)
    return min(1.0, around + band(place, -period, width - period, footprint))
