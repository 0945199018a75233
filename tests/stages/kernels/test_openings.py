"""Voxels asked place by place, against the same question in NumPy."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.stages.kernels.openings import CROSSED, HIT, OPEN, SOLID, find_open, question

BLOCKS, N, VOXELS = (2, 1, 2), 4, (5, 4, 3)


def bits_of(rows: np.ndarray, cells: np.ndarray, matrix: np.ndarray, steps: int) -> np.ndarray:
    """(X, Y, Z, steps cubed) int: what each place finds, from one dense array of cells."""
    dense = np.zeros([size * N for size in BLOCKS], int)
    for block in itertools.product(*map(range, BLOCKS)):
        if rows[block] >= 0:
            dense[tuple(slice(b * N, b * N + N) for b in block)] = cells[rows[block]]
    voxels = np.stack(np.meshgrid(*map(np.arange, VOXELS), indexing="ij"), axis=-1)
    inside = (np.array(list(itertools.product(range(steps), repeat=3))) + 0.5) / steps
    places = (voxels[..., None, :] + inside) @ matrix[:3, :3].T + matrix[:3, 3]
    index = np.floor(places).astype(int)
    known = ((index >= 0) & (index < dense.shape)).all(axis=-1)
    found = dense[tuple(np.moveaxis(np.where(known[..., None], index, 0), -1, 0))]
    return np.where(known, found, 0)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 4), share=st.sampled_from([0.25, 0.5, 1.0]))
def test_they_say_the_same(seed: int, steps: int, share: float) -> None:
    random = np.random.default_rng(seed)
    rows = np.array([0, -1, 2, 1], np.int32).reshape(BLOCKS)
    kinds = np.array([0, OPEN, OPEN | CROSSED, HIT | CROSSED, HIT | SOLID, CROSSED, OPEN | HIT], np.uint8)
    weights = np.array([1, 8, 8, 2, 1, 4, 2]) / 26
    cells = random.choice(kinds, (3, N, N, N), p=weights)
    angle = random.uniform(0, 2 * np.pi)
    matrix = np.eye(4)
    matrix[:2, :2] = 1.7 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix[:3, 3] = random.uniform(-2, 5, 3)
    bits = bits_of(rows, cells, matrix, steps)
    places = int(np.ceil(share * steps**3))
    asked, found = random.random(VOXELS) < 0.8, np.zeros(VOXELS, bool)
    find_open(rows, cells, matrix, steps, places, asked, found)
    assert (found == asked & (((bits & OPEN) > 0).sum(axis=-1) >= places)).all()
    voxels = np.argwhere(asked)
    hit, empty = np.zeros(len(voxels), bool), np.zeros(len(voxels), bool)
    question(rows, cells, matrix, steps, places, voxels, hit, empty)
    mine = bits[asked]
    assert (hit == ((mine & HIT) > 0).any(axis=1)).all()
    solid = ((mine & SOLID) > 0).any(axis=1)
    assert (empty == ~solid & (((mine & CROSSED) > 0).sum(axis=1) >= places)).all()
