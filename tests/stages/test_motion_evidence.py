"""Moving objects found without a label, by sweeps that looked through the place they are at."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np
import pytest
from occ_pipeline.schemas.moving_objects import MovingObjects
from occ_pipeline.schemas.scene import PointKind, SweepPoints
from occ_pipeline.stages.motion_evidence import OtherSweeps, sureness
from occ_pipeline.stages.moving_objects import FindMovingObjects
from occ_pipeline.stages.object_sightings import Sighting
from occ_pipeline.tests.stages.small_world import LIDAR_MOUNT, World, digest, lattice, moved, pose, tables_of

SWEEPS, STEP_S = 20, 0.1
SIZES = {"car": (4.0, 1.8, 1.5), "person": (0.6, 0.6, 1.8)}
GOLDEN = (2, [[8.0, -4.0, 0.94], [-11.99, 5.96, 0.8]])
"""The stage's version, and first places of the person and of the car, metres."""


def box(size: tuple[float, float, float]) -> np.ndarray:
    """Points on the sides and the roof of a box at the origin."""
    x, y, z = (np.array(size) / 2).tolist()
    sides = [lattice((s, -y, -z), (s, y, z), 0.05) for s in (-x, x)]
    sides += [lattice((-x, s, -z), (x, s, z), 0.05) for s in (-y, y)]
    return np.concatenate([*sides, lattice((-x, -y, z), (x, y, z), 0.05)])


def at(name: str, sweep: int) -> np.ndarray:
    """``world_SE3_box`` of what moves: a car overtakes, a person crosses the road."""
    t = sweep * STEP_S
    return pose(-12.0 + 8.0 * t, 6.0, 0.85) if name == "car" else pose(8.0, -4.0 + 1.5 * t, 1.0, np.pi / 2)


def seen(points: np.ndarray, lidar: np.ndarray) -> np.ndarray:
    """What a LiDAR with a beam every 0.4 degrees, in rows of 0.8, sees of points, in its own frame: the nearest in each."""
    local = moved(points, np.linalg.inv(lidar))
    distance = np.linalg.norm(local, axis=1)
    azimuth, elevation = np.arctan2(local[:, 1], local[:, 0]), np.arcsin(local[:, 2] / distance)
    beam = np.floor(np.degrees([azimuth / 0.4, elevation / 0.8])).astype(int)
    order = np.lexsort((distance, *beam))
    first = np.flatnonzero(np.any(np.diff(beam[:, order], axis=1, prepend=10**6), axis=0))
    return local[order[first]].astype(np.float32)


def street(names: tuple[str, ...] = ("car", "person"), shift: float = 0.0) -> World:
    """Ground between two walls, a parked car, a pole, and what moves."""
    still = [
        lattice((-20, -10, 0), (25, 10, 0), 0.2),
        *(lattice((-20, y, 0), (25, y, 3), 0.1) for y in (-10.0, 10.0)),
        *(lattice((x, -10, 0), (x, 10, 3), 0.1) for x in (-20.0, 25.0)),
        moved(box(SIZES["car"]), pose(12.0, 5.0, 0.85)),
        lattice((5.0, 3.0, 0), (5.1, 3.1, 4.0), 0.05),
    ]
    ego = [pose(0.5 * s, shift, 0.0) for s in range(SWEEPS)]
    sweeps = []
    for s in range(SWEEPS):
        things = [moved(box(SIZES[name]), at(name, s)) for name in names]
        points = moved(np.concatenate([*still, *things]), pose(0, shift, 0))
        sweeps.append(SweepPoints(seen(points, ego[s] @ LIDAR_MOUNT), None, None, 0, None))
    return World(tables_of(ego, range(SWEEPS), step_s=STEP_S), sweeps)


@pytest.fixture(scope="module")
def world() -> World:
    return street()


def found(made: World, **parameters: Any) -> MovingObjects:
    return cast("MovingObjects", made.run(FindMovingObjects(**parameters))[0])


