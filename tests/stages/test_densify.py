"""Rasterisation of hand-made surfaces and points: the voxels are known beforehand."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from occ_pipeline.schemas.grid import GridFrame, VoxelGrid
from occ_pipeline.schemas.object_clouds import Motion, ObjectClouds
from occ_pipeline.schemas.occupancy import Body, State, SurfaceOccupancy
from occ_pipeline.schemas.static_map import StaticMap
from occ_pipeline.schemas.surfaces import Surfaces
from occ_pipeline.stages.densify import Densify, winners
from occ_pipeline.tests.stages.small_world import (
    CAR,
    LIDAR_MOUNT,
    NOBODY,
    PERSON,
    ROAD,
    TREE,
    WALL,
    Group,
    Piece,
    World,
    digest,
    moved,
    no_objects,
    object_clouds,
    pose,
    sheet,
    static_map,
    surfaces,
    tables_of,
)

GOLDEN = (1, "11df34d9604c1df4883dbb889fe3dddcd8365dbb8ca5d2be2fedd9996bd78b45")
ORIGIN = (500.0, -300.0, 10.0)
EGO = pose(503.0, -298.0, 10.5)
"""Stands 3 m forward, 2 m to the left and 0.5 m above the map's origin."""
GRID = VoxelGrid.from_range((-3.0, -2.5, -1.0, 3.0, 2.5, 1.0), 0.5)
"""12 x 10 x 4 voxels: no two axes alike."""
FLAT = 0.25
"""Height of sheets: the middle of a layer of voxels, in the ego frame."""


def local(points: Any) -> np.ndarray:
    """Places in the ego frame, relative to the map's origin."""
    return moved(points, EGO) - ORIGIN


def piece(corner: Any, along: Any, across: Any, label: int) -> Piece:
    """A sheet of the static world, given in the ego frame."""
    vertices, triangles = sheet(corner, along, across)
    return -1, local(vertices), triangles, label


def densify(
    static: StaticMap | None = None,
    shapes: Surfaces | None = None,
    objects: ObjectClouds | None = None,
    *,
    ego: list[np.ndarray] | None = None,
    labelled: bool = True,
    grid: VoxelGrid = GRID,
    **parameters: Any,
) -> SurfaceOccupancy:
    ego = ego or [EGO]
    world = World(tables_of(ego, range(len(ego)), labelled=labelled))
    world.products = {
        StaticMap: static or static_map(np.zeros((0, 3)), origin_m=ORIGIN),
        ObjectClouds: objects or no_objects(len(ego)),
        Surfaces: shapes or surfaces([], ORIGIN),
    }
    settings = {"least_surface": 0.75, "least_returns": 2, "least_object_returns": 1, "knn": 3, "knn_limit_m": 1.0}
    (made,) = world.run(Densify(grid=grid, **(settings | parameters)))
    return cast("SurfaceOccupancy", made)


def occupied(made: SurfaceOccupancy, frame: int = 0) -> dict[tuple[int, int, int], int]:
    """Voxel to class; checks that the three arrays say the same."""
    state, semantics, body = made.state[frame], made.semantics[frame], made.body[frame]
    full = state == State.OCCUPIED
    assert set(np.unique(state)) <= {State.UNKNOWN, State.OCCUPIED}
    assert ((body != Body.NONE) == full).all()
    assert (semantics[~full] == NOBODY).all()
    return {(int(x), int(y), int(z)): int(semantics[x, y, z]) for x, y, z in np.argwhere(full)}


def test_a_sheet_occupies_the_voxels_it_crosses_and_nothing_else() -> None:
    made = densify(shapes=surfaces([piece((1.02, -0.98, FLAT), (0.96, 0, 0), (0, 1.46, 0), ROAD)], ORIGIN))
    assert occupied(made) == {(x, y, 2): ROAD for x in (8, 9) for y in (3, 4, 5)}
    assert (made.body[0][made.state[0] == State.OCCUPIED] == Body.STATIC).all()
    upright = densify(shapes=surfaces([piece((1.25, -0.98, -0.98), (0, 0.96, 0), (0, 0, 1.96), WALL)], ORIGIN))
    assert occupied(upright) == {(8, y, z): WALL for y in (3, 4) for z in range(4)}


