"""Which sweeps of a scene are registered, and to which others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..schemas.scene import SceneTables

Float64 = NDArray[np.float64]
_REVISIT_WAY = 4.0
"""Coming back means having driven this many times the distance that is left."""


def nodes_of(tables: SceneTables, spacing_s: float) -> NDArray[np.int32]:
    """(N,) int32: sweeps to register, the first key frame and every later one at least ``spacing_s`` after the one before."""
    chosen: list[int] = []
    for sweep in tables.key_sweeps.tolist():
        if not chosen or tables.timestamps_ns[sweep] - tables.timestamps_ns[chosen[-1]] >= round(spacing_s * 1e9):
            chosen.append(sweep)
    return np.array(chosen, dtype=np.int32)


def pairs_of(poses: Float64, steps: Sequence[int], revisit_m: float) -> list[tuple[int, int]]:
    """Pairs of poses (N, 4, 4) to register, the earlier first: some steps apart, and where the vehicle comes back.

    A revisit pairs a pose with the nearest later one within ``revisit_m`` to which it drove a way four times as long or more.
    """
    count = len(poses)
    pairs = [(i, i + step) for i in range(count) for step in steps if i + step < count]
    places = poses[:, :3, 3]
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
    for i in range(count):
        away = np.linalg.norm(places - places[i], axis=1)
        back = (np.arange(count) > i + steps[-1]) & (away < revisit_m) & (way - way[i] > _REVISIT_WAY * revisit_m)
        if back.any():
            pairs.append((i, int(np.argmin(np.where(back, away, np.inf)))))
    return sorted(pairs)
