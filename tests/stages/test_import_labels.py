"""Published labels taken over: what is free, what is unknown, and where the grid lies."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from occ_pipeline.schemas.flow import ReferenceFlow
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import Body, ReferenceOccupancy, State
from occ_pipeline.schemas.reference_labels import ReferenceLabels
from occ_pipeline.stages.import_labels import ImportLabels, occupancy
from occ_pipeline.tests.stages.small_world import World, digest, pose, tables_of

GOLDEN = (1, "426ad35c94fd066c9d5c17209ae29aa57f3a1e250a407b72c9b1f773510fb7ce")
GRID = VoxelGrid.from_range((-2.0, -1.5, -1.0, 2.0, 1.5, 1.0), 0.5)
LIDAR_GRID = VoxelGrid(GRID.min_m, GRID.voxel_m, GRID.shape, "lidar")


def labels(seed: int, grid: VoxelGrid = GRID) -> ReferenceLabels:
    rng = np.random.default_rng(seed)
    semantics = rng.choice([0, 4, 11, 16, 17, 255], grid.shape).astype(np.uint8)
    masks = [rng.integers(0, 2, grid.shape).astype(np.uint8) for _ in range(2)]
    return ReferenceLabels(grid, semantics != 17, semantics, *masks)


def world(grid: VoxelGrid = GRID) -> World:
    made = World(tables_of([pose(i, 2, 3, 0.1 * i) for i in range(5)], [0, 2, 4]))
    made.published = [labels(seed, grid) for seed in range(3)]
    return made


def imported(made: World, **parameters: object) -> ReferenceOccupancy:
    product, _ = made.run(ImportLabels(**parameters))  # type: ignore[arg-type]
    assert isinstance(product, ReferenceOccupancy)
    return product


@pytest.mark.parametrize(
    ("class_id", "lidar", "camera", "state", "semantics"),
    [
        (4, 1, 1, State.OCCUPIED, 4),
        (0, 0, 0, State.OCCUPIED, 0),
        (255, 0, 1, State.OCCUPIED, 255),
        (None, 1, 0, State.FREE, 255),
        (None, 0, 1, State.FREE, 255),
        (None, 0, 0, State.UNKNOWN, 255),
    ],
)
def test_every_kind_of_voxel(class_id: int | None, lidar: int, camera: int, state: State, semantics: int) -> None:
    one = VoxelGrid((0.0, 0.0, 0.0), 1.0, (1, 1, 1))
    full = [np.full((1, 1, 1), value, np.uint8) for value in (17 if class_id is None else class_id, lidar, camera)]
    found = occupancy(ReferenceLabels(one, np.full((1, 1, 1), class_id is not None), *full))
    told = {name: int(value[0, 0, 0]) for name, value in found.items()}
    body = Body.STATIC if class_id is not None else Body.NONE
    assert told == {"state": state, "semantics": semantics, "body": body, "mask_lidar": lidar, "mask_camera": camera}
    assert {value.dtype for value in found.values()} == {np.dtype(np.uint8)}


def test_each_frame_has_its_own_labels_and_pose() -> None:
    made, scene = imported(world()), world()
    assert made.frame_tokens == scene.tables.frame_tokens
    for frame in range(3):
        assert (made.mask_camera[frame] == scene.published[frame].mask_camera).all()
        occupied = made.state[frame] == State.OCCUPIED
        assert (occupied == scene.published[frame].occupied).all()
        assert (made.semantics[frame][occupied] == scene.published[frame].semantics[occupied]).all()
    assert (made.world_SE3_grid == scene.tables.world_SE3_ego[[0, 2, 4]]).all()
    assert made.grid == GRID.to_json()


def test_a_grid_in_the_lidars_frame_lies_there() -> None:
    made, scene = imported(world(LIDAR_GRID)), world()
    assert (made.world_SE3_grid[1] == scene.tables.world_SE3_lidar(2)).all()


def test_cuts_change_nothing() -> None:
    assert len({digest([imported(world(), frames_per_part=n)]) for n in (1, 2, 3)}) == 1


def test_labels_of_another_shape_or_type_are_no_labels() -> None:
    good = labels(0)
    with pytest.raises(ValueError, match=r"mask_lidar is bool \(8, 6, 4\), wanted uint8 \(8, 6, 4\)"):
        ReferenceLabels(GRID, good.occupied, good.semantics, good.occupied, good.mask_camera)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"occupied is bool \(6, 8, 4\)"):
        ReferenceLabels(GRID, good.occupied.swapaxes(0, 1), good.semantics, good.mask_lidar, good.mask_camera)


def test_golden() -> None:
    assert (ImportLabels.version, digest([imported(world())])) == GOLDEN


def test_velocities_are_taken_over_bit_for_bit() -> None:
    made = world()
    speeds = {0: {}, 1: {(1, 2, 3): (-0.0, 0.0), (0, 5, 1): (3.5, -1.0)}, 2: {(7, 0, 0): (0.0, 2.0)}}
    for frame, told in speeds.items():
        flow = np.zeros((*GRID.shape, 2), np.float32)
        for voxel, speed in told.items():
            flow[voxel] = speed
        made.published[frame] = dataclasses.replace(made.published[frame], velocity_m_s=flow)
    for count in (1, 2, 3):
        _, flow = made.run(ImportLabels(frames_per_part=count))
        assert isinstance(flow, ReferenceFlow)
        assert flow.told
        assert flow.voxels.tolist() == [[0, 5, 1], [1, 2, 3], [7, 0, 0]]
        assert flow.velocity_m_s.tobytes() == np.array([(3.5, -1), (-0.0, 0), (0, 2)], np.float32).tobytes()
        assert flow.offsets.tolist() == [0, 0, 2, 3]


def test_a_format_without_velocities_tells_none() -> None:
    _, flow = world().run(ImportLabels())
    assert isinstance(flow, ReferenceFlow)
    assert (flow.told, len(flow.voxels), flow.offsets.tolist()) == (False, 0, [0, 0, 0, 0])
    with pytest.raises(ValueError, match=r"velocity_m_s is float32 \(8, 6, 4, 3\)"):
        dataclasses.replace(labels(0), velocity_m_s=np.zeros((*GRID.shape, 3), np.float32))
