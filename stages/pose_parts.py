"""What a part of pose refinement hands to assembly, as arrays, and what assembly makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .pose_graph import Factor
from .pose_report import Surface
from .registration import Registration
from .stage import PartResult

Float64 = NDArray[np.float64]
Pair = tuple[int, int]
"""Two nodes, the earlier first."""


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


def joined(results: Sequence[PartResult]) -> tuple[list[Surface], list[Factor], Float64, NDArray[np.bool_]]:
    """Surfaces of all nodes, all registrations, and the overlap (M,) and convergence (M,) of each."""
    surfaces: list[Surface] = []
    factors: list[Factor] = []
    for result in results:
        cuts = np.cumsum(result["counts"])[:-1]
        pieces = zip(np.split(result["points"], cuts), np.split(result["normals"], cuts), strict=True)
        surfaces += [Surface(np.asarray(points), np.asarray(normals)) for points, normals in pieces]
        rows = zip(result["pairs"].tolist(), result["i_SE3_j"], result["information"], strict=True)
        factors += [Factor(i, j, np.asarray(pose), np.asarray(weight)) for (i, j), pose, weight in rows]
    overlap = np.concatenate([result["overlap"] for result in results])
    converged = np.concatenate([result["converged"] for result in results])
    return surfaces, factors, overlap, converged