def test_semantics_go_by_area() -> None:
    # In the voxel x 1 to 1.5: 0.3 m of road, then 0.2 m of wall; in the next: wall alone.
    shapes = [
        piece((1.0, 0.0, FLAT), (0.3, 0, 0), (0, 0.5, 0), ROAD),
        piece((1.3, 0.0, FLAT), (0.7, 0, 0), (0, 0.5, 0), WALL),
    ]
    found = occupied(densify(shapes=surfaces(shapes, ORIGIN)))
    assert (found[8, 5, 2], found[9, 5, 2]) == (ROAD, WALL)


def test_of_equal_votes_the_lowest_class_wins() -> None:
    votes = np.array([[0, 5, 5, 9], [0, 0, 0, 9], [0, 0, 0, 0], [2, 3, 1, 3]], np.int32)
    assert winners(votes, with_none=False).tolist() == [1, NOBODY, NOBODY, 1]
    assert winners(votes, with_none=True).tolist() == [NOBODY, NOBODY, NOBODY, 1]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_area_before_the_grid_does_not_count_inside(axis: int) -> None:
    """Two large triangles reach 0.9 of a voxel before the grid's lower bound and 0.4 of one into it."""
    corner = [0.02, 0.02, 0.02]
    corner[axis] = GRID.min_m[axis] - 0.45
    along, across = np.zeros(3), np.zeros(3)
    along[axis], across[(axis + 1) % 3] = 0.65, 0.46
    vertices, triangles = sheet(corner, along, across, parts=1)
    shapes = surfaces([(-1, local(vertices), triangles, ROAD)], ORIGIN)
    voxel = [6, 5, 2]
    voxel[axis] = 0
    assert occupied(densify(shapes=shapes, least_surface=0.2)) == {tuple(voxel): ROAD}
    assert occupied(densify(shapes=shapes, least_surface=0.7)) == {}


@pytest.mark.parametrize(("least", "kept"), [(0.55, False), (0.45, True)])
def test_slivers_of_surface_do_not_occupy(least: float, kept: bool) -> None:
    half = surfaces([piece((1.02, 0.02, FLAT), (0.25, 0, 0), (0, 0.48, 0), ROAD)], ORIGIN)
    share = 0.25 * 0.48 / 0.25
    assert (share >= least) == kept
    assert (occupied(densify(shapes=half, least_surface=least)) == {(8, 5, 2): ROAD}) == kept
    # Returns occupy it all the same.
    points = static_map(local([[1.1, 0.1, FLAT]]), ROAD, returns=2, origin_m=ORIGIN)
    assert occupied(densify(points, half, least_surface=least)) == {(8, 5, 2): ROAD}


@pytest.mark.parametrize(("returns", "kept"), [(1, False), (2, False), (3, True)])
def test_a_voxel_needs_returns_enough(returns: int, kept: bool) -> None:
    points = static_map(local([[-2.9, -2.4, 0.9]]), TREE, returns=returns, origin_m=ORIGIN)
    assert occupied(densify(points, least_returns=3)) == ({(0, 0, 3): TREE} if kept else {})
    # Two cells of the hash grid in one voxel add up.
    two = static_map(local([[-2.9, -2.4, 0.9], [-2.7, -2.4, 0.9]]), TREE, returns=returns, origin_m=ORIGIN)
    assert bool(occupied(densify(two, least_returns=3))) == (2 * returns >= 3)


def test_bounds_of_the_grid() -> None:
    corners = [[-3.0, -2.5, -1.0], [2.999, 2.499, 0.999], [3.0, 0, 0], [0, 2.5, 0], [0, 0, 1.0], [-3.001, 0, 0]]
    points = static_map(local(corners), TREE, returns=9, origin_m=ORIGIN)
    assert set(occupied(densify(points))) == {(0, 0, 0), (11, 9, 3)}


