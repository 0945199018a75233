"""What is told of the steps between two rows of the log."""

from __future__ import annotations

import time
from typing import cast

import torch
from torch import Tensor

from .data import Stream
from .ranks import Ranks


class Meter:
    """Means since the last reading, over ranks too."""

    def __init__(self, stream: Stream, ranks: Ranks) -> None:
        self._stream, self._ranks = stream, ranks
        self._begin()

    def _begin(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._steps, self._frames = 0, 0
        self._start, self._waited = time.perf_counter(), self._stream.waited_s

    def add(self, losses: dict[str, Tensor], frames: int) -> None:
        """A step's losses, which stay on their device, and its key frames."""
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0) + value
        self._steps += 1
        self._frames += frames

    def read(self) -> dict[str, float]:
        """Each loss, ``samples_per_second`` of all ranks, and ``waiting``: the share of the time spent waiting for data."""
        found = {name: float(value) / self._steps for name, value in self._sums.items()}
        seconds = time.perf_counter() - self._start
        found["samples_per_second"] = self._ranks.count * self._frames / seconds
        found["waiting"] = (self._stream.waited_s - self._waited) / seconds
        self._begin()
        means = self._ranks.summed(torch.tensor([*found.values()], dtype=torch.float64)) / self._ranks.count
        return dict(zip(found, cast("list[float]", means.tolist()), strict=True))
