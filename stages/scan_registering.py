"""Registration of a scene's scans to each other, some of them at a time."""

from __future__ import annotations

from collections.abc import Sequence

from .pose_parts import Pair, part_result
from .pose_report import Surface
from .registration import Registration, register
from .scan_window import ScanWindow
from .stage import PartResult

_LONGEST_CHAIN = 8
"""Steps between two nodes that make a first guess; over more of them errors add up."""


def registered(window: ScanWindow, own: range, pairs: Sequence[Pair], reach_m: float) -> PartResult:
    """Surfaces of some nodes, and pairs registered, in the order of their first nodes: scans behind are forgotten.

    Partners lie at most ``reach_m`` apart, and half of that once the way from node to node is roughly known.
    """
    surfaces: list[Surface] = []
    found: dict[Pair, Registration] = {}
    for i in own:
        window.forget(i)
        scan = window.scan(i)
        surfaces.append(Surface(scan.points, scan.normals))
        for j in sorted(j for first, j in pairs if first == i):
            near = j - i <= _LONGEST_CHAIN
            guess = window.chained(i, j) if near else window.logged(i, j)
            done = register(scan, window.scan(j), guess, reach_m / 2 if near else reach_m)
            if done is not None:
                found[i, j] = done
    return part_result(surfaces, found)
