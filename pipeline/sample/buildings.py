"""Buildings: walls with window recesses and balconies, flat roofs, no floor; walls of gardens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from .ground import Rect
from .labels import MANMADE
from .materials import CONCRETE, PANE, ROOF, WALL
from .meshes import Float64, Mesh, box, merge, patch, quads
from .street import Street

Place = Callable[[Float64, Float64, Float64], Float64]
"""Maps (metres along a wall, metres out of it, metres above its foot) to the world, (..., 3)."""
STOREY_M = 3.1


def building(street: Street, plot: Rect, height_m: float, rng: np.random.Generator) -> Mesh:
    """A building on a plot: windows on the front and the sides, balconies on the front, plain behind.

    Its foot follows the ground, a hand below the pavement's level, so that no gap shows.
    """
    side = 1.0 if plot.d0 + plot.d1 > 0 else -1.0
    front, back = sorted((abs(plot.d0), abs(plot.d1)))
    top = float(street.base((plot.s0 + plot.s1) / 2, side * front)) + height_m

    def upright(s: Float64, d: Float64, up: Float64) -> Float64:
        foot = street.base(s, d) + 0.1
        return street.place(s, d, foot + up * (top - foot) / height_m)

    def front_wall(u: Float64, out: Float64, up: Float64) -> Float64:
        return upright(plot.s0 + u, side * (front - out), up)

    def low_side(u: Float64, out: Float64, up: Float64) -> Float64:
        return upright(plot.s0 - out, side * (front + u), up)

    def high_side(u: Float64, out: Float64, up: Float64) -> Float64:
        return upright(plot.s1 + out, side * (front + u), up)

    def back_wall(u: Float64, out: Float64, up: Float64) -> Float64:
        return upright(plot.s0 + u, side * (back + out), up)

    length, depth = plot.s1 - plot.s0, back - front
    recess = float(rng.uniform(0.12, 0.3))
    parts = [wall_with_windows(front_wall, length, height_m, recess, rng)]
    parts += [wall_with_windows(face, depth, height_m, recess, rng, window_share=0.5) for face in (low_side, high_side)]
    parts.append(_plain(back_wall, length, height_m))
    parts.append(patch(_roof(street, plot, top), MANMADE).made_of(ROOF))
    if rng.random() < 0.8:
        parts += balconies(front_wall, length, height_m, rng)
    # Neighbours differ, whatever the order they are built in.
    whole = merge(parts)
    return replace(whole, tints=np.full(len(whole.tints), int(abs(7.3 * plot.s0 + 61.7 * side)) % 240, dtype=np.uint8))


def _roof(street: Street, plot: Rect, top: float) -> Float64:
    s, d = np.meshgrid(np.linspace(plot.s0, plot.s1, 9), [plot.d0, plot.d1], indexing="ij")
    return street.place(s, d, top)


def _plain(place: Place, length_m: float, height_m: float) -> Mesh:
    u, up = np.meshgrid(np.linspace(0, length_m, 9), [0.0, height_m], indexing="ij")
    return patch(place(u, np.zeros_like(u), up), MANMADE).made_of(WALL)


def wall_with_windows(
    place: Place,
    length_m: float,
    height_m: float,
    recess_m: float,
    rng: np.random.Generator,
    window_share: float = 0.85,
) -> Mesh:
    """A wall whose bays hold windows set back by ``recess_m``, the wall's hole closed by reveals and a pane."""
    bays, storeys = max(1, round(length_m / 3.0)), max(1, int(height_m / STOREY_M))
    u_breaks, z_breaks = np.linspace(0, length_m, bays + 1), np.append(np.arange(storeys) * STOREY_M, height_m)
    faces: list[list[tuple[float, float, float]]] = []
    panes: list[int] = []
    face = faces.append
    for u0, u1 in pairwise(u_breaks.tolist()):
        for z0, z1 in pairwise(z_breaks.tolist()):
            if rng.random() > window_share:
                face([(u0, 0, z0), (u1, 0, z0), (u1, 0, z1), (u0, 0, z1)])
                continue
            ground_floor = z0 == 0.0
            a, b = u0 + 0.22 * (u1 - u0), u1 - 0.22 * (u1 - u0)
            c, e = (0.35, 2.4) if ground_floor else (z0 + 0.95, z0 + 2.45)
            outer, inner = [(u0, z0), (u1, z0), (u1, z1), (u0, z1)], [(a, c), (b, c), (b, e), (a, e)]
            for k in range(4):
                m = (k + 1) % 4
                face([(p[0], 0, p[1]) for p in (outer[k], outer[m], inner[m], inner[k])])
                face(
                    [
                        (inner[k][0], 0, inner[k][1]),
                        (inner[m][0], 0, inner[m][1]),
                        (inner[m][0], -recess_m, inner[m][1]),
                        (inner[k][0], -recess_m, inner[k][1]),
                    ]
                )
            panes.append(len(faces))
            face([(u, -recess_m, z) for u, z in inner])
    corners = np.array(faces)
    uv = corners[..., [0, 2]]
    uv[panes] = [(0, 0), (1, 0), (1, 1), (0, 1)]
    sheet = quads(place(corners[..., 0], corners[..., 1], corners[..., 2]), MANMADE, uv).made_of(WALL)
    materials = sheet.materials.reshape(-1, 2)
    materials[panes] = PANE
    return sheet


