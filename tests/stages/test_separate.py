"""Separation on a street whose every return is known, and against an obvious restatement."""

from __future__ import annotations

import dataclasses
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.schemas.object_clouds import Motion, ObjectClouds
from occ_pipeline.schemas.scene import PointKind, SweepPoints
from occ_pipeline.schemas.static_map import StaticMap
from occ_pipeline.stages.kernels.split import EGO, NEAR_MOVING, OUT_OF_RANGE, STATIC, assign
from occ_pipeline.stages.separate import Separate
from occ_pipeline.tests.stages.small_world import (
    CAR,
    LIDAR_MOUNT,
    NOBODY,
    ROAD,
    TREE,
    WALL,
    Box,
    World,
    digest,
    moved,
    pose,
    tables_of,
)
from occ_pipeline.tests.stages.street import (
    CYCLIST,
    KEYS,
    MOVING,
    PARKED,
    SIZES,
    STEP_S,
    SWEEPS,
    VAN,
    VAN_SEEN,
    WALKER,
    Kind,
    Street,
    limb,
    shell,
    street,
)
from scipy.spatial.transform import Rotation

GOLDEN = (2, "4bea5bc5551edae2d80c99d7e4f22c7617ec51e5d29f0c6e1109133149f64638")
STAGE = Separate(
    cell_m=0.1,
    object_cell_m=0.05,
    block_m=10.0,
    range_m=65.0,
    lowest_m=-8.0,
    highest_m=10.0,
    moving_m=0.6,
    box_margin_m=0.1,
    buffer_m=0.2,
    clearance_m=0.1,
    carry_s=0.5,
    deforming_window_s=0.6,
    sweeps_per_part=5,
)
"""Every threshold that these tests know of, whatever the defaults are."""


def separate(world: World, stage: Separate = STAGE) -> tuple[StaticMap, ObjectClouds]:
    static, objects = world.run(stage)
    return cast("StaticMap", static), cast("ObjectClouds", objects)


@pytest.fixture(scope="module")
def known() -> Street:
    return street()


@pytest.fixture(scope="module")
def separated(known: Street) -> tuple[StaticMap, ObjectClouds]:
    return separate(known.world)


def world_points(static: StaticMap) -> np.ndarray:
    return static.points.astype(np.float64) + static.origin_m


def group_of(objects: ObjectClouds, track: int, frame: int = -1) -> slice:
    (row,) = np.flatnonzero((objects.group_track == track) & (objects.group_frame == frame))
    return slice(int(objects.group_offsets[row]), int(objects.group_offsets[row + 1]))


def cells(points: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(row) for row in np.floor(np.asarray(points, np.float64) / 0.05).astype(int).tolist()}


@pytest.mark.parametrize("track", [MOVING, VAN, CYCLIST, WALKER])
def test_no_static_point_lies_where_a_moving_object_was(
    known: Street, separated: tuple[StaticMap, ObjectClouds], track: int
) -> None:
    points = world_points(separated[0])
    half = np.array(SIZES[track]) / 2
    for sweep in range(VAN_SEEN if track == VAN else SWEEPS):
        inside = moved(points, np.linalg.inv(known.boxes[track][sweep]))
        ghosts = np.all(np.abs(inside) < half, axis=1) & (inside[:, 2] > 0.2 - half[2])
        assert not ghosts.any(), f"sweep {sweep}: {inside[ghosts][:3]}"


@pytest.mark.parametrize(("track", "sweeps"), [(MOVING, SWEEPS), (VAN, VAN_SEEN)])
def test_points_of_a_moving_object_coincide_in_its_box(
    separated: tuple[StaticMap, ObjectClouds], track: int, sweeps: int
) -> None:
    objects = separated[1]
    mine = group_of(objects, track)
    truth = shell(SIZES[track])
    found = objects.points[mine]
    assert cells(found) == cells(truth)
    distance = np.linalg.norm(found[:, None] - truth[None], axis=2)
    assert distance.min(axis=1).max() < 1e-3
    assert (objects.returns[mine] == sweeps).all()
    assert (objects.labels[mine] == CAR).all()
    assert objects.motion.tolist() == [Motion.RIGID, Motion.PARKED, Motion.DEFORMING, Motion.RIGID, Motion.DEFORMING]


