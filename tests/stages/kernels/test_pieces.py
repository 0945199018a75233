"""Pieces against SciPy's labelling, class by class."""

from __future__ import annotations

import numpy as np
from occ_pipeline.stages.kernels.pieces import number_pieces
from scipy.ndimage import label


def test_pieces_are_those_of_scipy() -> None:
    random = np.random.default_rng(3)
    for density in (0.05, 0.2, 0.9):
        chosen = random.random((9, 8, 7)) < density
        semantics = random.choice([1, 2, 255], chosen.shape).astype(np.uint8)
        pieces = np.empty(chosen.shape, np.int32)
        count = number_pieces(chosen, semantics, pieces)
        assert (pieces[~chosen] == -1).all()
        assert sorted(set(pieces[chosen].tolist())) == list(range(count))
        found = 0
        for class_id in (1, 2, 255):
            wanted, many = label(chosen & (semantics == class_id), np.ones((3, 3, 3)))
            pairs = {(a, b) for a, b in zip(wanted.ravel().tolist(), pieces.ravel().tolist(), strict=True) if a}
            assert len(pairs) == many == len({a for a, _ in pairs}) == len({b for _, b in pairs})
            found += many
        assert found == count


def test_nothing_chosen() -> None:
    pieces = np.empty((2, 2, 2), np.int32)
    assert number_pieces(np.zeros((2, 2, 2), bool), np.zeros((2, 2, 2), np.uint8), pieces) == 0
    assert (pieces == -1).all()
