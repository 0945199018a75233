"""A log that comes back to a place: each visit is a world of its own, wherever the scene is cut into parts."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import CarvedOccupancy, State
from occ_pipeline.schemas.scene import SweepPoints
from occ_pipeline.stages.densify import Densify
from occ_pipeline.stages.raycast import Raycast
from occ_pipeline.stages.reconstruct import Reconstruct
from occ_pipeline.stages.separate import Separate
from occ_pipeline.stages.visibility import Visibility
from occ_pipeline.stages.visits import MOST_VISITS, BlockVisits, near_square, runs_alike, standing, visit_spans
from occ_pipeline.tests.stages.small_world import LIDAR_MOUNT, World, digest, lattice, moved, pose, tables_of

SECOND = 1_000_000_000


def spans_of(near: str, away_s: float, step_s: float = 1.0) -> list[list[int]]:
    times = (np.arange(len(near)) * step_s * SECOND).astype(np.int64)
    return visit_spans(np.array([c == "#" for c in near]), times, away_s).tolist()


def test_visits_by_hand() -> None:
    assert spans_of("###....##", 3.0) == [[0, 4], [5, 8]]
    assert spans_of("###....##", 5.0) == [[0, 8]]
    assert spans_of("..#....#..", 3.0) == [[0, 4], [5, 9]]
    assert spans_of("###....##", 3.0, step_s=0.5) == [[0, 8]]
    assert spans_of(".....", 1.0) == [[0, 4]]
    assert spans_of("#...#...#", 2.0) == [[0, 2], [3, 6], [7, 8]]
    # Beyond what a key can hold, the last one takes the rest.
    assert spans_of("#.." * 30, 2.0)[-2:] == [[41, 43], [44, 89]]
    assert len(spans_of("#.." * 30, 2.0)) == MOST_VISITS


@given(near=st.lists(st.booleans(), min_size=1, max_size=60), away_s=st.integers(1, 8))
def test_every_sweep_has_one_visit_and_a_visit_has_no_long_gap(near: list[bool], away_s: int) -> None:
    there, times = np.array(near), np.arange(len(near)) * SECOND
    spans = visit_spans(there, times, float(away_s))
    assert [int(standing(spans, sweep).sum()) for sweep in range(len(near))] == [1] * len(near)
    sweeps = np.flatnonzero(there)
    for a, b in itertools.pairwise(sweeps.tolist()):
        together = np.argmax(standing(spans, a)) == np.argmax(standing(spans, b))
        assert together == (b - a <= away_s) or len(spans) == MOST_VISITS


@given(
    spans=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), min_size=0, max_size=6),
    steps=st.lists(st.integers(1, 5), min_size=1, max_size=8), start=st.integers(0, 9),
)  # fmt: skip
def test_runs_are_cut_where_another_visit_begins(spans: list[tuple[int, int]], steps: list[int], start: int) -> None:
    both = np.array([(a, a + length) for a, length in spans], np.int32).reshape(-1, 2)
    sweeps = np.cumsum(steps).astype(np.int32)
    runs = runs_alike(range(start, start + len(sweeps)), sweeps, both)
    assert [frame for run in runs for frame in run] == list(range(start, start + len(sweeps)))
    for run in runs:
        now = [standing(both, int(sweeps[frame - start])).tolist() for frame in run]
        assert all(each == now[0] for each in now)


def test_blocks_of_a_square_share_their_visits() -> None:
    """Out along x and back after a while, at 10 m a second."""
    x = np.concatenate([np.arange(0, 400, 10), np.arange(400, -10, -10)]).astype(np.float64)
    places, times = np.stack([x, np.zeros(len(x))], axis=1), np.arange(len(x)) * SECOND
    visits = BlockVisits(places, times, block_m=10.0, reach_m=30.0, away_s=20.0)
    assert visits.span(0, 0, 0) == visits.span(4, -5, 0)
    for sweep in range(len(x)):
        blocks = np.array([(int(x[sweep] // 10) + dx, dy) for dx in (-3, 0, 2) for dy in (-3, 2)])
        for (bx, by), number in zip(blocks.tolist(), visits.numbers(sweep, blocks).tolist(), strict=True):
            first, last = visits.span(bx, by, number)
            assert first <= sweep <= last
    # Near the turn the square is never out of reach for long; near the start it is seen twice.
    assert visits.numbers(len(x) - 1, np.array([[0, 0]])).tolist() == [1]
    assert visits.numbers(45, np.array([[38, 0]])).tolist() == [0]


def test_near_is_the_distance_to_the_square() -> None:
    places = np.array([(5.0, 5.0), (-3.0, 5.0), (-3.0, -4.0), (13.0, 14.0), (-5.0, 5.0)])
    assert near_square(places, np.zeros(2), 10.0, 5.0).tolist() == [True, True, False, False, False]


VISIT, AWAY, DRIFT_M = 9, 24, 0.8
"""Sweeps of each visit, and of the way round between; by how much the poses are off when the log is back."""
KEYS = (3, 5, 7, 20, VISIT + AWAY + 3, VISIT + AWAY + 8)
GRID = VoxelGrid.from_range((0.0, -6.4, -0.4, 16.0, 6.4, 3.6), 0.4)
CAR = (6.6, 3.0)
WALL_Y = -5.0


def loop(*, back: bool = True) -> World:
    """A street with a wall and a parked car, which is gone when the log is back; ``back``: whether it comes back."""
    ground = lattice((-2, -8, 0.0), (18, 8, 0.0), 0.25) + 0.03
    wall = lattice((0, WALL_Y, 0.3), (16, WALL_Y, 2.5), 0.2) + 0.03
    behind = lattice((16.5, -8, 0.3), (16.5, 8, 3), 0.2) + 0.03
    car = lattice((CAR[0], CAR[1] - 0.8, 0.4), (CAR[0], CAR[1] + 0.8, 1.6), 0.1)
    hidden = np.abs(behind[:, 1] - CAR[1] * 16.5 / CAR[0]) < 2.5
    ego, sweeps = [], []
    for sweep in range(2 * VISIT + AWAY if back else VISIT + AWAY):
        away = VISIT <= sweep < VISIT + AWAY
        again = sweep >= VISIT + AWAY
        true = pose(300.0 if away else 0.02 * (sweep % 5), 0.0, 0.0)
        seen = [ground, wall, behind] if again else [ground, wall, behind[~hidden], car]
        points = moved(np.concatenate([ground] if away else seen), np.linalg.inv(pose(0.02 * (sweep % 5), 0, 0)))
        returns = moved(points, np.linalg.inv(LIDAR_MOUNT)).astype(np.float32)
        sweeps.append(SweepPoints(returns, None, None))
        ego.append(pose(0.0, DRIFT_M if again else 0.0, 0.0) @ true)
    tables = tables_of(ego, [k for k in KEYS if k < len(ego)], step_s=1.0, labelled=False)
    return World(tables, sweeps, {CameraTables: CameraTables.none("small", tables.frame_tokens)})


def labelled(
    world: World, revisit_s: float = 20.0, sweeps_per_part: int = 9, frames_per_part: int = 4
) -> CarvedOccupancy:
    world.run(Separate(range_m=30.0, revisit_s=revisit_s, sweeps_per_part=sweeps_per_part))
    world.run(Reconstruct(least_tile_points=1000, cell_m=0.5))
    world.run(Densify(grid=GRID, frames_per_part=frames_per_part))
    world.run(Raycast(range_m=30.0, revisit_s=revisit_s, clear_of_sensor_m=1.0))
    (made,) = world.run(Visibility(frames_per_part=frames_per_part, carve_votes=8))
    return cast("CarvedOccupancy", made)


@pytest.fixture(scope="module")
def twice() -> CarvedOccupancy:
    return labelled(loop())


@pytest.fixture(scope="module")
def as_one() -> CarvedOccupancy:
    return labelled(loop(), revisit_s=1e6)


def occupied(made: CarvedOccupancy, frame: int, x: float, y: float, z: float = 1.0) -> bool:
    voxel = GRID.index(np.array([[x, y, z]]))[0][0]
    return bool(made.state[(frame, *voxel)] == State.OCCUPIED)


def test_a_parked_car_stands_in_the_visit_that_saw_it_and_in_no_other(
    twice: CarvedOccupancy, as_one: CarvedOccupancy
) -> None:
    assert [occupied(twice, frame, *CAR) for frame in range(len(KEYS))] == [True] * 3 + [False] * 3
    # One world for both: what passed through later carves the car, or it stays where it is no longer.
    kept = [occupied(as_one, frame, *CAR) for frame in (0, 1, 2, 4, 5)]
    assert kept != [True] * 3 + [False] * 2


def test_a_wall_stands_once_in_each_visit_for_all_that_poses_drifted(
    twice: CarvedOccupancy, as_one: CarvedOccupancy
) -> None:
    layers = [
        int((made.state[f, 10, :6, 3] == State.OCCUPIED).sum()) for made in (twice, as_one) for f in (0, 1, 2, 4, 5)
    ]
    assert layers[:5] == [1] * 5
    assert max(layers[5:]) > 1


@pytest.mark.parametrize(("sweeps_per_part", "frames_per_part"), [(7, 1), (64, 6)])
def test_where_parts_are_cut_changes_no_byte(
    twice: CarvedOccupancy, sweeps_per_part: int, frames_per_part: int
) -> None:
    cut = labelled(loop(), sweeps_per_part=sweeps_per_part, frames_per_part=frames_per_part)
    assert digest([cut]) == digest([twice])


def test_a_visit_does_not_depend_on_whether_the_log_comes_back(twice: CarvedOccupancy) -> None:
    once = labelled(loop(back=False))
    first = {name: getattr(twice, name)[:3] for name in ("state", "semantics", "body", "mask_lidar")}
    for name, rows in first.items():
        assert (getattr(once, name)[:3] == rows).all(), name
    assert replace(once, frame_tokens=[]).state[:3].any()
