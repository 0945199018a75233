"""All scans of a scene, cast on every core."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from .lidar import Lidar, Turn


def turns(lidar: Lidar, seed: int, sweeps: int) -> Iterator[Turn]:
    """All sweeps in order, cast side by side, a few ahead of the reader."""
    threads = max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))
    with ThreadPoolExecutor(threads) as pool:
        numbers = iter(range(sweeps))
        waiting = deque(pool.submit(lidar.turn, seed, number) for number in islice(numbers, 2 * threads))
        while waiting:
            turn = waiting.popleft().result()
            waiting.extend(pool.submit(lidar.turn, seed, number) for number in islice(numbers, 1))
            yield turn
