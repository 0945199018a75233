"""Scans laid over each other, against a restatement return by return, and the trail of a car that drives through."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import Body, State, VotedOccupancy
from occ_pipeline.schemas.scene import PointKind, SweepPoints
from occ_pipeline.schemas.taxonomy import NO_LABEL
from occ_pipeline.stages.scan_votes import ScanVotes
from occ_pipeline.tests.stages.slow_sight import hidden_slowly
from occ_pipeline.tests.stages.small_world import CAR, LIDAR_MOUNT, ROAD, World, digest, moved, pose, tables_of

GOLDEN = (1, "7756f0f1a462f53f1be05208189299f001d6595adf6de397812dd9e22c33c5fd")
GRID = VoxelGrid.from_range((-1.0, -3.0, -1.0, 5.0, 3.0, 1.0), 0.5, "lidar")
SMALL = {
    "grid": GRID, "later_scans": 2, "earlier_scans": 1, "least_range_m": 0.8, "most_range_m": 4.0,
    "ego_rectangle_m": (-1.1, -0.6, 1.3, 0.9), "frames_per_part": 2,
}  # fmt: skip


def cloud(seed: int, *, labelled: bool = True) -> SweepPoints:
    """Returns all around, in few places, so that voxels hold several of different labels and kinds."""
    rng = np.random.default_rng(seed)
    places = rng.uniform((-5, -5, -1.4), (5, 5, 1.4), (40, 3))
    points = (places[rng.integers(0, len(places), 200)] + rng.normal(0, 0.12, (200, 3))).astype(np.float32)
    if not labelled:
        return SweepPoints(points, None, None)
    labels = rng.choice([1, CAR, ROAD, NO_LABEL], 200).astype(np.uint8)
    return SweepPoints(points, labels, rng.choice(list(PointKind), 200, p=(0.6, 0.1, 0.1, 0.2)).astype(np.uint8))


def random_world() -> World:
    """Five key frames of nine sweeps, turning; what is between key frames is not used, and one of them has no labels."""
    ego = [pose(10 + 0.4 * i, 20 - 0.1 * i, 3 + 0.02 * i, 0.3 + 0.11 * i) for i in range(9)]
    return World(tables_of(ego, range(0, 9, 2)), [cloud(seed, labelled=seed != 4) for seed in range(9)])


def made(world: World, order: list[int] | None = None, **parameters: object) -> VotedOccupancy:
    (product,) = world.run(ScanVotes(**parameters), order)  # type: ignore[arg-type]
    assert isinstance(product, VotedOccupancy)
    return product


def candidate(sweep: SweepPoints, point: int) -> tuple[int, int] | None:
    """What a return votes for, in order of who wins ties; None for nothing."""
    if sweep.labels is None or sweep.kinds is None:
        return None
    if sweep.kinds[point] == PointKind.NOISE:
        return (0, 1)
    if sweep.labels[point] == NO_LABEL:
        return (0, 0)
    return (2 if sweep.kinds[point] == PointKind.MOVING else 1, int(sweep.labels[point]))


def kept(sweep: SweepPoints, point: int, stage: ScanVotes) -> bool:
    x, y, _ = LIDAR_MOUNT[:3, :3] @ sweep.points[point]
    x0, y0, x1, y1 = stage.ego_rectangle_m
    inside = x0 < x < x1 and y0 < y < y1
    near = stage.least_range_m <= np.linalg.norm(sweep.points[point]) <= stage.most_range_m
    return near and not inside and not (sweep.kinds is not None and sweep.kinds[point] == PointKind.EGO)


def slowly(world: World, stage: ScanVotes, frame: int) -> dict[str, np.ndarray]:
    """The product's arrays for one key frame, return by return."""
    tables, grid = world.tables, stage.grid
    own = int(tables.key_sweeps[frame])
    world_SE3_grid = tables.world_SE3_lidar(own) if grid.frame == "lidar" else tables.world_SE3_ego[own]
    votes: dict[tuple[int, int, int], Counter[tuple[int, int]]] = {}
    places = []
    for other in range(max(frame - stage.earlier_scans, 0), min(frame + stage.later_scans + 1, len(tables.key_sweeps))):
        sweep = int(tables.key_sweeps[other])
        grid_SE3_lidar = np.linalg.inv(world_SE3_grid) @ tables.world_SE3_lidar(sweep)
        places.append((other, (grid_SE3_lidar[:3, 3] - grid.min_m) / grid.voxel_m))
        voxels, inside = grid.index(moved(world.sweeps[sweep].points, grid_SE3_lidar))
        for point in np.flatnonzero(inside).tolist():
            if kept(world.sweeps[sweep], point, stage):
                found = votes.setdefault(tuple(voxels[point].tolist()), Counter())
                voted = candidate(world.sweeps[sweep], point)
                found.update([] if voted is None else [voted])
    occupied, semantics = np.zeros(grid.shape, bool), np.full(grid.shape, NO_LABEL, np.uint8)
    for voxel, counted in votes.items():
        occupied[voxel] = True
        kind, label = min(counted, key=lambda c: (-counted[c], c)) if counted else (0, 0)
        semantics[voxel] = label if kind else NO_LABEL
    hidden = np.logical_and.reduce([hidden_slowly(occupied, sensor) for _, sensor in places])
    known = np.where(occupied, State.OCCUPIED, State.FREE)
    return {
        "state": np.where(hidden, State.UNKNOWN, known), "semantics": semantics,
        "body": np.where(occupied, Body.STATIC, Body.NONE), "mask_lidar": ~hidden, "mask_camera": ~hidden,
        "occluded": occupied | hidden_slowly(occupied, dict(places)[frame]),
    }  # fmt: skip


