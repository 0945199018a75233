"""Reads of part of a map: the same points as a look at all of them, and no more rows than the blocks it touches."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from occ_pipeline.schemas.product import InMemory
from occ_pipeline.stages.map_reading import map_points
from occ_pipeline.tests.stages.small_world import static_map


class Counting(InMemory):
    """Notes which rows are read."""

    def __init__(self, product: object) -> None:
        super().__init__(product)  # type: ignore[arg-type]
        self.spans: list[tuple[int, int]] = []

    def rows(self, name: str, start: int, stop: int) -> np.ndarray:
        if name == "points":
            self.spans.append((start, stop))
        return super().rows(name, start, stop)


def scattered(seed: int, count: int = 200) -> np.ndarray:
    # Quarters, so that points lie on the bounds too.
    return np.random.default_rng(seed).integers(-100, 100, (count, 3)) * 0.25


bound = st.integers(-120, 120).map(lambda v: v * 0.25)


@given(seed=st.integers(0, 2**16), low=st.tuples(bound, bound), high=st.tuples(bound, bound))
def test_points_equal_a_look_at_all(seed: int, low: tuple[float, float], high: tuple[float, float]) -> None:
    points = scattered(seed)
    made = static_map(points, np.arange(200) % 17, sweep=np.arange(200), tracks=np.arange(200) - 1, block_m=10.0)
    found = map_points(InMemory(made), low, high, 0)
    inside = np.all((made.points[:, :2] >= low) & (made.points[:, :2] < high), axis=1)
    for name in ("points", "sweep", "returns", "labels", "tracks"):
        assert (getattr(found, name) == getattr(made, name)[inside]).all(), name


def test_blocks_that_are_not_touched_are_not_read_and_neighbours_are_read_at_once() -> None:
    made = static_map(scattered(1), block_m=10.0)
    reader = Counting(made)
    map_points(reader, (-10.0, -25.0), (0.0, 25.0), 0)
    column = made.blocks[:, 0] == -1
    (first, last) = np.flatnonzero(column)[[0, -1]]
    assert reader.spans == [(int(made.block_offsets[first]), int(made.block_offsets[last + 1]))]
    reader.spans.clear()
    map_points(reader, (-15.0, -5.0), (15.0, 5.0), 0)
    assert len(reader.spans) == 4
    assert map_points(reader, (500.0, 500.0), (600.0, 600.0), 0).points.shape == (0, 3)
