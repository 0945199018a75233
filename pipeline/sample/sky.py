"""The sky, the far edge of the world, and how light reaches the film."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel
from .noise import flat_noise, hashed

Colour = tuple[float, float, float]
HAZE: Colour = (0.62, 0.70, 0.80)
"""Linear light of the horizon, which distance fades to."""
HAZE_M = 210.0
FADE_M = (170.0, 245.0)
"""Between these distances, metres, everything fades out before the far plane cuts it off."""


@kernel
def sky(x: float, y: float, z: float, sun: tuple[float, float, float]) -> Colour:
    """Linear light from a direction (unit, z up)."""
    if z < 0.0:
        depth = min(1.0, -z * 6.0)
        return HAZE[0] * (1 - 0.45 * depth), HAZE[1] * (1 - 0.47 * depth), HAZE[2] * (1 - 0.52 * depth)
    if z < 0.045:
        # Hills and roofs of the town beyond, faint.
        azimuth = np.arctan2(y, x)
        block = int(np.floor(azimuth * 40.0))
        skyline = 0.012 + 0.018 * flat_noise(azimuth * 10.0, 0.5, 1.0)
        skyline += 0.014 * hashed(block, 1, 1) * hashed(block // 3, 2, 1)
        if z < skyline:
            return HAZE[0] * 0.80, HAZE[1] * 0.82, HAZE[2] * 0.86
    high = 1.0 - np.exp(-3.2 * z)
    red, green, blue = (
        HAZE[0] + high * (0.13 - HAZE[0]),
        HAZE[1] + high * (0.30 - HAZE[1]),
        HAZE[2] + high * (0.66 - HAZE[2]),
    )
    u, v = x / (z + 0.12), y / (z + 0.12)
    cloud = 0.55 * flat_noise(u, v, 1.1) + 0.3 * flat_noise(u, v, 0.45) + 0.15 * flat_noise(u, v, 0.17)
    cover = min(1.0, max(0.0, (cloud - 0.5) * 3.2)) * min(1.0, z * 7.0)
    red, green, blue = red + cover * (0.95 - red), green + cover * (0.95 - green), blue + cover * (0.97 - blue)
    glow = x * sun[0] + y * sun[1] + z * sun[2]
    if glow < 0.8:
        return red, green, blue
    halo = 0.35 * (glow**24 - 0.8**24) + (6.0 if glow > 0.99985 else 0.0)
    return red + halo, green + 0.93 * halo, blue + 0.8 * halo


@kernel
def hazed(distance: float, red: float, green: float, blue: float) -> Colour:
    """Light from a distance in metres, through the air."""
    far = min(1.0, max(0.0, (distance - FADE_M[0]) / (FADE_M[1] - FADE_M[0])))
    # Air between near things is clear to the eye.
    clear = min(1.0, 1.06 * np.exp(-distance / HAZE_M)) * (1.0 - far * far * (3 - 2 * far))
    a, b, c = 0.92 * HAZE[0], 0.92 * HAZE[1], 0.92 * HAZE[2]
    return a + clear * (red - a), b + clear * (green - b), c + clear * (blue - c)


@kernel
def film(light: float, table: NDArray[np.uint8]) -> int:
    """8-bit sRGB of linear light: a filmic curve (Narkowicz 2015) through a table of 4096 steps."""
    x = max(0.0, light) * 0.8
    y = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)
    return int(table[int(min(1.0, y) * 4095.0)])


def srgb() -> NDArray[np.uint8]:
    """(4096,) uint8: sRGB's transfer curve, IEC 61966-2-1."""
    x = np.linspace(0.0, 1.0, 4096)
    return np.round(255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)).astype(np.uint8)
