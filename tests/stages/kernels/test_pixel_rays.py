"""Rays of pixels against an obvious restatement: cells in the order in which a ray's slabs overlap."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from occ_pipeline.stages.kernels.pixel_rays import NOTHING, UNLABELLED, render, vote

SHAPE = (7, 6, 5)
CELLS = np.array(list(itertools.product(*map(range, SHAPE))))
SIZE = (9, 11)
"""Rows and columns of an image."""


def way(origin: np.ndarray, step: np.ndarray) -> list[tuple[tuple[int, ...], float, float]]:
    """Cells that a ray crosses, with where it enters and leaves each, in order."""
    sides = np.sort([(CELLS - origin) / step, (CELLS + 1 - origin) / step], axis=0)
    low, high = np.maximum(sides[0].max(axis=1), 0.0), sides[1].min(axis=1)
    crossed = sorted(np.flatnonzero(high > low).tolist(), key=lambda n: low[n])
    return [(tuple(CELLS[n].tolist()), low[n], high[n]) for n in crossed]


def direction(matrix: np.ndarray, row: int, column: int) -> np.ndarray:
    return matrix @ np.array([column + 0.5, row + 0.5, 1.0])


def random_view(seed: int) -> tuple[np.ndarray, ...]:
    """State, semantics, labels, the camera's place and its matrix."""
    random = np.random.default_rng(seed)
    state = random.choice([0, 1, 2], SHAPE, p=[0.2, 0.6, 0.2]).astype(np.uint8)
    semantics = np.where(state == 2, random.choice([0, 1, 2, 255], SHAPE), 255).astype(np.uint8)
    labels = random.choice([0, 1, 2, 255], SIZE).astype(np.uint8)
    # Inside, or outside and looking in.
    origin = random.uniform(-3, np.array(SHAPE) + 3)
    ahead = np.array(SHAPE) / 2 - origin + random.uniform(-1, 1, 3)
    side = np.cross(ahead, random.standard_normal(3))
    side *= np.linalg.norm(ahead) / np.linalg.norm(side) / 6
    down = np.cross(ahead, side) / np.linalg.norm(ahead)
    matrix = np.stack([side, down, ahead - side * SIZE[1] / 2 - down * SIZE[0] / 2], axis=1)
    return state, semantics, labels, origin, np.ascontiguousarray(matrix)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_met_first(seed: int) -> None:
    state, semantics, _, origin, matrix = random_view(seed)
    seen, crossed = np.empty(SIZE, np.uint8), np.empty(SIZE, np.uint8)
    render(state, semantics, origin, matrix, seen, crossed)
    for row, column in itertools.product(*map(range, SIZE)):
        cells = [cell for cell, *_ in way(origin, direction(matrix, row, column))]
        first = next((n for n, cell in enumerate(cells) if state[cell] == 2), len(cells))
        wanted = NOTHING if first == len(cells) else int(semantics[cells[first]])
        assert seen[row, column] == (UNLABELLED if wanted == 255 else wanted)
        assert crossed[row, column] == any(state[cell] == 0 for cell in cells[:first])


@pytest.mark.parametrize(("least", "clear"), [(0.0, 0.0), (0.6, 0.0), (0.0, 1.5), (0.4, 2.2)])
@pytest.mark.parametrize("seed", range(4))
def test_where_rays_end_and_what_they_pass(seed: int, least: float, clear: float) -> None:
    state, semantics, labels, origin, matrix = random_view(seed)
    ended, passed, crossed = (np.zeros(SHAPE, np.int32) for _ in range(3))
    vote(state, semantics, labels, origin, matrix, least, clear, ended, passed, crossed)
    wanted_ended, wanted_passed, wanted_crossed = (np.zeros(SHAPE, int) for _ in range(3))
    for row, column in itertools.product(*map(range, SIZE)):
        step = direction(matrix, row, column)
        cells, voxel = way(origin, step), 1 / np.linalg.norm(step)
        fits = [n for n, (cell, *_) in enumerate(cells) if state[cell] == 2 and semantics[cell] == labels[row, column]]
        if labels[row, column] == 255 or not fits:
            continue
        end = cells[fits[0]]
        wanted_ended[end[0]] += 1
        for cell, low, high in cells[: fits[0]]:
            wanted_crossed[cell] += 1
            wanted_passed[cell] += high - low >= least * voxel and high <= end[1] - clear * voxel + 1e-12
    assert (ended == wanted_ended).all()
    assert (passed == wanted_passed).all()
    assert (crossed == wanted_crossed).all()
    assert ended.sum() > 0
