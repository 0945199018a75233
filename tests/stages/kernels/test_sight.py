"""What a sensor does not see, against the definition: every ray against every occupied voxel."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from occ_pipeline.stages.kernels.sight import FREE_WAY, distances, empty, keep_hidden, obstacle
from occ_pipeline.tests.stages.slow_sight import hidden_slowly


def hidden(occupied: np.ndarray, sensor: Sequence[float]) -> np.ndarray:
    voxels = empty(occupied)
    kept = keep_hidden(distances(occupied), voxels, np.array(sensor, dtype=np.float64))
    found = np.zeros(occupied.shape, dtype=bool)
    found[tuple(voxels[:kept].T)] = True
    return found


def random_grid(seed: int, shape: tuple[int, int, int] = (9, 7, 5), share: float = 0.12) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < share


SENSORS = [
    (0.0, 4.0, 2.0), (4.0, 3.5, 2.5), (4.5, 3.5, 2.5), (4.13, 3.61, 2.47), (-3.2, 2.9, 6.1), (12.0, -4.0, 1.0), (4.5, 3.5, 40.0),
    (8.99, 0.01, 4.2), (9.0, 7.0, 5.0),
]  # fmt: skip
"""On corners, faces and centres of voxels, in them, and outside: rays then run along faces, edges and through corners."""


@pytest.mark.parametrize("sensor", SENSORS, ids=str)
def test_every_ray_against_every_voxel(sensor: tuple[float, float, float]) -> None:
    grids = [random_grid(1), random_grid(2, share=0.03), random_grid(3, (4, 12, 3), 0.3)]
    for occupied in grids:
        assert (hidden(occupied, sensor) == hidden_slowly(occupied, sensor)).all()
    assert 0 < hidden(grids[0], sensor).sum() < (~grids[0]).sum()


def test_leaps_over_empty_space_pass_nothing_by() -> None:
    """Single voxels and a thin wall in a grid that is mostly empty: nearly all of a ray's way is leapt."""
    occupied = np.zeros((40, 31, 9), dtype=bool)
    occupied[[30, 7, 21], [5, 16, 28], [2, 7, 4]] = True
    occupied[14, 9:12, 1:6] = True
    for sensor in ((0.0, 15.5, 4.0), (38.3, 2.2, 8.1), (-9.7, 60.1, 3.3)):
        assert (hidden(occupied, sensor) == hidden_slowly(occupied, sensor)).all()


def test_the_order_and_number_of_voxels_asked_change_nothing() -> None:
    occupied = random_grid(5, (11, 9, 6))
    away, sensor = distances(occupied), np.array([3.3, 8.1, 2.2])
    whole = hidden(occupied, sensor)
    for seed in range(3):
        some = empty(occupied)
        some = some[np.sort(np.random.default_rng(seed).permutation(len(some))[: len(some) // 3])]
        asked = some.copy()
        kept = asked[: keep_hidden(away, asked, sensor)]
        assert kept.tolist() == some[whole[tuple(some.T)]].tolist()


def test_what_the_sensor_lies_in_hides_nothing_and_stays_as_it_was() -> None:
    occupied = np.zeros((5, 5, 5), dtype=bool)
    occupied[2, 2, 2] = True
    away = distances(occupied)
    for sensor in ((2.5, 2.5, 2.5), (2.0, 2.5, 2.5), (3.0, 3.0, 3.0), (2.0, 2.0, 3.0 - 1e-9)):
        assert not hidden(occupied, sensor).any()
    assert (away == distances(occupied)).all()
    assert hidden(occupied, (2.5, 2.5, 3.01)).any()


def test_distances() -> None:
    for seed, share in ((0, 0.3), (1, 0.02), (2, 0.0)):
        occupied = random_grid(seed, (8, 10, 3), share)
        wanted = np.full(occupied.shape, 253)
        for x, y, z in itertools.product(*map(range, occupied.shape)):
            there = np.argwhere(occupied[:, :, z])
            if len(there):
                wanted[x, y, z] = np.abs(there - (x, y)).max(axis=1).min()
        assert (distances(occupied) == wanted).all()


def test_a_stop_lies_in_an_occupied_voxel() -> None:
    occupied = random_grid(7, (12, 12, 6), 0.05)
    rng, away, stopped = np.random.default_rng(0), distances(occupied), 0
    for _ in range(200):
        start = rng.integers(0, occupied.shape, 3) + 0.5
        step = rng.uniform(-12, 12, 3)
        share = obstacle(away, *start, *step)
        if share != FREE_WAY:
            stopped += 1
            assert occupied[tuple(np.floor(start + share * step).astype(int))]
    assert 20 < stopped < 180
