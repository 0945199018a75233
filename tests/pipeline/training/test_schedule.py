"""Learning rates at steps where they are known."""

from __future__ import annotations

import itertools
import math

import pytest
from occ_pipeline.pipeline.training.schedule import share_of_rate


def test_rises_in_a_line_and_falls_as_a_cosine() -> None:
    shares = [share_of_rate(step, 100, 0.05) for step in range(1, 101)]
    assert shares[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert shares[4 + 48] == pytest.approx(0.5), "half way between the top, step 5, and 0, step 101"
    assert shares[4 + 32] == pytest.approx((1 + math.cos(math.pi / 3)) / 2)
    assert all(later < earlier for earlier, later in itertools.pairwise(shares[4:]))
    assert 0 < shares[-1] < 1e-3


@pytest.mark.parametrize("steps", [1, 2, 19])
def test_every_step_of_a_short_run_learns(steps: int) -> None:
    shares = [share_of_rate(step, steps, 0.05) for step in range(1, steps + 1)]
    assert shares[0] == 1
    assert min(shares) > 0
