"""Motion of voxels, against objects whose motion is known in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from occ_pipeline.schemas.flow import OccupancyFlow, dense_flow
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.moving_objects import MovingObjects
from occ_pipeline.schemas.object_clouds import Motion, ObjectClouds
from occ_pipeline.schemas.occupancy import Body, CarvedOccupancy, State, SurfaceOccupancy
from occ_pipeline.schemas.product import InMemory
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.stages.flow import Flow, owners
from occ_pipeline.tests.stages.small_world import (
    CAR,
    PERSON,
    ROAD,
    Box,
    World,
    digest,
    moved,
    object_clouds,
    pose,
    tables_of,
)

GOLDEN = (1, "efa79886b3aac3ebfd33dd39e25c5bd0072600920b479ec9b6c6e3cf77025b5c")
GRID = VoxelGrid.from_range((-10.0, -10.0, -1.0, 10.0, 10.0, 3.0), 0.5)
KEYS = (0, 5, 9, 16)
"""Sweeps a tenth of a second apart: 0.5, 0.4 and 0.7 s between key frames."""
TIMES = np.array(KEYS) / 10
EGO = [pose(100 + 8 * t, 50 + t, 3.0, 0.3 + 0.1 * t) for t in np.arange(17) / 10]


def car_at(t: float) -> np.ndarray:
    """Brakes by 2 m/s2 from 10 m/s along the world's x, climbs 0.4 m/s, and turns by 0.2 rad/s."""
    return pose(104 + 10 * t - t**2, 51.0, 3.5 + 0.4 * t, 0.2 * t + 0.1)


def walker_at(t: float) -> np.ndarray:
    return pose(101 + 1.0 * t, 46 - 0.5 * t, 3.8, 2.0)


SIZES = {"car": (4.0, 2.0, 1.5), "walker": (0.6, 0.6, 1.8)}


def world(walker_times: tuple[float, ...] = tuple(TIMES), kinds: tuple[Motion, Motion] | None = None) -> World:
    """Voxels whose centres lie in the boxes belong to them; the road below stands still."""
    tracks = [
        Box(CAR, SIZES["car"], [(t, car_at(t)) for t in TIMES]),
        Box(PERSON, SIZES["walker"], [(t, walker_at(t)) for t in walker_times]),
    ]
    tables = tables_of(EGO, KEYS, tracks)
    boxes = np.full((len(KEYS), 2, 4, 4), np.nan)
    for k, t in enumerate(TIMES):
        boxes[k, 0] = car_at(t)
        # As separate has it: a track is carried on for half a second.
        if min(abs(t - w) for w in walker_times) <= 0.5:
            boxes[k, 1] = walker_at(min(walker_times, key=lambda w: abs(t - w)))
    clouds = replace(
        object_clouds([], kinds or (Motion.RIGID, Motion.DEFORMING), boxes, [CAR, PERSON]),
        track_size_m=np.array(list(SIZES.values()), np.float32),
    )
    made = World(tables, products={ObjectClouds: clouds})
    made.products[CarvedOccupancy] = labels(made, boxes)
    return made


def centres(frame: int, voxels: np.ndarray) -> np.ndarray:
    return moved((voxels + 0.5) * GRID.voxel_m + GRID.min_m, EGO[KEYS[frame]])


def labels(made: World, boxes: np.ndarray) -> CarvedOccupancy:
    shape = (len(KEYS), *GRID.shape)
    state, semantics, body = np.ones(shape, np.uint8), np.full(shape, 255, np.uint8), np.zeros(shape, np.uint8)
    state[..., 0], semantics[..., 0], body[..., 0] = State.OCCUPIED, ROAD, Body.STATIC
    everywhere = np.argwhere(np.ones(GRID.shape, dtype=bool))
    for frame in range(len(KEYS)):
        for track, (kind, label) in enumerate(((Body.RIGID, CAR), (Body.DEFORMING, PERSON))):
            local = moved(centres(frame, everywhere), np.linalg.inv(boxes[frame, track]))
            mine = everywhere[(np.abs(local) <= np.array(list(SIZES.values())[track]) / 2).all(axis=1)]
            where = (frame, *mine.T)
            state[where], semantics[where], body[where] = State.OCCUPIED, label, kind
    none = np.zeros(shape, np.uint8)
    return CarvedOccupancy(
        state=state, semantics=semantics, body=body, mask_lidar=none, mask_camera=none,
        world_SE3_grid=np.array([EGO[k] for k in KEYS]), grid=GRID.to_json(), taxonomy=NUSCENES.name,
        frame_tokens=made.tables.frame_tokens,
    )  # fmt: skip