def balconies(place: Place, length_m: float, height_m: float, rng: np.random.Generator) -> list[Mesh]:
    """Slabs with parapets in front of some bays, from the first floor up: the overhang above the pavement."""
    bays, storeys = max(1, round(length_m / 3.0)), int(height_m / STOREY_M)
    bay = length_m / bays
    parts: list[Mesh] = []
    for k in range(bays):
        if rng.random() < 0.45:
            continue
        for storey in range(1, storeys):
            z, u0, u1, reach = storey * STOREY_M + 0.1, (k + 0.12) * bay, (k + 0.88) * bay, 1.15
            pieces = [
                box((u0, 0.0, z), (u1, reach, z + 0.16), MANMADE, without="y"),
                box((u0, reach - 0.08, z + 0.16), (u1, reach, z + 1.1), MANMADE, without="z"),
                box((u0, 0.0, z + 0.16), (u0 + 0.08, reach - 0.08, z + 1.1), MANMADE, without="zyY"),
                box((u1 - 0.08, 0.0, z + 0.16), (u1, reach - 0.08, z + 1.1), MANMADE, without="zyY"),
            ]
            solid = merge(pieces).made_of(CONCRETE)
            v = solid.vertices
            parts.append(replace(solid, vertices=place(v[:, 0], v[:, 1], v[:, 2])))
    return parts


def strip(
    street: Street, points: list[tuple[float, float]], width_m: float, z0: float, z1: float, label: int = MANMADE
) -> Mesh:
    """A wall along street points (s, d), ``width_m`` thick, from ``z0`` to ``z1`` above the base; no underside."""
    pieces: list[Float64] = []
    for start, end in pairwise(points):
        steps = max(2, int(np.hypot(end[0] - start[0], end[1] - start[1]) / 2.0) + 1)
        pieces.append(np.linspace(start, end, steps)[:-1])
    dense = np.concatenate([*pieces, np.array(points[-1:])])
    along = np.gradient(dense, axis=0)
    normal = np.column_stack([-along[:, 1], along[:, 0]]) / np.linalg.norm(along, axis=1, keepdims=True) * (width_m / 2)
    a, b = dense + normal, dense - normal
    base = street.base(dense[:, 0], dense[:, 1])
    corners = [(a, z0), (a, z1), (b, z1), (b, z0)]
    rings = np.stack([street.place(p[:, 0], p[:, 1], base + z) for p, z in corners], axis=1)
    sheet = patch(rings, label)
    ends = quads(np.stack([rings[0], rings[-1]]), label)
    return merge([sheet, ends])