def test_what_moves_is_found_where_it_is_and_nothing_else(world: World) -> None:
    made = found(world)
    assert made.track_classes == [255, 255]
    assert made.track_sureness.min() > 0.8
    for track, name in enumerate(("person", "car")):
        mine = made.box_track == track
        assert np.count_nonzero(mine) >= SWEEPS - 4
        assert made.box_size_m[mine][0] == pytest.approx(SIZES[name], abs=0.35)
        for sweep, pose_found in zip(made.box_sweep[mine].tolist(), made.world_SE3_box[mine], strict=True):
            assert np.linalg.norm((pose_found - at(name, sweep))[:2, 3]) < 0.4, (name, sweep)
    assert made.sweep_boxed.sum() > 0.95 * made.sweep_points.sum() > 0


def test_where_nothing_moves_nothing_is_found() -> None:
    made = found(street(()))
    assert made.track_tokens == []
    assert int(made.sweep_boxed.sum()) == 0


def test_parts_and_far_worlds_change_nothing(world: World) -> None:
    assert len({digest([found(world, sweeps_per_part=n)]) for n in (7, 50)}) == 1
    near, far = found(world), found(street(shift=4096.0))
    assert far.track_tokens == near.track_tokens
    assert far.world_SE3_box[:, 1, 3] - 4096.0 == pytest.approx(near.world_SE3_box[:, 1, 3], abs=2e-2)


def test_how_far_and_how_sure_are_asked_for(world: World) -> None:
    # The person gets 2.9 m far, the car 15 m.
    assert len(found(world, least_way_m=8.0).track_tokens) == 1
    least = float(np.float64(found(world).track_sureness.min())) + 1e-3
    assert len(found(world, least_sureness=least).track_tokens) == 1
    assert found(world, enabled=False).track_tokens == []


def test_labels_that_tell_what_moves_are_heeded_and_others_are_not(world: World) -> None:
    """A log whose labels have moving classes has no moving object where these label none; rays tell where they cannot."""
    labelled = [
        dataclasses.replace(s, labels=np.zeros(len(s.points), np.uint8), kinds=np.zeros(len(s.points), np.uint8),
                            instances=np.zeros(len(s.points), np.int32))
        for s in world.sweeps
    ]  # fmt: skip
    files = [f"{s}.label" for s in range(SWEEPS)]
    for kinds, tracks in (([0, int(PointKind.MOVING)], 0), ([0, 0], 2)):
        tables = dataclasses.replace(world.tables, label_files=files, label_classes=[0, 0], label_kinds=kinds)
        assert len(found(World(tables, labelled)).track_tokens) == tracks


def test_sweeps_that_are_asked_are_those_near_the_times(world: World) -> None:
    others = OtherSweeps(world, (0.3, 0.5))
    assert others.asked(10) == [5, 7, 13, 15]
    assert others.asked(0) == [3, 5]
    gap = dataclasses.replace(
        world.tables, timestamps_ns=world.tables.timestamps_ns + np.int64(10**8) * (np.arange(SWEEPS) > 12)
    )
    assert OtherSweeps(World(gap, world.sweeps), (0.3, 0.5)).asked(10) == [5, 7, 14]


def sighting(sweep: int, x: float, y: float, share: float, class_id: int = 255) -> Sighting:
    return Sighting(sweep, class_id, 0, 10, np.array([[x - 1, y - 1], [x + 1, y + 1]]), 0.0, 1.0, share)


def test_sureness_is_the_lesser_share() -> None:
    times = (np.arange(31) * 1e8).astype(np.int64)
    straight = [sighting(s, 0.5 * s, 0.0, 0.9) for s in range(30)]
    assert sureness(straight, times) == pytest.approx(0.9)
    # To and fro: 0.5 m a sweep, of which a second brings it nowhere.
    wandering = [sighting(s, 0.5 * (s % 2), 0.0, 0.9) for s in range(31)]
    assert sureness(wandering, times) == pytest.approx(0.0)
    # Around a corner after a second: straight within each.
    bend = [sighting(s, 0.5 * min(s, 10), 0.5 * max(s - 10, 0), 0.9) for s in range(21)]
    assert sureness(bend, times) == pytest.approx(0.9)
    assert sureness([sighting(s, 0.0, 0.0, 0.1, class_id=3) for s in range(3)], times) == 1.0


def test_golden(world: World) -> None:
    made = found(world)
    first = [made.world_SE3_box[made.box_track == track][0, :3, 3].round(2).tolist() for track in (0, 1)]
    assert (FindMovingObjects.version, first) == GOLDEN
