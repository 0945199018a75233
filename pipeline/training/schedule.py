"""The learning rate as a function of the step alone, so that a run that goes on needs no state of it."""

from __future__ import annotations

import math


def share_of_rate(step: int, steps: int, warm_up: float) -> float:
    """Share, 0 to 1, of the full learning rate in ``step``, 1 to ``steps``.

    Rises in a straight line over the first ``warm_up`` of the steps, which ends at 1, and then falls as a cosine (Loshchilov and
    Hutter 2017, without restarts) that would reach 0 one step after the last.
    """
    rising = round(warm_up * steps)
    if step <= rising:
        return step / rising
    return (1 + math.cos(math.pi * (step - max(rising, 1)) / (steps + 1 - max(rising, 1)))) / 2
