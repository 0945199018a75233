"""Who uses which piece of ground: a lattice in street coordinates, with a class and a level per cell, and its surface."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .kinds import AS_LABELLED, PARKING
from .labels import OTHER_FLAT, ROAD, SIDEWALK, TERRAIN
from .meshes import Float64, Mesh, merge, quads
from .street import (
    BLOCK_M,
    CROSSING_KERB,
    CROSSING_M,
    CROSSING_PAVEMENT,
    FRONT,
    ISLAND,
    KERB,
    LANE,
    PAVEMENT,
    Street,
    blocks,
)

NOTHING = 0
"""No ground: outside, and under buildings, where nothing could see it."""
LEVELS = {ROAD: 0.0, SIDEWALK: 0.13, TERRAIN: 0.16, OTHER_FLAT: 0.14}
"""Height of each kind of ground above the street's base, metres: a kerb is the step between two."""
YARD = 27.0
BACK_LANE = (27.0, 32.0)
CROSSING_REACH = 66.0
PARKING_OFF_M = 13.0
"""No car is parked nearer to the middle of a crossing street."""


@dataclass(frozen=True)
class Rect:
    """A rectangle in street coordinates: s0..s1 along, d0..d1 across, with the ground's class in it."""

    s0: float
    s1: float
    d0: float
    d1: float
    use: int = NOTHING


@dataclass(frozen=True)
class Ground:
    """The lattice: breaks along s and d, and the class of every cell between them."""

    s: Float64
    """(S + 1,) metres, increasing."""
    d: Float64
    """(D + 1,) metres, increasing."""
    use: NDArray[np.uint8]
    """(S, D) lidarseg number, 0 for none."""

    def level(self, s: ArrayLike, d: ArrayLike) -> Float64:
        """Height above the street's base at places, metres; 0 outside."""
        rows = np.clip(np.searchsorted(self.s, s) - 1, 0, len(self.s) - 2)
        columns = np.clip(np.searchsorted(self.d, d) - 1, 0, len(self.d) - 2)
        table = np.zeros(256)
        table[list(LEVELS)] = list(LEVELS.values())
        return table[self.use[rows, columns]]


def lay_out(start_m: float, end_m: float, plots: list[Rect]) -> Ground:
    """The ground of a stretch of street: lanes, kerbs, pavements and yards, then ``plots`` painted over them in order."""
    exact = [edge for plot in plots for edge in (plot.s0, plot.s1)] + _crossing_edges(start_m, end_m)
    s = _breaks(np.arange(start_m, end_m, 1.5), [edge for edge in exact if start_m < edge < end_m])
    half = [ISLAND, 2.8, LANE, KERB, 8.5, PAVEMENT, FRONT, YARD, *np.arange(16.0, CROSSING_REACH + 1, 3.0)]
    d = _breaks(np.array([-v for v in half] + [0.0] + half), [edge for p in plots for edge in (p.d0, p.d1)])
    along, across = np.meshgrid((s[1:] + s[:-1]) / 2, np.abs((d[1:] + d[:-1]) / 2), indexing="ij")
    left = (d[1:] + d[:-1])[None, :] > 0
    use = np.zeros(along.shape, dtype=np.uint8)
    use[across < YARD] = TERRAIN
    use[across < PAVEMENT] = SIDEWALK
    use[across < KERB] = ROAD
    for plot in plots:
        inside = (
            (along > plot.s0)
            & (along < plot.s1)
            & (across > min(abs(plot.d0), abs(plot.d1)))
            & (across < max(abs(plot.d0), abs(plot.d1)))
        )
        use[inside & (left == (plot.d0 + plot.d1 > 0))] = plot.use
    off = np.abs((along - CROSSING_M + BLOCK_M / 2) % BLOCK_M - BLOCK_M / 2)
    use[(off < CROSSING_PAVEMENT) & (across > KERB) & (across < CROSSING_REACH)] = SIDEWALK
    use[(off < CROSSING_KERB) & (across < CROSSING_REACH)] = ROAD
    return Ground(s, d, use)


def _crossing_edges(start_m: float, end_m: float) -> list[float]:
    middles = [float(block) * BLOCK_M + CROSSING_M for block in blocks(start_m, end_m)]
    return [
        middle + side * width for middle in middles for side in (-1, 1) for width in (CROSSING_KERB, CROSSING_PAVEMENT)
    ]


def _breaks(regular: Float64, exact: list[float]) -> Float64:
    """Sorted breaks that hold the exact ones, and the regular ones that are not too near to them."""
    wanted = np.unique(np.round(np.array(exact, dtype=np.float64), 6))
    far = regular[np.abs(regular[:, None] - wanted[None, :]).min(axis=1) > 0.3] if len(wanted) else regular
    return np.unique(np.concatenate([far, wanted]))


def surface(street: Street, ground: Ground) -> Mesh:
    """The ground's sheets and the kerbs between cells of different level."""
    s, d = np.meshgrid(ground.s, ground.d, indexing="ij")
    base = street.base(s, d)
    levels = np.zeros(ground.use.shape)
    for use, level in LEVELS.items():
        levels[ground.use == use] = level
    parts: list[Mesh] = []
    corners = ((0, 0), (1, 0), (1, 1), (0, 1))
    rows, columns = ground.use.shape
    sheets = np.stack([street.place(s, d, base)[i : i + rows, j : j + columns] for i, j in corners], axis=2)
    sheets[..., 2] += levels[..., None]
    lattice = np.stack([s, d], axis=-1)
    uv = np.stack([lattice[i : i + rows, j : j + columns] for i, j in corners], axis=2)
    parts.extend(_parking(quads(sheets[ground.use == use], use, uv[ground.use == use])) for use in LEVELS)
    for axis in (0, 1):
        first, second = (slice(None, -1), slice(1, None))
        a = (first, slice(None)) if axis == 0 else (slice(None), first)
        b = (second, slice(None)) if axis == 0 else (slice(None), second)
        step = (levels[a] != levels[b]) & (ground.use[a] != NOTHING) & (ground.use[b] != NOTHING)
        # The edge between two cells: corners 1, 2 of the first; 0, 3 of the second lie below or above them.
        edge = (1, 2) if axis == 0 else (3, 2)
        mate = (0, 3) if axis == 0 else (0, 1)
        walls = np.stack(
            [
                sheets[a][..., edge[0], :],
                sheets[a][..., edge[1], :],
                sheets[b][..., mate[1], :],
                sheets[b][..., mate[0], :],
            ],
            axis=2,
        )
        # A kerb belongs to the ground it holds up.
        owner = np.where(levels[a] > levels[b], ground.use[a], ground.use[b])
        places = uv[a][..., [edge[0], edge[1], edge[1], edge[0]], :]
        for use in LEVELS:
            chosen = step & (owner == use)
            parts.append(quads(walls[chosen], use, places[chosen]))
    return merge([part for part in parts if len(part.triangles)])


def _parking(sheet: Mesh) -> Mesh:
    """Ground of one use, with the lanes told apart that cars are parked in."""
    s, d = sheet.uv[sheet.triangles].mean(axis=1).T
    off = np.abs((s - CROSSING_M + BLOCK_M / 2) % BLOCK_M - BLOCK_M / 2)
    lane = (sheet.labels == ROAD) & (np.abs(d) > LANE) & (np.abs(d) < KERB) & (off > PARKING_OFF_M)
    return replace(sheet, kinds=np.where(lane, PARKING, AS_LABELLED).astype(np.uint8))