def test_without_a_label_near_a_voxel_has_none() -> None:
    near, far = [1.1, 0.1, 0.1], [-2.1, 0.1, 0.1]
    neighbour = [1.6, 0.1, 0.1]
    labels = np.array([NOBODY, NOBODY, TREE])
    points = static_map(local([near, far, neighbour]), labels, returns=2, origin_m=ORIGIN)
    found = occupied(densify(points))
    assert found == {(8, 5, 2): TREE, (9, 5, 2): TREE, (1, 5, 2): NOBODY}
    bare = surfaces([piece((1.0, 0.0, FLAT), (0.5, 0, 0), (0, 0.5, 0), NOBODY)], ORIGIN)
    assert occupied(densify(shapes=bare)) == {(8, 5, 2): NOBODY}


def test_of_box_classes_the_points_without_one_outvote_a_few_with() -> None:
    spots = [[1.1, 0.1, 0.1], [1.2, 0.1, 0.1], [1.3, 0.1, 0.1]]
    points = static_map(local(spots), np.array([CAR, NOBODY, NOBODY]), returns=2, origin_m=ORIGIN)
    assert occupied(densify(points, labelled=False)) == {(8, 5, 2): NOBODY}
    assert occupied(densify(points, labelled=True)) == {(8, 5, 2): CAR}


def l_shape() -> list[Piece]:
    """An object that no turn or mirror maps onto itself: a long sheet forward, a short one to the left, in two layers."""
    forward = sheet((-0.23, -0.23, -0.25), (1.46, 0, 0), (0, 0.46, 0))
    left = sheet((-0.23, 0.27, 0.25), (0.46, 0, 0), (0, 0.46, 0))
    return [(0, *forward, CAR), (0, *left, CAR)]


def test_an_object_is_drawn_at_its_pose_in_each_frame() -> None:
    ego = [EGO, EGO @ pose(0.5, 0, 0), EGO]
    boxes = np.array(
        [
            [EGO @ pose(0.25, 0.25, 0.5)],
            [EGO @ pose(1.25, -0.75, 0.5, np.pi / 2)],
            [np.full((4, 4), np.nan)],
        ]
    )
    objects = object_clouds([], [Motion.RIGID], boxes, [CAR])
    made = densify(shapes=surfaces(l_shape(), ORIGIN), objects=objects, ego=ego)
    # Box at voxel (6, 5), looking along x: three voxels forward in layer 2, one to the left in layer 3.
    assert occupied(made, 0) == dict.fromkeys([(6, 5, 2), (7, 5, 2), (8, 5, 2), (6, 6, 3)], CAR)
    # Turned to the left, at voxel (8, 3) of the first frame; the second's grid stands one voxel farther.
    assert occupied(made, 1) == dict.fromkeys([(7, 3, 2), (7, 4, 2), (7, 5, 2), (6, 3, 3)], CAR)
    assert occupied(made, 2) == {}
    assert set(np.unique(made.body)) == {Body.NONE, Body.RIGID}


def test_points_of_objects_fall_at_each_frames_pose() -> None:
    ego = [EGO, EGO]
    there, here = EGO @ pose(0.25, 0.25, 0.25), EGO @ pose(1.25, 1.25, 0.25)
    absent = np.full((4, 4), np.nan)
    boxes = np.array([[here, there, absent], [there, here, here]])
    groups = [
        Group(0, np.array([[0.5, 0.0, 0.0]])),
        Group(1, np.array([[0.0, -0.5, 0.0]]), frame=0, labels=PERSON),
        Group(1, np.array([[0.0, 0.0, 0.5]]), frame=1),
        Group(2, np.array([[-1.0, 0.0, 0.0]])),
    ]
    motion = [Motion.RIGID, Motion.DEFORMING, Motion.RIGID]
    made = densify(objects=object_clouds(groups, motion, boxes, [CAR, PERSON, TREE]), ego=ego)
    assert occupied(made, 0) == {(9, 7, 2): CAR, (6, 4, 2): PERSON}
    assert occupied(made, 1) == {(7, 5, 2): CAR, (8, 7, 3): PERSON, (6, 7, 2): TREE}
    assert (made.body[0, 9, 7, 2], made.body[0, 6, 4, 2]) == (Body.RIGID, Body.DEFORMING)
    none = densify(objects=object_clouds(groups, motion, boxes, [CAR] * 3), ego=ego, least_object_returns=2)
    assert occupied(none, 0) == {}


