"""What stands along the street: buildings with gaps, what closes the gaps, trees, hedges, lamps, signs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from . import furniture
from .buildings import building, strip
from .ground import BACK_LANE, CROSSING_REACH, YARD, Rect
from .kinds import FENCE
from .labels import OTHER_FLAT, ROAD, SIDEWALK, TERRAIN
from .meshes import Float64, Mesh
from .street import BLOCK_M, CROSSING_M, CROSSING_PAVEMENT, FRONT, ISLAND, PAVEMENT, Street, blocks

GAP_M = 4.6


@dataclass(frozen=True)
class House:
    """A building's plot with its height."""

    plot: Rect
    height_m: float


@dataclass
class Plan:
    """Everything that a stretch of street is laid out for, before heights are known."""

    houses: list[House] = field(default_factory=list[House])
    uses: list[Rect] = field(default_factory=list[Rect])
    """Ground that is not what the street's section says."""
    gaps: list[Rect] = field(default_factory=list[Rect])
    strips: list[Rect] = field(default_factory=list[Rect])
    """Front strips and what is on them: ``use`` says grass or path."""


def plan(rng: np.random.Generator, start_m: float, end_m: float, alleys: list[float]) -> Plan:
    """Buildings on both sides between crossings; ``alleys``: places on the left where a gap must open on a back lane."""
    result = Plan()
    for block in blocks(start_m, end_m + BLOCK_M):
        low = (float(block) - 1) * BLOCK_M + CROSSING_M + CROSSING_PAVEMENT
        high = float(block) * BLOCK_M + CROSSING_M - CROSSING_PAVEMENT
        for side in (-1.0, 1.0):
            _run(
                result,
                rng,
                max(low, start_m + 1),
                min(high, end_m - 1),
                side,
                [a for a in alleys if side > 0 and low + 12 < a < high - 12],
            )
        middle = float(block) * BLOCK_M
        result.uses += [
            Rect(middle + a, middle + b, c, d, OTHER_FLAT)
            for a, b in ((-58, -30), (-22, 14), (22, 47))
            for c, d in ((-ISLAND, 0.0), (0.0, ISLAND))
        ]
    for alley in alleys:
        result.uses += [
            Rect(alley - 40, alley + 40, *BACK_LANE, ROAD),
            Rect(alley - GAP_M / 2, alley + GAP_M / 2, PAVEMENT, BACK_LANE[0], SIDEWALK),
        ]
    result.uses += [house.plot for house in result.houses]
    return result


def _run(result: Plan, rng: np.random.Generator, low: float, high: float, side: float, alleys: list[float]) -> None:
    place = low
    while place + 9 < high:
        length = float(rng.uniform(13, 24))
        ahead = [a for a in alleys if a > place]
        stop = min([high] + [a - GAP_M / 2 for a in ahead])
        if stop - place < length + GAP_M + 9:
            length = stop - place
        front = PAVEMENT if rng.random() < 0.4 else FRONT
        depth = float(rng.uniform(9, 11.5))
        # An alley opens exactly where a house stops for it.
        end = stop if stop - place - length < 1e-6 else place + length
        alley = end == stop and end < high
        result.houses.append(House(Rect(place, end, side * front, side * (front + depth)), float(rng.uniform(7, 14))))
        gap = GAP_M if alley else float(rng.uniform(3.5, 7))
        if front == FRONT:
            use = OTHER_FLAT if rng.random() < 0.3 else TERRAIN
            result.strips.append(Rect(place, end, side * PAVEMENT, side * FRONT, use))
            result.uses.append(result.strips[-1])
        if end < high:
            result.gaps.append(Rect(end, min(end + gap, high), side * FRONT, side * YARD, ROAD if alley else TERRAIN))
        place = end + gap


def build(street: Street, layout: Plan, rng: np.random.Generator) -> list[Mesh]:
    """Meshes of the buildings and of what closes the view between them."""
    parts = [building(street, house.plot, house.height_m, rng) for house in layout.houses]
    for gap in layout.gaps:
        parts += _close(street, gap, rng)
    return parts


