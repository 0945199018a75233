"""Work done side by side and handed over in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def in_order(work: Callable[[int], T], count: int) -> Iterator[T]:
    """``work`` of 0 to ``count`` - 1 in order, done on every core (eight at most), a few ahead of the reader."""
    threads = max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))
    with ThreadPoolExecutor(threads) as pool:
        numbers = iter(range(count))
        waiting = deque(pool.submit(work, number) for number in islice(numbers, threads + 1))
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(pool.submit(work, number) for number in islice(numbers, 1))
            yield done
