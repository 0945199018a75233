"""What vehicles and small objects look like, by place on the body: lights, windows, seams, wheel arches, stripes.

Places are in the box's frame (x ahead, y left, z up, metres from the centre); ``hx``, ``hy``, ``hz`` half the box's size;
``ny``, ``nx``, ``nz`` the surface's normal. Results are colour and gloss: how much of the sky the surface mirrors.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .noise import bars, hashed

Look = tuple[float, float, float, float]
DARK = 0.012


@kernel
def lamps(x: float, y: float, z: float, hx: float, hy: float, hz: float) -> int:
    """What shines or shows at the ends of a vehicle: 1 head lamp, 2 tail lamp, 3 number plate, 4 grille, 0 nothing."""
    side = abs(y) / hy
    if abs(x) < hx - 0.34:
        return 0
    level = (z + hz) / (2 * hz)
    if 0.36 < level < 0.5 and 0.52 < side < 0.95:
        return 1 if x > 0 else 2
    if abs(x) > hx - 0.2 and 0.24 < level < 0.31 and abs(y) < 0.26:
        return 3
    if x > hx - 0.3 and 0.3 < level < 0.46 and side < 0.46:
        return 4
    return 0


@kernel
def lit(number: int) -> Look:
    """How each of :func:`lamps` looks."""
    if number == 1:
        return 1.1, 1.1, 1.05, 0.3
    if number == 2:
        return 0.62, 0.012, 0.012, 0.3
    if number == 3:
        return 0.75, 0.75, 0.62, 0.0
    return DARK, DARK, DARK, 0.1


@kernel
def arch(x: float, z: float, front: float, rear: float, axle: float, radius: float) -> bool:
    """Whether a place lies in a wheel arch."""
    a, b, up = x - front, x - rear, z - axle
    return min(a * a, b * b) + up * up < radius * radius


@kernel
def car(
    x: float, y: float, z: float, hx: float, hy: float, hz: float, ny: float, foot: float,
    red: float, green: float, blue: float,
) -> Look:  # fmt: skip
    """Painted metal of a car."""
    lamp = lamps(x, y, z, hx, hy, hz)
    if lamp > 0:
        return lit(lamp)
    if abs(ny) > 0.5 and arch(x, z, hx - 0.85, -hx + 0.8, -hz + 0.32, 0.4):
        return DARK, DARK, DARK, 0.0
    if z + hz < 0.34:
        return 0.03, 0.03, 0.032, 0.05
    shade = 1.0
    if abs(ny) > 0.5:
        away = min(abs(x - 0.3 * hx), abs(x + 0.12 * hx), abs(x + 0.5 * hx))
        seam = max(0.0, 1.0 - away / max(0.012, 0.6 * foot))
        shade = 1.0 - 0.75 * seam * min(1.0, 0.03 / max(foot, 1e-6))
        if 0.76 < z + hz < 0.8 and (abs(x - 0.2) < 0.09 or abs(x + 0.75) < 0.09):
            shade = 0.35
    return red * shade, green * shade, blue * shade, 0.5


@kernel
def glass(x: float, hx: float, ny: float) -> Look:
    """A car's windows with the pillar between the doors."""
    if abs(ny) > 0.45 and (abs(x + 0.1 * hx) < 0.05 or abs(x + 0.52 * hx) < 0.05):
        return DARK, DARK, DARK, 0.1
    return 0.01, 0.013, 0.016, 0.9


@kernel
def tyre(u: float, v: float, ny: float) -> Look:
    """Rubber, and a rim where the wheel's face shows."""
    radius = np.hypot(u, v)
    if abs(ny) > 0.8 and radius < 0.64:
        if radius < 0.14:
            return 0.1, 0.1, 0.1, 0.2
        spoke = np.cos(5.0 * np.arctan2(v, u))
        if radius > 0.56 or spoke > 0.1:
            return 0.42, 0.43, 0.45, 0.35
        return 0.03, 0.03, 0.03, 0.0
    return 0.014, 0.014, 0.015, 0.0


