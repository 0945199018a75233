"""Images of ranges against loops over all returns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from occ_pipeline.stages.kernels.range_image import COLUMNS, LEAST_AROUND, NOTHING, ROWS, draw_ranges, look

CLEAR_M = 2.5


def slow_pixel(place: np.ndarray) -> tuple[int, int, float]:
    distance = float(np.linalg.norm(place))
    azimuth, elevation = np.degrees(np.arctan2(place[1], place[0])), np.degrees(np.arcsin(place[2] / distance))
    return int((azimuth + 180.0) / 360.0 * COLUMNS) % COLUMNS, int(np.floor(elevation / 0.5 + ROWS / 2)), distance


def slow_image(points: np.ndarray) -> dict[tuple[int, int], float]:
    nearest: dict[tuple[int, int], float] = {}
    for place in points:
        column, row, distance = slow_pixel(place)
        if distance >= CLEAR_M and 0 <= row < ROWS:
            nearest[column, row] = min(nearest.get((column, row), np.inf), distance)
    return nearest


def slow_look(place: np.ndarray, image: dict[tuple[int, int], float]) -> str:
    column, row, distance = slow_pixel(place)
    around = [
        image[pixel]
        for c in (-1, 0, 1)
        for r in (-1, 0, 1)
        if (pixel := ((column + c) % COLUMNS, row + r)) in image
    ]  # fmt: skip
    margin = 0.3 + 0.02 * distance
    if any(abs(seen - distance) <= margin for seen in around):
        return "there"
    return "through" if len(around) >= LEAST_AROUND and all(seen > distance + margin for seen in around) else ""


def drawn(points: np.ndarray) -> np.ndarray:
    image = np.full((COLUMNS, ROWS), NOTHING, np.float32)
    draw_ranges(points, CLEAR_M, image)
    return image


@given(seed=st.integers(0, 10_000))
def test_equal_to_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # A patch of a few pixels, so that they fill, across the seam where azimuths turn over, and one that leaves the image.
    turn, tilt = rng.choice([0.0, np.pi, 2.0]), rng.choice([0.0, 0.6])
    azimuth, elevation = turn + rng.uniform(-0.03, 0.03, 80), tilt + rng.uniform(-0.03, 0.03, 80)
    distance = rng.choice([1.0, 8.0, 8.4, 8.9, 20.0], 80) + rng.uniform(0, 0.1, 80)
    places = distance[:, None] * np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=1
    )
    returns, asked = places[:50], places[50:]
    image, expected = drawn(returns), slow_image(returns)
    assert {tuple(p) for p in np.argwhere(image != NOTHING).tolist()} == set(expected)
    for pixel, distance_m in expected.items():
        assert image[pixel] == pytest.approx(distance_m, rel=1e-6)
    through, there = np.zeros((2, len(asked)), np.int16)
    look(asked, image, 0.3, 0.02, through, there)
    said = [slow_look(place, expected) for place in asked]
    assert through.tolist() == [word == "through" for word in said]
    assert there.tolist() == [word == "there" for word in said]


def wall(x: float) -> np.ndarray:
    y, z = np.meshgrid(np.arange(-2, 2, 0.02), np.arange(-1, 1, 0.02))
    return np.stack([np.full(y.size, x), y.ravel(), z.ravel()], axis=1)


@pytest.mark.parametrize(("x", "says"), [(5.0, (1, 0)), (9.8, (0, 1)), (12.0, (0, 0))])
def test_a_wall_was_looked_through_up_to_it_met_at_it_and_hides_what_is_behind(x: float, says: tuple[int, int]) -> None:
    through, there = np.zeros((2, 1), np.int16)
    look(np.array([[x, 0.0, 0.0]]), drawn(wall(10.0)), 0.3, 0.02, through, there)
    assert (int(through[0]), int(there[0])) == says


def test_where_nothing_was_seen_nothing_is_told() -> None:
    through, there = np.zeros((2, 2), np.int16)
    look(np.array([[0.0, 5.0, 0.0], [0.0, 0.0, 5.0]]), drawn(wall(10.0)), 0.3, 0.02, through, there)
    assert not through.any()
    assert not there.any()