def _close(street: Street, gap: Rect, rng: np.random.Generator) -> list[Mesh]:
    side, width = float(np.sign(gap.d0)), gap.s1 - gap.s0
    if gap.use == ROAD:
        return []
    kind = int(rng.integers(4))
    here = street.poses(gap.s0 + 0.1, side * (FRONT + 0.3), -np.pi / 2 if side > 0 else np.pi / 2, 0.16, reach=0.0)[0]
    along = street.poses(gap.s0 + 0.1, side * (FRONT + 0.3), 0.0, 0.16, reach=1.0)[0] @ _yaw(-np.pi / 2)
    parts: list[Mesh] = []
    if kind == 0:
        wall = [(gap.s0, side * (FRONT + 0.3)), (gap.s1, side * (FRONT + 0.3))]
        parts.append(strip(street, wall, 0.24, 0.1, 1.6).known_as(FENCE))
    elif kind == 1:
        parts.append(furniture.hedge(rng, width - 0.2).moved(along))
    elif kind == 2:
        parts.append(furniture.fence(width - 0.2).moved(along))
    else:
        parts.append(furniture.bush(rng).moved(here))
    # Yards end at a wall, so that nobody looks out of the world between two houses.
    ends = [end for end in (gap.s0 - 3, gap.s0, gap.s1, gap.s1 + 3) if not _in_crossing(end)]
    wall = [(ends[0], side * (YARD - 0.4)), (ends[-1], side * (YARD - 0.4))]
    parts.append(strip(street, wall, 0.25, 0.1, 2.2).known_as(FENCE))
    return [
        *parts,
        furniture.tree(rng).moved(street.poses((gap.s0 + gap.s1) / 2, side * 22.5, 0.0, 0.16, reach=0.0)[0]),
    ]


def _in_crossing(s: float) -> bool:
    return abs((s - CROSSING_M + BLOCK_M / 2) % BLOCK_M - BLOCK_M / 2) < CROSSING_PAVEMENT - 0.01


def _upright(street: Street, plant: Mesh, s: float, d: float, rng: np.random.Generator) -> Mesh:
    """A plant on grass, turned any way."""
    return plant.moved(street.poses(s, d, rng.uniform(0, 6.28), 0.16, reach=0.0)[0])


def _yaw(angle: float) -> Float64:
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return turn


def crossing(street: Street, middle: float, rng: np.random.Generator) -> list[Mesh]:
    """Walls along a crossing street behind the houses, its far ends, and traffic lights at its corners."""
    parts: list[Mesh] = []
    for side in (-1.0, 1.0):
        for way in (-1.0, 1.0):
            edge = middle + way * (CROSSING_PAVEMENT + 0.15)
            wall = [(edge, side * 25.0), (edge, side * (CROSSING_REACH - 1))]
            parts.append(strip(street, wall, 0.3, 0.05, float(rng.uniform(1.8, 2.6))).known_as(FENCE))
        far = side * (CROSSING_REACH - 0.5)
        parts.append(strip(street, [(middle - 7, far), (middle + 7, far)], 0.4, -0.1, 6.0))
        corner = street.poses(middle + side * 8.2, -side * 7.5, np.pi / 2 * side, 0.13, reach=0.0)[0]
        parts.append(furniture.traffic_light().moved(corner))
        posts = [middle - side * (8.5 + 1.5 * k) for k in range(3)]
        parts += [furniture.post().moved(street.poses(s, side * 7.4, 0.0, 0.13, reach=0.0)[0]) for s in posts]
    return parts


def greenery(street: Street, strips: list[Rect], rng: np.random.Generator) -> list[Mesh]:
    """Trees, hedges or bushes on front strips of grass."""
    parts: list[Mesh] = []
    for patch in strips:
        side = float(np.sign(patch.d0))
        if patch.use != TERRAIN:
            continue
        kind = rng.random()
        if kind < 0.6:
            places = np.arange(patch.s0 + 2.5, patch.s1 - 1.5, 8.0)
            parts += [
                _upright(street, furniture.tree(rng), s + rng.uniform(-0.5, 0.5), side * 10.7, rng) for s in places
            ]
        elif kind < 0.8:
            length = min(9.0, patch.s1 - patch.s0 - 1)
            pose = street.poses(patch.s0 + 0.5, side * 10.8, 0.0, 0.16, reach=1.0)[0] @ _yaw(-np.pi / 2)
            parts.append(furniture.hedge(rng, length).moved(pose))
        else:
            places = np.arange(patch.s0 + 1.5, patch.s1 - 1.5, 3.5)
            parts += [_upright(street, furniture.bush(rng), s, side * rng.uniform(11.0, 11.9), rng) for s in places]
    return parts
