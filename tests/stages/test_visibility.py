"""Free, occupied, unknown in a street that is a wall, a pole, a car that drove by and one that stands there now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.object_clouds import Motion
from occ_pipeline.schemas.occupancy import Body, CarvedOccupancy, State, SurfaceOccupancy
from occ_pipeline.schemas.ray_counts import LEAST_OF_LEVEL, RayCounts
from occ_pipeline.schemas.scene import SweepPoints
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.stages.raycast import Raycast
from occ_pipeline.stages.visibility import Visibility
from occ_pipeline.tests.stages.small_world import (
    CAR,
    LIDAR_MOUNT,
    ROAD,
    WALL,
    Group,
    World,
    digest,
    lattice,
    moved,
    object_clouds,
    pose,
    tables_of,
)

GOLDEN = {
    "raycast": (1, "d2109de6b076a1c61cc9867dc4563eb2545a658fb55db531a7bc5def2f661c83"),
    "visibility": (1, "56aabba7e45afe1a018d63648d093fa4edd6d1b1ac1fbe3394d20ccb138ae415"),
}
EGO = pose(1000.3, -200.1, 5.2, 0.7)
GRID = VoxelGrid.from_range((-4.0, -8.0, -0.4, 16.0, 8.0, 3.6), 0.4)
SWEEPS = 40
WALL_X = 12.2
"""How far ahead the wall stands, metres; the middle of a layer of voxels."""


def looks(targets: np.ndarray) -> SweepPoints:
    """A sweep whose returns lie at places in the ego frame."""
    return SweepPoints(moved(targets, np.linalg.inv(LIDAR_MOUNT)).astype(np.float32), None, None)


def labels(occupied: dict[tuple[int, int, int], tuple[int, Body]]) -> SurfaceOccupancy:
    shape = (1, *GRID.shape)
    state, semantics, body = np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), np.zeros(shape, np.uint8)
    for voxel, (label, kind) in occupied.items():
        state[0][voxel], semantics[0][voxel], body[0][voxel] = State.OCCUPIED, label, kind
    return SurfaceOccupancy(
        state=state, semantics=semantics, body=body, world_SE3_grid=EGO[None], grid=GRID.to_json(),
        taxonomy=NUSCENES.name, frame_tokens=["frame-0"],
    )  # fmt: skip


def voxel(x: float, y: float, z: float) -> tuple[int, int, int]:
    i, j, k = GRID.index(np.array([[x, y, z]]))[0][0].tolist()
    return i, j, k


GHOST, GROUND, POLE, PARKED_NOW = (
    voxel(6.2, 0.2, 1.0),
    voxel(6.2, 2.2, -0.2),
    voxel(5.0, -3.0, 1.4),
    voxel(7.0, 4.2, 1.0),
)


def street(stage: Raycast | None = None) -> World:
    """A wall seen through everything in most sweeps; a car's return at GHOST in one; a thin pole that stops every tenth ray."""
    wall = lattice((WALL_X, -7.6, -0.6), (WALL_X, 7.6, 3.5), 0.1)
    pole = np.array([[5.0, -3.0, z] for z in np.arange(0.6, 2.2, 0.05)])
    # Beams into the ghost, of sweeps in which it is gone: they end on the wall behind.
    ghost = np.array([[6.2, 0.2, 1.0]])
    sweeps = [looks(np.concatenate([wall, pole, ghost] if s == 0 else [wall, pole])) for s in range(SWEEPS)]
    world = World(tables_of([EGO] * SWEEPS, [0]), sweeps)
    occupied = {
        voxel(WALL_X, y, z): (WALL, Body.STATIC) for y in np.arange(-7.4, 7.6, 0.4) for z in np.arange(0.2, 3.5, 0.4)
    }
    occupied |= {GHOST: (CAR, Body.STATIC), GROUND: (ROAD, Body.STATIC), POLE: (WALL, Body.STATIC)}
    occupied |= {PARKED_NOW: (CAR, Body.RIGID)}
    box = EGO @ pose(7.0, 4.2, 1.0)
    clouds = object_clouds([Group(0, np.zeros((1, 3)))], [Motion.RIGID], np.array([[box]]), [CAR])
    clouds = replace(clouds, track_size_m=np.array([[4.0, 2.0, 1.6]], np.float32))
    world.products |= {SurfaceOccupancy: labels(occupied), type(clouds): clouds}
    world.run(stage or Raycast(range_m=30.0))
    return world


def carved(world: World, **parameters: object) -> CarvedOccupancy:
    (made,) = world.run(Visibility(**parameters))  # type: ignore[arg-type]
    assert isinstance(made, CarvedOccupancy)
    return made


@pytest.fixture(scope="module")
def world() -> World:
    return street()


