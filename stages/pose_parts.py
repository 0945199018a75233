"""What a part of pose refinement hands to assembly, as arrays, and what assembly makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import overload

import numpy as np
from numpy.typing import NDArray

from .pose_graph import Factor
from .pose_report import Surface
from .registration import Registration
from .stage import PartResult

Float64 = NDArray[np.float64]
Pair = tuple[int, int]
"""Two nodes, the earlier first."""
_KEPT = 12
"""As many scans as a registered one has partners, and some."""


def part_result(own: Sequence[Surface], found: Mapping[Pair, Registration]) -> PartResult:
    """Surfaces of a part's own nodes, in order, and its registrations."""
    pairs = sorted(found)
    none = np.zeros((0, 3), np.float32)
    return {
        "points": np.concatenate([none, *(scan.points for scan in own)]),
        "normals": np.concatenate([none, *(scan.normals for scan in own)]),
        "counts": np.array([len(scan.points) for scan in own], dtype=np.int64),
        "pairs": np.array(pairs, dtype=np.int64).reshape(-1, 2),
        "i_SE3_j": np.array([found[p].target_SE3_source for p in pairs]).reshape(-1, 4, 4),
        "information": np.array([found[p].information for p in pairs]).reshape(-1, 6, 6),
        "overlap": np.array([found[p].overlap for p in pairs], dtype=np.float64),
        "converged": np.array([found[p].converged for p in pairs], dtype=np.bool_),
    }


class PartSurfaces(Sequence[Surface]):
    """Surfaces of all nodes, in order, read from the parts' results when asked for; a few are kept."""

    def __init__(self, results: Sequence[PartResult]) -> None:
        self._results = results
        counts = [np.asarray(result["counts"]) for result in results]
        self._places = [
            (part, int(stop - n), int(stop))
            for part, own in enumerate(counts)
            for n, stop in zip(own, np.cumsum(own), strict=True)
        ]
        self._read = lru_cache(maxsize=_KEPT)(self._of)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, node: int) -> Surface: ...
    @overload
    def __getitem__(self, node: slice) -> Sequence[Surface]: ...
    def __getitem__(self, node: int | slice) -> Surface | Sequence[Surface]:
        return [self._read(k) for k in range(len(self))[node]] if isinstance(node, slice) else self._read(node)

    def _of(self, node: int) -> Surface:
        part, start, stop = self._places[node]
        points, normals = (np.array(self._results[part][name][start:stop]) for name in ("points", "normals"))
        return Surface(points, normals)


def joined(results: Sequence[PartResult]) -> tuple[PartSurfaces, list[Factor], Float64, NDArray[np.bool_]]:
    """Surfaces of all nodes, all registrations, and the overlap (M,) and convergence (M,) of each."""
    factors: list[Factor] = []
    for result in results:
        rows = zip(result["pairs"].tolist(), result["i_SE3_j"], result["information"], strict=True)
        factors += [Factor(i, j, np.array(pose), np.array(weight)) for (i, j), pose, weight in rows]
    overlap = np.concatenate([result["overlap"] for result in results])
    converged = np.concatenate([result["converged"] for result in results])
    return PartSurfaces(results), factors, overlap, converged
