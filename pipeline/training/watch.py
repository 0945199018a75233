"""Keeps a step whose loss or gradient is no number from the weights, and tells which step it was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from ...schemas.errors import ComputeError
from .ranks import Ranks


class Watch:
    """Looks at every step on its device, and is asked now and then: who asks waits for all that the device has to do."""

    def __init__(self, device: torch.device, ranks: Ranks) -> None:
        self._ranks = ranks
        self.bad = torch.zeros((), device=device)
        """() float32: 1 from the first step on that had no number. As ``found_inf`` it keeps an optimiser from stepping."""
        self._first = torch.zeros(3, device=device)
        self._frames: dict[int, list[tuple[str, str]]] = {}

    def add(self, step: int, loss: Tensor, norm: Tensor, batches: Sequence[Mapping[str, Any]]) -> None:
        """``loss`` () and ``norm`` () of the gradient of step ``step``, from 1, with these batches."""
        self._frames[step] = [pair for batch in batches for pair in zip(batch["scene"], batch["frame"], strict=True)]
        bad = (~(loss.isfinite() & norm.isfinite())).float()
        now = torch.stack([torch.full_like(norm, step), loss, norm])
        self._first = now.where((bad > self.bad), self._first)
        self.bad = torch.maximum(self.bad, bad)

    def check(self) -> None:
        """Raises ComputeError naming the first step that had no number, with the key frames of all ranks."""
        here = cast("list[float]", self._first.tolist())
        bad = [first for first in self._ranks.gathered(here) if first[0]]
        if bad:
            step, loss, norm = min(bad)
            pairs = [pair for frames in self._ranks.gathered(self._frames[int(step)]) for pair in frames]
            scenes, frames = (", ".join(dict.fromkeys(names)) for names in zip(*pairs, strict=True))
            error = ComputeError(
                f"the {'gradient' if math.isfinite(loss) else 'loss'} is no number", scene=scenes, frame=frames,
                found=f"loss {loss:.4g}, gradient's norm {norm:.4g} in step {step:.0f}",
                expected="finite ones", fix="look at these key frames' inputs; or lower --learning-rate, lengthen --warm-up or "
                "give --clip, and choose another --out",
            )  # fmt: skip
            self._ranks.refuse(error)
        self._frames.clear()