@pytest.mark.parametrize("frame", ["lidar", "ego"])
def test_return_by_return(frame: str) -> None:
    world = random_world()
    parameters = SMALL | {"grid": dataclasses.replace(GRID, frame=frame)}
    found, stage = made(world, **parameters), ScanVotes(**parameters)  # type: ignore[arg-type]
    assert found.frame_tokens == world.tables.frame_tokens
    for k in range(5):
        for name, wanted in slowly(world, stage, k).items():
            assert (getattr(found, name)[k] == wanted).all(), (k, name)
    assert {0, 1, 2} == set(np.unique(found.state))
    assert {1, CAR, ROAD, NO_LABEL} == set(np.unique(found.semantics[found.state == State.OCCUPIED]))


@pytest.mark.parametrize(
    ("votes", "winner"),
    [
        ([(CAR, PointKind.USUAL)] * 3 + [(255, PointKind.NOISE)] * 2 + [(255, PointKind.USUAL)] * 2, CAR),
        ([(ROAD, PointKind.USUAL)] * 3 + [(CAR, PointKind.MOVING)] * 2 + [(CAR, PointKind.USUAL)] * 2, ROAD),
        ([(CAR, PointKind.MOVING)] * 2 + [(ROAD, PointKind.USUAL)] * 2, ROAD),
        ([(CAR, PointKind.USUAL), (255, PointKind.NOISE)], NO_LABEL),
    ],
    ids=[
        "nothing known apart from noise",
        "moving apart from standing",
        "ties to the lowest raw label",
        "noise below classes",
    ],
)
def test_what_votes_apart(votes: list[tuple[int, PointKind]], winner: int) -> None:
    labels, kinds = np.array(votes, np.uint8).T
    sweep = SweepPoints(np.full((len(votes), 3), (2.3, 1.3, 0.3), np.float32), labels, kinds)
    found = made(World(tables_of([pose(0, 0, 0)], [0]), [sweep]), **(SMALL | {"grid": GRID}))
    assert found.semantics[found.state == State.OCCUPIED].tolist() == [winner]


def test_parts_change_nothing() -> None:
    whole = digest([made(random_world(), **SMALL)])
    for parts in (1, 3, 9):
        order = list(reversed(range(-(-5 // parts))))
        assert digest([made(random_world(), order, **(SMALL | {"frames_per_part": parts}))]) == whole


def test_each_scan_is_read_once_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    world, read = random_world(), []
    monkeypatch.setattr(World, "sweep", lambda self, index: read.append(index) or self.sweeps[index])
    made(world, **(SMALL | {"frames_per_part": 3}))
    assert read == [0, 2, 4, 6, 8, 4, 6, 8]


def test_what_drives_leaves_a_trail_that_hides_what_is_behind() -> None:
    """A car crosses, 0.5 m a frame: where it will be is occupied, of its class, and what is behind is unknown."""
    heights = (-0.7, -0.2, 0.3, 0.8)
    sweeps = []
    for k in range(6):
        points = np.array([(2.3, 0.5 * k - 1.25, z) for z in heights], np.float32)
        sweeps.append(
            SweepPoints(points, np.full(len(points), CAR, np.uint8), np.full(len(points), PointKind.MOVING, np.uint8))
        )
    world = World(tables_of([pose(5, 6, 1)] * 6, range(6)), sweeps)
    found = made(world, grid=GRID, least_range_m=0.5)
    trail = found.state[0, 6] == State.OCCUPIED
    assert trail.tolist() == [[3 <= y < 9] * 4 for y in range(12)]
    assert (found.semantics[0, 6][trail] == CAR).all()
    assert (found.state[0, 7:, 6] == State.UNKNOWN).all(), "behind the middle of the trail"
    # At the scene's end no later scan is left: the car alone stands there.
    last = np.argwhere(found.state[5] == State.OCCUPIED)
    assert np.unique(last[:, 1]).tolist() == [8]
    assert (found.state[5, 7:, 2] == State.FREE).all()


def test_a_scene_without_returns_is_free() -> None:
    world = World(tables_of([pose(0, 0, 0)], [0]), [SweepPoints(np.zeros((0, 3), np.float32), None, None)])
    found = made(world, grid=GRID)
    assert (found.state == State.FREE).all()
    assert not found.occluded.any()


def test_golden() -> None:
    assert (ScanVotes.version, digest([made(random_world(), **SMALL)])) == GOLDEN