def flow_of(made: World, **parameters: object) -> OccupancyFlow:
    (product,) = made.run(Flow(**parameters))  # type: ignore[arg-type]
    assert isinstance(product, OccupancyFlow)
    return product


def rows(flow: OccupancyFlow, frame: int, track: int) -> np.ndarray:
    """Rows of a track in a key frame."""
    start, stop = flow.offsets[frame : frame + 2]
    found = start + np.flatnonzero(flow.tracks[start:stop] == track)
    assert len(found) > 0
    return found


def spot_velocity(frame: int, places: np.ndarray) -> np.ndarray:
    """Of places (N, 3) that ride on the car, by moving them a little in time; grid axes."""
    t, dt = TIMES[frame], 1e-5
    there = [moved(moved(places, np.linalg.inv(car_at(t))), car_at(t + step)) for step in (-dt, dt)]
    return (there[1] - there[0]) / (2 * dt) @ EGO[KEYS[frame]][:3, :3]


def test_a_turning_braking_car_has_the_velocity_of_each_of_its_spots() -> None:
    flow = flow_of(world())
    for frame in (1, 2):
        mine = rows(flow, frame, 0)
        want = spot_velocity(frame, centres(frame, flow.voxels[mine]))
        assert np.abs(flow.velocity_m_s[mine] - want).max() < 1e-4
        assert flow.velocity_known[mine].all()


def test_at_the_ends_the_only_slope_stands_for_the_velocity() -> None:
    flow = flow_of(world())
    slope = (car_at(TIMES[1])[:3, 3] - car_at(0)[:3, 3]) / TIMES[1]
    mine = rows(flow, 0, 0)
    middle = np.linalg.inv(EGO[0])[:3, :3] @ slope
    arm = centres(0, flow.voxels[mine]) - car_at(0)[:3, 3]
    turn = np.cross([0, 0, 0.2], arm) @ EGO[0][:3, :3]
    assert np.abs(flow.velocity_m_s[mine] - (middle + turn)).max() < 1e-4


def test_displacement_leads_to_the_same_spot_in_the_next_key_frame() -> None:
    flow = flow_of(world())
    for frame in range(3):
        mine = rows(flow, frame, 0)
        places = centres(frame, flow.voxels[mine])
        then = moved(moved(places, np.linalg.inv(car_at(TIMES[frame]))), car_at(TIMES[frame + 1]))
        want = (then - places) @ EGO[KEYS[frame]][:3, :3]
        assert np.abs(flow.displacement_m[mine] - want).max() < 1e-4
        assert flow.displacement_known[mine].all()
    last = rows(flow, 3, 0)
    assert not flow.displacement_known[last].any()
    assert not flow.displacement_m[last].any()


def test_people_move_as_their_boxes_do() -> None:
    flow = flow_of(world())
    mine = rows(flow, 1, 1)
    want = np.array([1.0, -0.5, 0.0]) @ EGO[KEYS[1]][:3, :3]
    assert np.abs(flow.velocity_m_s[mine] - want).max() < 1e-5


def test_one_box_tells_no_motion_though_it_is_carried_on() -> None:
    flow = flow_of(world(walker_times=(0.5,)))
    for frame in (0, 1, 2):
        mine = rows(flow, frame, 1)
        assert not flow.velocity_known[mine].any()
        assert not flow.displacement_known[mine].any()
        assert not flow.velocity_m_s[mine].any()


def test_an_object_that_is_gone_in_the_next_key_frame_has_a_velocity_only() -> None:
    flow = flow_of(world(walker_times=(0.0, 0.5)))
    mine = rows(flow, 2, 1)
    assert flow.velocity_known[mine].all()
    assert not flow.displacement_known[mine].any()