def test_sensors_are_those_of_the_nearest_sweep_in_the_box_frame(
    known: Street, separated: tuple[StaticMap, ObjectClouds]
) -> None:
    objects = separated[1]
    mine = group_of(objects, MOVING)
    tables = known.world.tables
    sensors = np.array([tables.world_SE3_lidar(s)[:3, 3] for s in range(SWEEPS)])
    for row in range(mine.start, mine.stop, 7):
        point = objects.points[row].astype(np.float64)
        ranges = [np.linalg.norm(moved(point[None], known.boxes[MOVING][s])[0] - sensors[s]) for s in range(SWEEPS)]
        sweep = int(objects.sweep[row])
        assert ranges[sweep] <= min(ranges) + 0.002
        expected = moved(sensors[sweep][None], np.linalg.inv(known.boxes[MOVING][sweep]))[0]
        assert objects.sensors[row] == pytest.approx(expected, abs=1e-3)


def test_a_parked_object_is_static_and_says_its_track(known: Street, separated: tuple[StaticMap, ObjectClouds]) -> None:
    static, objects = separated
    mine = static.tracks == PARKED
    assert set(np.unique(static.tracks)) == {-1, PARKED}
    truth = moved(shell(SIZES[PARKED]), known.boxes[PARKED][0])
    found = world_points(static)[mine]
    near = np.linalg.norm(found[:, None] - truth[None], axis=2)
    assert near.min(axis=0).max() < 0.18
    assert near.min(axis=1).max() < 0.18
    assert (static.labels[mine] == CAR).all()
    assert PARKED not in objects.group_track
    assert static.returns[mine].sum() == known.count(100 + PARKED)


def test_ground_in_a_box_stays_ground(known: Street, separated: tuple[StaticMap, ObjectClouds]) -> None:
    static = separated[0]
    inside = moved(world_points(static), np.linalg.inv(known.boxes[PARKED][0]))
    tyre = np.linalg.norm(inside - (0.5, 0.5, -0.575), axis=1) < 0.01
    assert (tyre.sum(), static.tracks[tyre].tolist(), static.labels[tyre].tolist()) == (1, [-1], [ROAD])


def test_dropped_returns_are_counted_by_reason(known: Street, separated: tuple[StaticMap, ObjectClouds]) -> None:
    tables = known.world.tables
    low, high = np.array(STAGE.ego_box_m[:3]), np.array(STAGE.ego_box_m[3:])
    of_ego = 0
    for sweep, kinds in zip(known.world.sweeps, known.kinds, strict=True):
        points = moved(sweep.points, tables.ego_SE3_lidar[0])
        inside = np.all((points >= low) & (points <= high), axis=1)
        assert inside[kinds == Kind.EGO].all()
        of_ego += int(inside.sum())
    expected = {
        "not finite": 3,
        "ego vehicle": of_ego,
        "out of range": known.count(Kind.FAR, Kind.LOW),
        "at the edge of a moving box": known.count(Kind.EDGE),
        "noise label": known.count(Kind.NOISE),
        "person without a box": known.count(Kind.STRANGER),
        "moving without a box": 0,
        "deforming, far from a key frame": 0,
    }
    assert separated[0].dropped == expected
    kept = int(separated[0].returns.sum())
    total = sum(len(kinds) for kinds in known.kinds)
    objects = known.count(*(100 + t for t in (MOVING, VAN, WALKER, CYCLIST)))
    assert kept == total - objects - sum(n for reason, n in expected.items() if reason != "not finite")


@pytest.mark.parametrize("window_s", [0.15, 0.6])
def test_deforming_groups_hold_sweeps_near_their_key_frame_alone(known: Street, window_s: float) -> None:
    static, objects = separate(known.world, dataclasses.replace(STAGE, deforming_window_s=window_s))
    far = 0
    for sweep in range(SWEEPS):
        if all(abs(sweep - key) * STEP_S > window_s + 1e-6 for key in KEYS):
            far += int((known.kinds[sweep] == 100 + WALKER).sum() + (known.kinds[sweep] == 100 + CYCLIST).sum())
    assert static.dropped["deforming, far from a key frame"] == far
    for frame, key in enumerate(KEYS):
        near = [s for s in range(SWEEPS) if abs(s - key) * STEP_S <= window_s + 1e-6]
        hands = {cell for s in near for cell in cells(limb(s))}
        mine = group_of(objects, WALKER, frame)
        assert cells(objects.points[mine]) == cells(shell(SIZES[WALKER])) | hands
        assert set(objects.sweep[mine].tolist()) <= set(near)


def test_boxes_of_key_frames_are_the_tracks(known: Street, separated: tuple[StaticMap, ObjectClouds]) -> None:
    boxes = separated[1].frame_boxes
    for frame, key in enumerate(KEYS):
        for track, poses in known.boxes.items():
            assert boxes[frame, track] == pytest.approx(poses[key], abs=1e-9), (frame, track)
    assert separated[1].track_size_m == pytest.approx(np.array([SIZES[t] for t in range(5)]))