@kernel
def coach(
    x: float, y: float, z: float, hx: float, hy: float, hz: float, nx: float, ny: float, nz: float,
    red: float, green: float, blue: float,
) -> Look:  # fmt: skip
    """A city bus: a band of windows, doors on the kerb side, a windscreen, a destination display."""
    up = z + hz
    lamp = lamps(x, y, (up / 1.5 - 1.0) * hz, hx, hy, hz) if up < 1.5 else 0
    if lamp in (1, 2):
        return lit(lamp)
    if abs(ny) > 0.5:
        if arch(x, z, hx - 2.6, -hx + 2.7, -hz + 0.48, 0.6):
            return DARK, DARK, DARK, 0.0
        door = y < 0 and (abs(x - hx + 1.2) < 0.62 or abs(x - 0.3) < 0.7)
        if door and 0.45 < up < 2.45:
            return (0.02, 0.022, 0.026, 0.7) if bars(x - hx, 0.62, 0.06, 0.0) < 0.5 else (0.05, 0.05, 0.05, 0.1)
        if 1.35 < up < 2.5 and abs(x) < hx - 0.35:
            return (0.012, 0.016, 0.02, 0.85) if bars(x, 1.45, 0.08, 0.0) < 0.5 else (DARK, DARK, DARK, 0.1)
        if up > 2.62:
            return 0.72, 0.72, 0.7, 0.25
    elif abs(nx) > 0.4:
        if nx * x > 0 and x > 0 and 2.5 < up < 2.8 and abs(y) < 0.8 * hy:
            on = hashed(int(np.floor(y / 0.09)), int(np.floor(up / 0.09)), 4) > 0.45 and abs(y) < 0.6 * hy
            return (1.3, 0.55, 0.03, 0.0) if on else (DARK, DARK, DARK, 0.0)
        if abs(y) < 0.9 * hy and ((x > 0 and 1.05 < up < 2.5) or (x < 0 and 1.7 < up < 2.5)):
            return 0.012, 0.016, 0.02, 0.9
    elif nz > 0.5 or up > 2.9:
        return 0.72, 0.72, 0.7, 0.2
    return red, green, blue, 0.4


@kernel
def cab(
    x: float, y: float, z: float, hx: float, hy: float, hz: float, nx: float, ny: float, red: float, green: float, blue: float
) -> Look:  # fmt: skip
    """A lorry's cab."""
    up = z + hz
    lamp = lamps(x, y, (up / 1.5 - 1.0) * hz, hx, hy, hz) if up < 1.5 else 0
    if lamp > 0:
        return lit(lamp)
    if abs(ny) > 0.5 and arch(x, z, hx - 1.1, hx - 1.1, -hz + 0.48, 0.62):
        return DARK, DARK, DARK, 0.0
    if (abs(ny) > 0.5 and 1.62 < up < 2.35 and hx - 1.5 < x < hx - 0.42) or (
        abs(nx) > 0.3 and x > hx - 0.7 and 1.65 < up < 2.45
    ):
        return 0.012, 0.016, 0.02, 0.9
    return red, green, blue, 0.4


@kernel
def cargo(
    x: float, y: float, z: float, hy: float, hz: float, nx: float, ny: float, red: float, green: float, blue: float
) -> Look:  # fmt: skip
    """A box body with ribs, a stripe along its sides, doors and reflectors at its rear."""
    up = (z + hz) / (2 * hz)
    if abs(ny) > 0.5:
        if 0.42 < up < 0.5 or 0.53 < up < 0.55:
            return 0.1, 0.2, 0.42, 0.2
        shade = 0.88 if bars(x, 0.6, 0.05, 0.0) > 0.5 else 1.0
        return red * shade, green * shade, blue * shade, 0.15
    if x < 0 and abs(nx) > 0.5:
        if abs(y) < 0.02 or abs(abs(y) - 0.5 * hy) < 0.02:
            return 0.1, 0.1, 0.1, 0.0
        if up < 0.37:
            return (0.6, 0.03, 0.03, 0.1) if bars(y, 0.3, 0.15, 0.0) > 0.5 else (0.7, 0.7, 0.65, 0.1)
    return red, green, blue, 0.15


@kernel
def striped(x: float, z: float, ny: float, red: float, green: float, blue: float) -> Look:
    """Red and white slanted stripes of a road works barrier."""
    if abs(ny) > 0.4 and bars(x + 0.8 * z, 0.5, 0.25, 0.0) > 0.5:
        return 0.56, 0.03, 0.03, 0.1
    return red, green, blue, 0.1