def test_boxes_far_apart_in_time_tell_nothing() -> None:
    flow = flow_of(world(), longest_gap_s=0.45)
    assert not flow.velocity_known[rows(flow, 0, 0)].any()
    assert flow.velocity_known[rows(flow, 1, 0)].all()
    assert not flow.velocity_known[rows(flow, 3, 0)].any()


def test_every_moving_voxel_has_a_row_and_no_other() -> None:
    made = world()
    flow = flow_of(made)
    carved = made.products[CarvedOccupancy]
    assert isinstance(carved, CarvedOccupancy)
    for frame in range(len(KEYS)):
        start, stop = flow.offsets[frame : frame + 2]
        assert np.array_equal(flow.voxels[start:stop], np.argwhere(carved.body[frame] > Body.STATIC))


def test_dense_flow_stands_still_where_nothing_moves() -> None:
    made = world(walker_times=(0.5,))
    flow = flow_of(made)
    carved = made.products[CarvedOccupancy]
    assert isinstance(carved, CarvedOccupancy)
    dense = dense_flow(InMemory(flow), InMemory(carved), 1)
    occupied, person = carved.state[1] == State.OCCUPIED, carved.semantics[1] == PERSON
    assert np.array_equal(dense.velocity_mask, occupied & ~person)
    assert np.array_equal(dense.displacement_mask, occupied & ~person)
    assert not dense.velocity_m_s[carved.body[1] != Body.RIGID].any()
    assert np.abs(dense.velocity_m_s[carved.body[1] == Body.RIGID]).max(axis=1).min() > 1
    assert np.isfinite(dense.velocity_m_s).all()
    assert dense.displacement_m.shape == (*GRID.shape, 3)


def test_dense_flow_refuses_other_labels() -> None:
    made = world()
    flow = flow_of(made)
    carved = made.products[CarvedOccupancy]
    assert isinstance(carved, CarvedOccupancy)
    with pytest.raises(ValueError, match="not of these labels"):
        dense_flow(InMemory(flow), InMemory(replace(carved, body=np.roll(carved.body, 1, axis=1))), 1)


def test_a_voxel_belongs_to_the_nearest_box_of_its_kind() -> None:
    boxes = np.array([[pose(0, 0, 0), pose(3, 0, 0), pose(0.2, 0, 0), pose(0, 0, 0)]])
    kinds = (Motion.RIGID, Motion.RIGID, Motion.DEFORMING, Motion.PARKED)
    clouds = replace(object_clouds([], kinds, boxes, [CAR] * 4), track_size_m=np.full((4, 3), 2.0, np.float32))
    places = np.array([(0.0, 0, 0), (1.4, 0, 0), (1.6, 0, 0), (0, 0, 0), (0, 1.8, 0), (0, 1.4, 0), (-0.9, 0, 0)])
    bodies = np.array([Body.RIGID] * 3 + [Body.DEFORMING] + [Body.RIGID] * 2 + [Body.DEFORMING], np.uint8)
    found = owners(InMemory(clouds), 0, places, bodies, 0.5)
    assert found.tolist() == [0, 0, 1, 2, -1, 0, 2]


def test_labels_of_another_product_can_be_told() -> None:
    made = world()
    carved = made.products.pop(CarvedOccupancy)
    assert isinstance(carved, CarvedOccupancy)
    names = (*SurfaceOccupancy.specs(), *SurfaceOccupancy.attribute_names())
    made.products[SurfaceOccupancy] = SurfaceOccupancy(**{name: getattr(carved, name) for name in names})
    assert Flow(product="surface_occupancy").reads() == (MovingObjects, SurfaceOccupancy, ObjectClouds)
    assert flow_of(made, product="surface_occupancy").labels == "surface_occupancy"


def test_a_scene_without_moving_objects_has_no_rows() -> None:
    made = world(kinds=(Motion.PARKED, Motion.PARKED))
    carved = made.products[CarvedOccupancy]
    assert isinstance(carved, CarvedOccupancy)
    made.products[CarvedOccupancy] = replace(carved, body=np.minimum(carved.body, Body.STATIC))
    flow = flow_of(made)
    assert flow.offsets.tolist() == [0] * (len(KEYS) + 1)


def test_golden() -> None:
    assert (Flow.version, digest([flow_of(world(), frames_per_part=3)])) == GOLDEN