def test_every_part_size_gives_the_same_bytes(known: Street) -> None:
    digests = {digest(separate(known.world, dataclasses.replace(STAGE, sweeps_per_part=n))) for n in (1, 3, 1000)}
    assert len(digests) == 1


def test_a_world_shifted_by_whole_blocks_gives_the_same_bytes(
    known: Street, separated: tuple[StaticMap, ObjectClouds]
) -> None:
    shifted = World(street(shift=(1000.0, -340.0, 20.0)).world.tables, known.world.sweeps)
    static, objects = separate(shifted)
    assert digest([static]) == digest([separated[0]])
    assert np.subtract(static.origin_m, separated[0].origin_m).tolist() == [1000.0, -340.0, 20.0]
    # Sensors in boxes come from world poses, whose last bits a shift changes.
    but = ("frame_boxes", "sensors")
    assert digest([objects], but) == digest([separated[1]], but)
    assert objects.sensors == pytest.approx(separated[1].sensors, abs=1e-5)


def test_without_point_labels_classes_come_from_boxes() -> None:
    static, objects = separate(street(labelled=False).world)
    assert (static.labels[static.tracks == PARKED] == CAR).all()
    assert (static.labels[static.tracks < 0] == NOBODY).all()
    assert (objects.labels == NOBODY).all()
    assert static.dropped["noise label"] == static.dropped["person without a box"] == 0


def scan(points: list[list[float]], labels: list[int] | None = None) -> SweepPoints:
    """A sweep of points given in the ego frame."""
    local = moved(np.array(points).reshape(-1, 3), np.linalg.inv(LIDAR_MOUNT)).astype(np.float32)
    known = None if labels is None else np.array(labels, np.uint8)
    return SweepPoints(local, known, None if labels is None else np.zeros(len(labels), np.uint8))


def test_what_labels_call_moving_leaves_no_trace() -> None:
    """SemanticKITTI has no boxes: points of its moving classes are no part of the static world."""
    still, away = [9.04, 5.04, 1.04], [11.04, 5.04, 1.04]
    sweep = scan([still, away, away], [CAR, CAR, CAR])
    kinds = np.array([PointKind.USUAL, PointKind.MOVING, PointKind.MOVING], np.uint8)
    static, objects = separate(World(tables_of([np.eye(4)], [0]), [dataclasses.replace(sweep, kinds=kinds)]))
    assert static.points == pytest.approx(np.array([still]) - static.origin_m, abs=0.01)
    assert static.dropped["moving without a box"] == 2
    assert len(objects.points) == 0


def test_noise_is_what_is_called_so_and_not_what_has_no_class() -> None:
    things = [[9.04, 5.04, 1.04], [11.04, 5.04, 1.04]]
    sweep = scan(things, [NOBODY, NOBODY])
    kinds = np.array([PointKind.USUAL, PointKind.NOISE], np.uint8)
    static, _ = separate(World(tables_of([np.eye(4)], [0]), [dataclasses.replace(sweep, kinds=kinds)]))
    assert (len(static.points), static.labels.tolist(), static.dropped["noise label"]) == (1, [NOBODY], 1)


def test_a_cell_takes_the_label_of_most_returns_and_of_ties_the_lowest() -> None:
    most, tie, none = [9.04, 5.04, 1.04], [11.04, 5.04, 1.04], [13.04, 5.04, 1.04]
    tables = tables_of([np.eye(4)] * 2, [0, 1])
    sweeps = [
        scan([most, most, most, tie, tie, none], [TREE, TREE, WALL, TREE, WALL, WALL]),
        scan([most, most, tie, tie], [WALL, WALL, WALL, TREE]),
    ]
    static, _ = separate(World(tables, sweeps))
    order = np.argsort(static.points[:, 0])
    assert static.labels[order].tolist() == [WALL, WALL, WALL]
    assert static.returns[order].tolist() == [5, 4, 1]
    # 2 of TREE in the first sweep, 2 of WALL in the second: without its first WALL, TREE loses the tie all the same.
    sweeps[1] = scan([most, tie], [TREE, TREE])
    static, _ = separate(World(tables, sweeps))
    assert static.labels[np.argsort(static.points[:, 0])].tolist() == [TREE, TREE, WALL]


