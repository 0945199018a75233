"""Label images made smaller, against counting square by square."""

from __future__ import annotations

import numpy as np
import pytest
from occ_pipeline.schemas.image_labels import least_factor, smaller
from occ_pipeline.stages.kernels.label_images import reduce_labels


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_most_pixels_decide_and_ties_go_to_the_lowest(factor: int) -> None:
    labels = np.random.default_rng(factor).choice([0, 3, 9, 255], (11, 14)).astype(np.uint8)
    wide, high = smaller((14, 11), factor)
    reduced = np.empty((high, wide), np.uint8)
    reduce_labels(labels, factor, reduced)
    for row in range(high):
        for column in range(wide):
            square = labels[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
            values, counts = np.unique(square, return_counts=True)
            assert reduced[row, column] == values[counts == counts.max()].min()


def test_sizes() -> None:
    assert [least_factor((1600, 900), n) for n in (1600, 1599, 800, 400, 399)] == [1, 2, 2, 4, 5]
    assert smaller((1600, 900), 8) == (200, 113)
