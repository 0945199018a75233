"""All scans of a scene, cast on every core."""

from __future__ import annotations

from collections.abc import Iterator

from .in_order import in_order
from .lidar import Lidar, Turn


def turns(lidar: Lidar, seed: int, sweeps: int) -> Iterator[Turn]:
    """All sweeps in order."""
    return in_order(lambda number: lidar.turn(seed, number), sweeps)
