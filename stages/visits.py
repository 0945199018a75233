"""When a log comes back to a place: what each visit saw is a world of its own.

Until a vehicle is back parked cars have left, and poses have drifted: one visit's points must not thicken the surfaces of
another, nor its rays carve them. Which visit a sweep belongs to follows from the poses of the whole scene alone, so it is
the same however a scene is cut into parts.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

SQUARE_M = 50.0
"""About the edge of the squares whose blocks share their visits: as large as tiles of the surface, which then change as a whole."""
MOST_VISITS = 16
"""Later visits to a place are one with the last of these: its number must fit the keys of cells."""


def near_square(places: Float64, low: Float64, edge_m: float, reach_m: float) -> Bool:
    """(S,) bool: which places (S, 2), metres, lie less than ``reach_m`` from a square whose least corner is ``low`` (2,)."""
    away = np.maximum(np.maximum(low - places, places - low - edge_m), 0.0)
    near: Bool = np.hypot(away[:, 0], away[:, 1]) < reach_m
    return near


def visit_spans(near: Bool, times_ns: Int64, away_s: float) -> Int32:
    """(V, 2) int32: first and last sweep that each visit stands for; together all sweeps, in order, each once.

    ``near``: (S,) bool, sweeps that are in reach of the place; ``times_ns``: (S,) int64. A visit ends where no sweep is near
    for longer than ``away_s``; of the sweeps between two visits each has its half. Without any visit there is one.
    """
    sweeps = np.flatnonzero(near)
    gaps = np.flatnonzero(np.diff(times_ns[sweeps]) > round(away_s * 1e9))[: MOST_VISITS - 1]
    begins = (sweeps[gaps] + sweeps[gaps + 1]) // 2 + 1
    spans = np.stack([np.append(0, begins), np.append(begins - 1, len(near) - 1)], axis=1)
    return spans.astype(np.int32)


def standing(spans: Int32, sweep: int) -> Bool:
    """(M,) bool: which visits (M, 2) stand for a sweep."""
    return (spans[:, 0] <= sweep) & (sweep <= spans[:, 1])


def runs_alike(frames: range, sweeps: Int32, *spans: Int32) -> list[range]:
    """Cuts consecutive key frames, at these sweeps, into runs for each of which the same visits (M, 2) stand."""
    begins = np.unique(np.concatenate([np.concatenate([s[:, 0], s[:, 1] + 1]) for s in spans]))
    world = np.searchsorted(begins, sweeps, side="right")
    cuts = [frames.start, *(frames.start + 1 + np.flatnonzero(np.diff(world))).tolist(), frames.stop]
    return [range(a, b) for a, b in itertools.pairwise(cuts)]


@dataclass(frozen=True)
class BlockVisits:
    """The visits to every block of a plane, found when asked for. Squares of some blocks share theirs."""

    places: Float64
    """(S, 2) float64: where the vehicle was in each sweep, metres from the corner of block (0, 0)."""
    times_ns: Int64
    block_m: float
    reach_m: float
    """How far a sweep sees, metres."""
    away_s: float
    """As :func:`visit_spans` has it."""
    _known: dict[tuple[int, int], Int32] = field(
        default_factory=dict[tuple[int, int], Int32], repr=False, compare=False
    )

    def span(self, x: int, y: int, visit: int) -> list[int]:
        """First and last sweep that a visit to a block stands for."""
        first, last = self._spans(x // self._wide, y // self._wide)[visit].tolist()
        return [first, last]

    def numbers(self, sweep: int, blocks: Int64) -> Int64:
        """(N,) int64: which visit a sweep is to each of the blocks (N, 2), which lie in its reach."""
        low, high = (
            np.floor((self.places[sweep] + side * self.reach_m) / (self.block_m * self._wide)).astype(int)
            for side in (-1, 1)
        )
        table = np.zeros(high - low + 1, dtype=np.int64)
        for x, y in np.ndindex(table.shape):
            table[x, y] = np.argmax(standing(self._spans(x + int(low[0]), y + int(low[1])), sweep))
        if not table.any():
            return np.zeros(len(blocks), dtype=np.int64)
        squares = blocks // self._wide - low
        found: Int64 = table[squares[:, 0], squares[:, 1]]
        return found

    @property
    def _wide(self) -> int:
        """Blocks along a square's edge."""
        return max(round(SQUARE_M / self.block_m), 1)

    def _spans(self, x: int, y: int) -> Int32:
        if (x, y) not in self._known:
            edge_m = self.block_m * self._wide
            near = near_square(self.places, np.array([x, y]) * edge_m, edge_m, self.reach_m)
            self._known[x, y] = visit_spans(near, self.times_ns, self.away_s)
        return self._known[x, y]
