"""Free, occupied, unknown in a street that is a wall, a pole, a car that drove by and one that stands there now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.object_clouds import Motion
from occ_pipeline.schemas.occupancy import Body, CarvedOccupancy, State, SurfaceOccupancy
from occ_pipeline.schemas.ray_counts import LEAST_OF_LEVEL, RayCounts
from occ_pipeline.schemas.scene import SweepPoints
from occ_pipeline.schemas.surfaces import Surfaces
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.stages.raycast import Raycast
from occ_pipeline.stages.visibility import Visibility
from occ_pipeline.tests.stages.small_world import (
    CAR,
    LIDAR_MOUNT,
    ROAD,
    SQUARE,
    TREE,
    WALL,
    Group,
    World,
    board,
    digest,
    lattice,
    moved,
    object_clouds,
    pose,
    surfaces,
    tables_of,
)

GOLDEN = {
    "raycast": (2, "99da8fa15a2be92615abd4c5cecea414547e1ad79496064b66fb63daf8df0a56"),
    "visibility": (2, "b6630051f85b7dc23901c06688dbacc802151be30a32fa9800059bd49abdf555"),
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


def one_camera() -> CameraTables:
    """At the LiDAR's place, a little ahead of the ego vehicle's origin, it looks forward, 90 degrees wide."""
    ego_SE3_camera = np.eye(4)
    # Right is -y, down is -z, ahead is x.
    ego_SE3_camera[:3, :3] = np.array([(0, 0, 1), (-1, 0, 0), (0, -1, 0)])
    ego_SE3_camera[:3, 3] = (1.0, 0.0, 1.75)
    none = CameraTables.none("small", ["frame-0"])
    return replace(
        none, names=["FRONT"], image_sizes=[[400, 300]], image_files=[[""]], timestamps_ns=np.zeros((1, 1), np.int64),
        world_SE3_ego=EGO[None, None], ego_SE3_camera=ego_SE3_camera[None, None],
        intrinsics=np.array([[[[200.0, 0, 200], [0, 200, 150], [0, 0, 1]]]]),
    )  # fmt: skip


GHOST, GROUND, POLE, PARKED_NOW = (
    voxel(6.2, 0.2, 1.0),
    voxel(6.2, 2.2, -0.2),
    voxel(5.0, -3.0, 1.4),
    voxel(7.0, 4.2, 1.0),
)


def street(stage: Raycast | None = None) -> World:
    """A wall seen through everything in most sweeps; a car's return at GHOST in one; a thin pole that stops every tenth ray."""
    wall = lattice((WALL_X, -9.6, -0.6), (WALL_X, 9.6, 3.5), 0.1)
    pole = np.array([[5.0, -3.0, z] for z in np.arange(0.6, 2.2, 0.05)])
    # Beams into the ghost, of sweeps in which it is gone: they end on the wall behind.
    ghost = np.array([[6.2, 0.2, 1.0]])
    sweeps = [looks(np.concatenate([wall, pole, ghost] if s == 0 else [wall, pole])) for s in range(SWEEPS)]
    world = World(tables_of([EGO] * SWEEPS, [0]), sweeps)
    occupied = {
        voxel(WALL_X, y, z): (WALL, Body.STATIC) for y in np.arange(-7.4, 7.6, 0.4) for z in np.arange(0.2, 3.5, 0.4)
    }
    occupied |= {GHOST: (CAR, Body.STATIC), GROUND: (ROAD, Body.STATIC), POLE: (WALL, Body.STATIC)}
    # A fence of two voxels' depth that no ray ever met.
    fence = lattice((7.0, -4.6, 0.2), (7.6, -3.2, 2.8), 0.4)
    occupied |= {voxel(*place): (TREE, Body.STATIC) for place in fence.tolist()}
    boards = surfaces(
        [
            (-1, moved(board(WALL_X, 0.0, 9.6, 1.5, 2.1), EGO) - EGO[:3, 3], SQUARE, WALL),
            (-1, moved(board(7.3, -3.9, 0.8, 1.5, 1.4), EGO) - EGO[:3, 3], SQUARE, TREE),
            (0, board(0.0, 0.0, 0.9, 0.0, 0.8), SQUARE, CAR),
        ],
        origin_m=EGO[:3, 3].tolist(),
    )
    occupied |= {PARKED_NOW: (CAR, Body.RIGID)}
    box = EGO @ pose(7.0, 4.2, 1.0)
    clouds = object_clouds([Group(0, np.zeros((1, 3)))], [Motion.RIGID], np.array([[box]]), [CAR])
    clouds = replace(clouds, track_size_m=np.array([[4.0, 2.0, 1.6]], np.float32))
    world.products |= {
        SurfaceOccupancy: labels(occupied), type(clouds): clouds, CameraTables: one_camera(), Surfaces: boards,
    }  # fmt: skip
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


def test_what_the_camera_looks_at(world: World) -> None:
    made = carved(world)
    mask, state = made.mask_camera[0], made.state[0]
    assert mask[voxel(9.0, 0.2, 1.4)] == 1
    assert mask[voxel(WALL_X, 0.2, 1.4)] == 1, "the first occupied voxel is seen"
    assert mask[voxel(7.0, 4.2, 1.0)] == 1
    behind_fence, behind_car = voxel(9.4, -5.6, 1.2), voxel(9.4, 5.8, 0.8)
    assert (state[behind_fence], state[behind_car]) == (State.FREE, State.FREE)
    assert mask[behind_fence] == 1, "rays went through where the fence was said to be"
    assert carved(world, carve_votes=10**6).mask_camera[0][behind_fence] == 0, "the fence hides it"
    assert mask[behind_car] == 0, "rays of other times do not see through where the car is now"
    assert mask[voxel(9.4, 5.8, 2.6)] == 1, "over its roof"
    assert mask[voxel(2.2, 4.2, 1.0)] == 0, "beside the camera's field of view"
    assert mask[voxel(0.2, 0.2, 1.4)] == 0, "behind the camera"
    assert (mask[state == State.UNKNOWN] == 0).all()
    # What lies in the field of view and before the wall, and is known, is seen through but for what the two things hide.
    x, y, z = np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij")
    ahead = (x + 0.5) * 0.4 - 4.0 - 1.0
    left, up = (y + 0.5) * 0.4 - 8.0, (z + 0.5) * 0.4 - 0.4 - 1.75
    well_inside = (ahead > 1) & (np.abs(left) < ahead - 0.8) & (np.abs(up) < 0.75 * ahead - 0.8) & (state == State.FREE)
    assert mask[well_inside].mean() > 0.9


def test_without_cameras_the_mask_is_empty(world: World) -> None:
    before = world.products[CameraTables]
    world.products[CameraTables] = CameraTables.none("small", ["frame-0"])
    try:
        assert not carved(world).mask_camera.any()
    finally:
        world.products[CameraTables] = before


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