@pytest.mark.parametrize("sweeps", [1, 3])
def test_sweeps_without_points_and_scenes_without_tracks(sweeps: int) -> None:
    empty = [scan([]) for _ in range(sweeps)]
    static, objects = separate(World(tables_of([np.eye(4)] * sweeps, [0]), empty))
    assert (len(static.points), static.blocks.shape, static.block_offsets.tolist()) == (0, (0, 2), [0])
    assert (len(objects.points), objects.frame_boxes.shape) == (0, (1, 0, 4, 4))
    one = [*empty[1:], scan([[9.0, 5.0, 1.0]])]
    static, _ = separate(World(tables_of([np.eye(4)] * sweeps, [0]), one))
    assert static.points + static.origin_m == pytest.approx(np.array([[9.0, 5.0, 1.0]]), abs=1e-4)


def test_scenes_with_hundreds_of_tracks_keep_their_labels_apart() -> None:
    many = 600
    size = (1.0, 1.0, 1.0)
    places = [(8.0 + 2 * (i % 20), 2.0 * (i // 20) - 28.0) for i in range(many)]
    boxes = [Box(CAR, size, [(0.1 * s, pose(x, y + 2 * s, 1.0)) for s in range(2)]) for x, y in places]
    sweeps = [scan([[x, y + 2 * s, 1.0] for x, y in places], [1 + i // 100 for i in range(many)]) for s in range(2)]
    _, objects = separate(World(tables_of([np.eye(4)] * 2, [0, 1], boxes), sweeps))
    assert objects.group_track.tolist() == list(range(many))
    assert objects.labels.tolist() == [1 + i // 100 for i in range(many)]


def slow_assign(
    points: np.ndarray, boxes: np.ndarray, halves: np.ndarray, solid: np.ndarray, ego: np.ndarray, limits: np.ndarray
) -> list[int]:
    """All boxes for all points, in plain Python."""
    margin, buffer, clearance = 0.1, 0.2, 0.15
    owners = []
    for x, y, z in points.tolist():
        if all(ego[a] <= v <= ego[a + 3] for a, v in enumerate((x, y, z))):
            owners.append(EGO)
        elif x * x + y * y > limits[0] ** 2 or not limits[1] <= z <= limits[2]:
            owners.append(OUT_OF_RANGE)
        else:
            inside, near = [], False
            for j, (m, half) in enumerate(zip(boxes.tolist(), halves.tolist(), strict=True)):
                place = [row[0] * x + row[1] * y + row[2] * z + row[3] for row in m[:3]]
                if place[2] < clearance - half[2]:
                    continue
                outside = max(abs(place[0]) - half[0], abs(place[1]) - half[1], place[2] - half[2])
                if outside <= margin:
                    inside.append((max(abs(p) / h for p, h in zip(place, half, strict=True)), j))
                elif outside <= margin + buffer and solid[j]:
                    near = True
            owners.append(min(inside)[1] if inside else NEAR_MOVING if near else STATIC)
    return owners


@settings(max_examples=80)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 12), reach=st.sampled_from([2.0, 13.0, 20.5]))
def test_owners_equal_plain_python(seed: int, count: int, reach: float) -> None:
    random = np.random.default_rng(seed)
    rotations = Rotation.from_euler("zyx", random.uniform(-3, 3, (count, 3)) * (1, 0.05, 0.05)).as_matrix()
    # Many boxes lie partly or wholly outside the range.
    centres = random.uniform(-1.3 * reach, 1.3 * reach, (count, 3)) * (1, 1, 0.1)
    boxes = np.tile(np.eye(4), (count, 1, 1))
    boxes[:, :3, :3] = rotations.transpose(0, 2, 1)
    boxes[:, :3, 3] = -np.einsum("nji,nj->ni", rotations, centres)
    halves = random.uniform(0.2, 3, (count, 3))
    solid = random.uniform(size=count) < 0.5
    points = random.uniform(-1.2 * reach, 1.2 * reach, (150, 3)) * (1, 1, 0.15)
    if count:
        around = random.integers(0, count, 150)
        offsets = random.uniform(-1.3, 1.3, (150, 3)) * halves[around]
        points = np.concatenate([points, centres[around] + np.einsum("nij,nj->ni", rotations[around], offsets)])
    ego, limits = np.array([-1.3, -1.1, -0.5, 1.5, 1.1, 2.3]), np.array([reach, -2.0, 2.5])
    found = assign(points, boxes, halves, solid, ego, limits, 0.1, 0.2, 0.15)
    assert found.tolist() == slow_assign(points, boxes, halves, solid, ego, limits)


def test_golden() -> None:
    """Of a street whose turns are exact, so that the machine's mathematics library has no say."""
    found = (Separate.version, digest(separate(street(yaw=0.0).world)))
    assert found == GOLDEN, "raise the stage's version, or find out why its bytes changed; then update GOLDEN"