def test_between_sensor_and_wall_is_free_and_behind_it_unknown(world: World) -> None:
    made = carved(world)
    state = made.state[0]
    for x in (4.2, 6.2, 9.0, 11.0):
        assert state[voxel(x, 0.2 if x != 6.2 else -0.6, 1.4)] == State.FREE
    for x in (13.4, 15.0):
        assert not (state[voxel(x, 0.2, 1.0)[0]] == State.FREE).any()
    wall = state[voxel(WALL_X, 0, 0)[0], 2:-2, 2:-1]
    assert (wall == State.OCCUPIED).all(), "grazing and noise do not eat the surface"
    assert made.mask_lidar[0][voxel(WALL_X, 0.2, 1.0)] == 1
    assert made.mask_lidar[0][voxel(13.4, 0.2, 1.0)] == 0
    assert (made.mask_lidar[0][state == State.FREE] == 1).all()


def test_a_ghost_goes_and_what_stands_there_stays(world: World) -> None:
    made = carved(world)
    before = world.products[SurfaceOccupancy]
    assert before.state[0][GHOST] == State.OCCUPIED
    assert made.state[0][GHOST] == State.FREE
    assert (made.semantics[0][GHOST], made.body[0][GHOST]) == (255, Body.NONE)
    assert made.state[0][POLE] == State.OCCUPIED, "rays pass beside a pole in its own voxel"
    assert made.state[0][GROUND] == State.OCCUPIED
    assert made.state[0][PARKED_NOW] == State.OCCUPIED, "rays of other times say nothing of where it is now"
    kept = carved(world, carve=False)
    assert (kept.state[0][GHOST], kept.body[0][GHOST]) == (State.OCCUPIED, Body.STATIC)


def test_what_is_empty_in_a_moving_objects_box_is_unknown(world: World) -> None:
    made = carved(world)
    beside = voxel(7.4, 4.2, 1.0)
    assert made.state[0][beside] == State.UNKNOWN
    assert made.mask_lidar[0][beside] == 0
    assert made.state[0][voxel(7.4, 2.2, 1.0)] == State.FREE
    assert carved(world, box_margin_m=1.5).state[0][voxel(7.4, 2.2, 1.0)] == State.UNKNOWN


def test_free_and_unknown_never_hold_a_class(world: World) -> None:
    made = carved(world)
    assert (made.semantics[made.state != State.OCCUPIED] == 255).all()
    assert (made.body[made.state != State.OCCUPIED] == Body.NONE).all()


def test_votes(world: World) -> None:
    assert (carved(world, votes=10**6).state != State.FREE).all()
    few, many = ((carved(world, votes=n).state == State.FREE).sum() for n in (1, 40))
    assert few > many > 0


@pytest.mark.parametrize("blocks_per_tile", [1, 3])
def test_tiles_change_nothing(world: World, blocks_per_tile: int) -> None:
    """Counts by block are the same however the world is cut; only the order of blocks differs."""

    def by_block(counts: RayCounts) -> dict[tuple[int, ...], bytes]:
        rows = zip(counts.blocks.tolist(), counts.crossed, counts.hits, strict=True)
        return {tuple(block): crossed.tobytes() + hits.tobytes() for block, crossed, hits in rows}

    other = street(Raycast(range_m=30.0, blocks_per_tile=blocks_per_tile))
    assert by_block(other.products[RayCounts]) == by_block(world.products[RayCounts])
    assert digest([carved(other)]) == digest([carved(world)])


def test_counts_are_of_rays_and_returns(world: World) -> None:
    counts = world.products[RayCounts]
    assert isinstance(counts, RayCounts)
    assert counts.blocks.shape[1:] == (3,)
    cell = np.floor((moved(np.array([[6.2, 0.2, 1.0]]), EGO)[0] - counts.origin_m) / counts.cell_m).astype(int)
    row = counts.blocks.tolist().index((cell // 32).tolist())
    place = tuple(cell % 32)
    assert LEAST_OF_LEVEL[counts.hits[row][place]] == 1
    assert LEAST_OF_LEVEL[counts.crossed[row][place]] >= 30


def test_parts_in_any_order_and_any_cut() -> None:
    world = street()
    stage = Raycast(range_m=30.0)
    parts = len(stage.parts(world))
    assert parts > 1
    first = digest(world.run(stage))
    assert digest(world.run(stage, order=list(reversed(range(parts))))) == first
    assert len({digest([carved(world, frames_per_part=n)]) for n in (1, 4)}) == 1


def test_golden() -> None:
    world = street()
    found = {
        "raycast": (Raycast.version, digest([world.products[RayCounts]])),
        "visibility": (Visibility.version, digest([carved(world)], but=("world_SE3_grid",))),
    }
    assert found == GOLDEN, "what a stage makes has changed: raise its version"
