"""Ray traversal against an obvious restatement: a cell is crossed when the segment's parts in its three slabs overlap."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.schemas.ray_counts import LEAST_OF_LEVEL, LEVEL_OF_COUNT, MOST
from occ_pipeline.stages.kernels.rays import FULL, cast

SHAPE = (6, 5, 4)


def cells_on(start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(X, Y, Z) bool each: cells that share a length with a segment, and those it at least touches, cell by cell."""
    shared = np.zeros(SHAPE)
    step = stop - start
    for cell in itertools.product(*map(range, SHAPE)):
        low, high = 0.0, 1.0
        for axis in range(3):
            if step[axis] == 0:
                if not cell[axis] <= start[axis] < cell[axis] + 1:
                    high = -1.0
                continue
            bounds = sorted([(cell[axis] - start[axis]) / step[axis], (cell[axis] + 1 - start[axis]) / step[axis]])
            low, high = max(low, bounds[0]), min(high, bounds[1])
        shared[cell] = high - low
    return shared > 1e-9, shared > -1e-9


def counts(origin: np.ndarray, returns: np.ndarray, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    crossed, hits = np.zeros(SHAPE, np.uint16), np.zeros(SHAPE, np.uint16)
    cast(crossed, hits, origin, returns, start, end)
    return crossed, hits


place = st.tuples(*(st.floats(-3, size + 3).map(lambda v: round(v, 2) + 0.0037) for size in SHAPE))


@settings(max_examples=300, deadline=None)
@given(place, st.lists(place, min_size=1, max_size=4), st.floats(0, 2), st.floats(0, 2))
def test_crossed_cells_equal_the_restatement(
    origin: tuple[float, ...], returns: list[tuple[float, ...]], start: float, end: float
) -> None:
    sensor, hit = np.array(origin), np.array(returns)
    crossed, hits = counts(sensor, hit, start, end)
    least, most, wanted_hits = np.zeros(SHAPE, int), np.zeros(SHAPE, int), np.zeros(SHAPE, int)
    for point in hit:
        length = np.linalg.norm(point - sensor)
        if length > start + end:
            ends = sensor + (point - sensor) * start / length, point - (point - sensor) * end / length
            crosses, touches = cells_on(*ends)
            least, most = least + crosses, most + touches
        cell = np.floor(point).astype(int)
        if (cell >= 0).all() and (cell < SHAPE).all():
            wanted_hits[tuple(cell)] += 1
    assert (hits == wanted_hits).all()
    # A ray that leaves a cell through an edge or a corner goes on by a neighbour that it only touches.
    assert (crossed >= least).all()
    assert (crossed <= most).all()


def test_a_ray_along_an_axis() -> None:
    crossed, hits = counts(np.array([-2.0, 2.5, 1.5]), np.array([[4.5, 2.5, 1.5]]), 0.0, 1.0)
    assert np.argwhere(crossed).tolist() == [[x, 2, 1] for x in range(4)]
    assert np.argwhere(hits).tolist() == [[4, 2, 1]]


def test_nothing_is_told_of_the_way_to_a_return_that_is_too_near() -> None:
    crossed, hits = counts(np.array([1.0, 1.0, 1.0]), np.array([[2.2, 1.0, 1.0]]), 0.7, 0.7)
    assert crossed.sum() == 0
    assert hits.sum() == 1


def test_counts_stop_where_they_are_full() -> None:
    crossed, hits = np.full(SHAPE, FULL - 1, np.uint16), np.full(SHAPE, FULL, np.uint16)
    cast(crossed, hits, np.array([0.5, 0.5, 0.5]), np.full((3, 3), 0.5) + [[4.0, 0, 0]] * 3, 0.0, 0.0)
    assert crossed[1, 0, 0] == FULL
    assert hits[4, 0, 0] == FULL


def test_levels() -> None:
    assert len(LEVEL_OF_COUNT) == MOST + 1
    assert LEAST_OF_LEVEL[:6].tolist() == [0, 1, 2, 3, 4, 6]
    least = LEAST_OF_LEVEL[LEVEL_OF_COUNT]
    count = np.arange(MOST + 1)
    assert (least <= count).all()
    assert (count[1:] < least[1:] * 2).all()
    assert (LEVEL_OF_COUNT[LEAST_OF_LEVEL] == np.arange(len(LEAST_OF_LEVEL))).all(), (
        "a level's own count is of that level"
    )