@pytest.mark.parametrize(("frame", "front", "left"), [("ego", (9, 5, 2), (6, 8, 2)), ("lidar", (5, 8, 2), (2, 5, 2))])
def test_front_is_x_in_an_ego_grid_and_y_in_a_lidar_grid(
    frame: GridFrame, front: tuple[int, int, int], left: tuple[int, int, int]
) -> None:
    grid = VoxelGrid((-3.0, -2.5, -1.0), 0.5, (12, 10, 4), frame)
    at = np.zeros(3) if frame == "ego" else LIDAR_MOUNT[:3, 3]
    points = static_map(
        local([np.add(at, (1.7, 0.2, 0.2)), np.add(at, (0.2, 1.7, 0.2))]),
        np.array([CAR, TREE]), returns=2, origin_m=ORIGIN,
    )  # fmt: skip
    made = densify(points, grid=grid)
    assert occupied(made) == {front: CAR, left: TREE}
    assert made.world_SE3_grid[0] == pytest.approx(EGO if frame == "ego" else EGO @ LIDAR_MOUNT)
    assert made.grid == grid.to_json()


def test_the_static_world_stays_while_the_grid_moves() -> None:
    ego = [EGO, EGO @ pose(0.5, 0, 0), EGO @ pose(0, 0, 0, np.pi / 2)]
    points = static_map(local([[1.2, 0.2, 0.2]]), TREE, returns=2, origin_m=ORIGIN)
    made = densify(points, ego=ego)
    assert [*occupied(made, 0), *occupied(made, 1), *occupied(made, 2)] == [(8, 5, 2), (7, 5, 2), (6, 2, 2)]
    assert made.world_SE3_grid == pytest.approx(np.array(ego))


def busy() -> dict[str, Any]:
    """A bit of everything, in three frames."""
    random = np.random.default_rng(3)
    ego = [EGO @ pose(0.3 * i, 0.1, 0, 0.2 * i) for i in range(3)]
    boxes = np.array([[EGO @ pose(0.4 * i, 1.0, 0, -0.3 * i), EGO @ pose(-2, 0.2 * i, 0)] for i in range(3)])
    groups = [Group(0, random.uniform(-0.7, 0.7, (30, 3)))]
    groups += [Group(1, random.uniform(-0.3, 0.3, (20, 3)), frame=i) for i in range(3)]
    labels = random.choice([ROAD, WALL, NOBODY], 300)
    return {
        "static": static_map(local(random.uniform(-3, 3, (300, 3))), labels, origin_m=ORIGIN),
        "shapes": surfaces([piece((-3.3, -2.6, 0.07), (7, 0.1, 0.2), (0.1, 5, 0.3), ROAD), *l_shape()], ORIGIN),
        "objects": object_clouds(groups, [Motion.RIGID, Motion.DEFORMING], boxes, [CAR, PERSON]),
        "ego": ego,
    }


def test_frames_per_part_do_not_change_a_byte() -> None:
    assert len({digest([densify(**busy(), frames_per_part=n)]) for n in (1, 2, 4)}) == 1


def test_nothing_there_is_an_empty_frame() -> None:
    made = densify(ego=[EGO, EGO])
    assert occupied(made, 0) == occupied(made, 1) == {}
    assert made.state.shape == (2, 12, 10, 4)
    assert made.frame_tokens == ["frame-0", "frame-1"]


def test_golden() -> None:
    found = (Densify.version, digest([densify(**busy())], but=("world_SE3_grid",)))
    assert found == GOLDEN, "raise the stage's version, or find out why its bytes changed; then update GOLDEN"
