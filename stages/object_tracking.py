"""Which sightings are of one object: by instance where labels name it, else by where it must be next."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .object_sightings import Sighting

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
_LONGEST_GAP_S = 1.0
"""An object that nobody saw for longer than this begins anew: where it was meanwhile is not known."""
_FASTEST_M_S = 35.0
_JUMP_M = 1.5
"""How far from where it must be next an object may be seen: its visible part changes."""


def by_track(sightings: Iterable[Sighting], times_ns: Int64) -> list[list[Sighting]]:
    """Sightings of each object in order of time, objects in order of class, instance and time; no gap is long."""
    named: dict[tuple[int, int], list[Sighting]] = {}
    nameless: dict[int, list[Sighting]] = {}
    for sighting in sightings:
        if sighting.instance:
            named.setdefault((sighting.class_id, sighting.instance), []).append(sighting)
        else:
            nameless.setdefault(sighting.class_id, []).append(sighting)
    whole = [named[key] for key in sorted(named)]
    whole += [chain for class_id in sorted(nameless) for chain in _linked(nameless[class_id], times_ns)]
    return [run for track in whole for run in _without_gaps(track, times_ns)]


def _without_gaps(track: Sequence[Sighting], times_ns: Int64) -> list[list[Sighting]]:
    times = times_ns[[s.sweep for s in track]]
    cuts = [0, *(np.flatnonzero(np.diff(times) > round(_LONGEST_GAP_S * 1e9)) + 1).tolist(), len(track)]
    return [list(track[a:b]) for a, b in itertools.pairwise(cuts)]


@dataclass
class _Chain:
    """Sightings linked so far."""

    seen: list[Sighting] = field(default_factory=list[Sighting])

    def expected(self, now_ns: int, times_ns: Int64) -> tuple[Float64, float]:
        """Where it must be at a time (2,), and how far from there it may be, metres."""
        last = self.seen[-1]
        gap_s = (now_ns - times_ns[last.sweep]) * 1e-9
        if len(self.seen) == 1:
            return last.middle, _FASTEST_M_S * gap_s
        before = self.seen[-min(4, len(self.seen))]
        span_s = (times_ns[last.sweep] - times_ns[before.sweep]) * 1e-9
        return last.middle + (last.middle - before.middle) * gap_s / span_s, _JUMP_M


def _linked(sightings: Sequence[Sighting], times_ns: Int64) -> list[list[Sighting]]:
    """Sightings of one class without instances, each given to the chain that it fits best, sweep by sweep."""
    # A third of a second to load, which every command would wait for.
    import scipy.optimize

    by_sweep: dict[int, list[Sighting]] = {}
    for sighting in sightings:
        by_sweep.setdefault(sighting.sweep, []).append(sighting)
    chains: list[_Chain] = []
    open_: list[_Chain] = []
    for sweep in sorted(by_sweep):
        now, new = int(times_ns[sweep]), by_sweep[sweep]
        open_ = [c for c in open_ if now - times_ns[c.seen[-1].sweep] <= round(_LONGEST_GAP_S * 1e9)]
        taken: set[int] = set()
        if open_:
            expected = [chain.expected(now, times_ns) for chain in open_]
            away = np.array([[np.linalg.norm(s.middle - place) for s in new] for place, _ in expected])
            limits = np.array([[limit] for _, limit in expected])
            # Too far is worse than any that is not.
            cost = np.where(away <= limits, away, 1e6)
            rows, columns = cast("Any", scipy.optimize).linear_sum_assignment(cost)
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
                if away[row, column] <= limits[row, 0]:
                    open_[row].seen.append(new[column])
                    taken.add(column)
        begun = [_Chain([s]) for k, s in enumerate(new) if k not in taken]
        chains += begun
        open_ += begun
    return [chain.seen for chain in chains]
