"""What is told of the steps between two rows of the log."""

from __future__ import annotations

import time

from torch import Tensor

from .data import Stream


class Meter:
    """Means since the last reading."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
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
        """Each loss, ``samples_per_second``, and ``waiting``: the share of the time spent waiting for data."""
        losses = {name: float(value) / self._steps for name, value in self._sums.items()}
        seconds = time.perf_counter() - self._start
        waiting = (self._stream.waited_s - self._waited) / seconds
        rates = {"samples_per_second": self._frames / seconds, "waiting": waiting}
        self._begin()
        return losses | rates
