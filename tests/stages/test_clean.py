"""Cleaned labels against Eq. 10 to 12 of the paper, restated voxel by voxel, and against boxes that were set by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.instance_offsets import UNKNOWN_RUN, RefinedOffsets
from occ_pipeline.schemas.object_clouds import Motion, ObjectClouds
from occ_pipeline.schemas.occupancy import Body, CarvedOccupancy, RefinedLabels, State
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.stages.clean import Clean
from occ_pipeline.stages.piece_scales import piece_scales
from occ_pipeline.stages.scale_limits import Bound, ScaleLimits
from occ_pipeline.stages.voxnt import Voxnt, VoxntRefined, instance_offsets, run_classes
from occ_pipeline.tests.stages.small_world import CAR, ROAD, Group, World, digest, object_clouds, pose, tables_of
from pydantic import TypeAdapter, ValidationError
from scipy import ndimage

GOLDEN = (1, "4366cbbc80e2ce6032ff94512458be4877734fe0a1a4945e795dcb370f0c5d21")
TRUCK = NUSCENES.id_of("truck")
EGO = pose(1000.3, -200.1, 5.2, 0.7)


def carved(semantics: np.ndarray, voxel_m: float = 0.5) -> CarvedOccupancy:
    """Of (K, X, Y, Z) classes, negative where free."""
    occupied = semantics >= 0
    shape = semantics.shape
    grid = VoxelGrid((-4.0, -3.0, -1.0), voxel_m, shape[1:])
    none = np.zeros(shape, np.uint8)
    return CarvedOccupancy(
        state=np.where(occupied, State.OCCUPIED, State.FREE).astype(np.uint8),
        semantics=np.where(occupied, semantics, 255).astype(np.uint8),
        body=np.where(occupied, Body.STATIC, Body.NONE).astype(np.uint8), mask_lidar=none, mask_camera=none,
        world_SE3_grid=np.tile(EGO, (shape[0], 1, 1)), grid=grid.to_json(), taxonomy=NUSCENES.name,
        frame_tokens=[f"frame-{i}" for i in range(shape[0])],
    )  # fmt: skip


def boxes(frames: int, *placed: tuple[float, float, float, float, float, float]) -> ObjectClouds:
    """Tracked cars that stand in every key frame at x, y, z of the grid's frame, so long, wide and high."""
    poses = np.array([[EGO @ pose(*place[:3]) for place in placed]] * frames).reshape(frames, len(placed), 4, 4)
    clouds = object_clouds([Group(0, np.zeros((1, 3)))], [Motion.PARKED] * len(placed), poses, [CAR] * len(placed))
    return replace(clouds, track_size_m=np.array([place[3:] for place in placed], np.float32).reshape(-1, 3))


def cleaned(labels: CarvedOccupancy, clouds: ObjectClouds | None = None, **parameters: object) -> RefinedLabels:
    frames = len(labels.state)
    products = {CarvedOccupancy: labels} | ({} if clouds is None else {ObjectClouds: clouds})
    world = World(tables_of([EGO] * frames, list(range(frames))), products=products)
    (made,) = world.run(Clean(**({"evidence": "scale"} | parameters)))  # type: ignore[arg-type]
    assert isinstance(made, RefinedLabels)
    return made


def run(labels: np.ndarray, at: tuple[int, ...], axis: int) -> int:
    """L: voxels of the run that a voxel lies in, counted one by one."""
    found = 1
    for step in (-1, 1):
        here = list(at)
        here[axis] += step
        while 0 <= here[axis] < labels.shape[axis] and labels[tuple(here)] == labels[at]:
            found += 1
            here[axis] += step
    return found


def restated(labels: np.ndarray, mode: str, smallest: int, largest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eq. 10, Eq. 11 and what Eq. 12 ignores, of cars."""
    small, large = np.zeros(labels.shape, bool), np.zeros(labels.shape, bool)
    for at in itertools.product(*map(range, labels.shape)):
        lengths = [run(labels, at, axis) for axis in range(3)]
        l = lengths if mode == "strict" else [length + 1 for length in lengths]  # noqa: E741  as the paper writes it
        if labels[at] == CAR:
            small[at] = mode != "released" and all(n < smallest for n in l)
            large[at] = any(n > largest for n in l) if mode == "released" else any(n >= largest for n in l)
    return small, large, small | large


@st.composite
def streets(draw: st.DrawFn) -> np.ndarray:
    """Up to 12 voxels along each axis, of cars, road and nothing, in clumps."""
    shape = [draw(st.integers(1, 12)) for _ in range(3)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    clumps = rng.choice([-1, CAR, ROAD], shape, p=[0.3, 0.5, 0.2])
    for axis in range(3):
        clumps = np.repeat(clumps, draw(st.sampled_from([1, 3])), axis=axis)
    return clumps[: shape[0], : shape[1], : shape[2]]


@given(streets(), st.sampled_from(["paper", "released", "strict"]), st.integers(1, 4), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_as_the_equations_say(labels: np.ndarray, mode: str, smallest: int, largest: int) -> None:
    made = cleaned(carved(labels[None]), mode=mode, limits=(f"car {smallest} {largest}",))
    small, large, ignored = restated(labels, mode, smallest, largest)
    assert np.array_equal(made.mask_min[0], small)
    assert np.array_equal(made.mask_max[0], large)
    assert np.array_equal(made.state[0], np.where(ignored, State.UNKNOWN, np.where(labels < 0, State.FREE, State.OCCUPIED)))  # fmt: skip
    assert np.array_equal(made.semantics[0], np.where(ignored | (labels < 0), 255, labels))
    counts = {"small": int((small & ~large).sum()), "large": int(large.sum()), "outside": 0}
    assert made.ignored == {"car": counts}
    assert not made.mask_outside.any()


def test_a_long_road_stays() -> None:
    """Eq. 12 read as it is printed would ignore it: every class's long runs."""
    labels = np.full((1, 40, 6, 2), ROAD)
    labels[0, :, 2, 1] = CAR
    made = cleaned(carved(labels))
    assert (made.semantics[0][labels[0] == ROAD] == ROAD).all()
    assert (made.state[0][labels[0] == CAR] == State.UNKNOWN).all()


def long_runs() -> np.ndarray:
    """Rows of cars 26 voxels long, 13 m: in one box, across two boxes, in none; and one voxel alone in no box."""
    labels = np.full((1, 30, 16, 4), -1)
    labels[0, 2:28, [2, 6, 10], 1] = CAR
    labels[0, 5, 14, 2] = CAR
    return labels


def place(voxel: float, row: float, voxels: float) -> tuple[float, float, float, float, float, float]:
    """A box around some voxels of a row, from its middle."""
    return (-4 + 0.5 * voxel, -3 + 0.5 * (row + 0.5), -0.25, voxels * 0.5, 0.5, 0.5)


def test_boxes_tell_long_vehicles_from_traces() -> None:
    labels = long_runs()
    clouds = boxes(1, place(15, 2, 26), place(5, 6, 6), place(24, 6, 8))
    both = cleaned(carved(labels), clouds, evidence="both", box_margin_m=0.0, limits=("car 3 6m",))
    kept = both.state[0] == State.OCCUPIED
    assert kept[2:28, 2, 1].all(), "one box, one long vehicle"
    assert np.flatnonzero(kept[:, 6, 1]).tolist() == [*range(2, 8), *range(20, 28)], "between two boxes lies a trace"
    assert not kept[:, 10, 1].any()
    assert not kept[5, 14, 2]
    assert both.ignored == {"car": {"small": 1, "large": 26 - 14 + 26, "outside": 0}}
    assert both.mask_max[0, 2:28, 2, 1].all(), "the paper's mask is what it is"
    scale = cleaned(carved(labels), limits=("car 3 6m",))
    assert not (scale.state[0] == State.OCCUPIED).any()


def test_a_rough_trace_goes_as_a_piece() -> None:
    """Runs of three voxels at most, one step higher or aside each time: no run is long, and all hang together."""
    labels = np.full((1, 34, 16, 6), -1)
    for step in range(10):
        labels[0, 3 * step : 3 * step + 3, 6 + step % 2, 2 - step % 2] = CAR
    labels[0, 4:8, 12, 1] = CAR
    parked = labels == CAR
    parked[:, :, :12] = False
    clouds = boxes(1, place(28.5, 7, 3))
    scale = cleaned(carved(labels), limits=("car - 6m",))
    assert scale.ignored["car"]["large"] == 0
    both = cleaned(carved(labels), clouds, evidence="both", box_margin_m=0.0, limits=("car - 6m",))
    assert both.ignored == {"car": {"small": 0, "large": 27, "outside": 0}}, "all but what the box holds"
    assert (both.state[0][parked[0]] == State.OCCUPIED).all(), "short, and apart"
    assert not both.mask_max.any()
    assert cleaned(carved(labels), clouds, evidence="both", limits=("car - 16m",)).ignored["car"]["large"] == 0


@given(streets())
@settings(max_examples=40, deadline=None)
def test_reach_of_pieces(labels: np.ndarray) -> None:
    chosen = labels >= 0
    found = piece_scales(chosen, np.where(chosen, labels, 255).astype(np.uint8)).run_voxels
    for label in (CAR, ROAD):
        numbers, _ = ndimage.label(labels == label, np.ones((3, 3, 3)))
        for number, sides in enumerate(ndimage.find_objects(numbers), 1):
            want = [side.stop - side.start for side in sides]
            assert (found[:, numbers == number] == np.array(want)[:, None]).all()
    assert (found[:, ~chosen] == 0).all()


def test_tracks_alone_ask_no_length() -> None:
    labels = np.full((1, 12, 8, 4), -1)
    labels[0, 2:6, 2, 1] = labels[0, 2:6, 6, 1] = CAR
    labels[0, 8, 2, 1] = TRUCK
    clouds = boxes(1, place(4, 2, 4))
    tracks = cleaned(carved(labels), clouds, evidence="tracks", box_margin_m=0.0)
    kept = tracks.state[0] == State.OCCUPIED
    assert (kept[2:6, 2, 1].all(), kept[2:6, 6, 1].any(), kept[8, 2, 1]) == (True, False, True)
    assert tracks.ignored == {"car": {"small": 0, "large": 0, "outside": 4}}
    wide = cleaned(carved(labels), clouds, evidence="tracks", box_margin_m=2.1)
    assert (wide.state[0, 2:6, 6, 1] == State.OCCUPIED).all(), "boxes grow by the margin"
    alone = cleaned(carved(labels), boxes(1), evidence="tracks")
    assert (alone.state[0, 2:6, 2, 1] == State.UNKNOWN).all(), "where nothing is tracked"


def test_each_class_has_its_own_limits() -> None:
    labels = np.full((1, 40, 8, 2), -1)
    labels[0, :20, 1, 0], labels[0, :20, 3, 0], labels[0, :30, 5, 0] = CAR, TRUCK, TRUCK
    made = cleaned(carved(labels), limits=("car - 6m", "truck 3 15m/15m/3m"))
    assert made.ignored == {
        "car": {"small": 0, "large": 20, "outside": 0}, "truck": {"small": 0, "large": 30, "outside": 0},
    }  # fmt: skip


@pytest.mark.parametrize(("voxel_m", "voxels"), [(0.2, 30), (0.4, 15), (0.1, 60)])
def test_metres_are_the_grids_voxels(voxel_m: float, voxels: int) -> None:
    assert Bound.parse("6m").voxels(voxel_m).ravel().tolist() == [voxels] * 3
    assert Bound.parse("30").voxels(voxel_m).ravel().tolist() == [30] * 3
    assert Bound.parse("6m/4m/2m").voxels(0.2).ravel().tolist() == [30, 20, 10]
    labels = np.full((1, 80, 3, 1), -1)
    labels[0, : voxels - 1, 0, 0], labels[0, : voxels - 2, 2, 0] = CAR, CAR
    made = cleaned(carved(labels, voxel_m))
    assert (made.ignored["car"]["large"], made.ignored["car"]["small"]) == (voxels - 1, 0), "l = L + 1"


@pytest.mark.parametrize(
    "text",
    ["car", "car 3", "car 3 6m 7", "car x 6m", "car 3 6m/4m", "car 3 6m/4/4", "car 0 6m", "car 3 nan", "cat 3 6m"],
)
def test_limits_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"CLASS SMALLEST LARGEST|no class is called 'cat'; did you mean 'car'"):
        ScaleLimits.parse(text)
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Clean).validate_python({"limits": ["truck 3 6m", text]})
    assert caught.value.errors()[0]["loc"] == ("limits", 1)


def test_a_class_with_limits_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="class 'car' has limits twice"):
        Clean(limits=("car 3 6m", "car 3 9m"))


def some_labels() -> np.ndarray:
    return np.random.default_rng(3).choice([-1, CAR, ROAD, TRUCK], (3, 14, 12, 4))


def test_cuts_change_nothing() -> None:
    labels, clouds = carved(some_labels()), boxes(3, (0.0, 0.0, 0.0, 4.0, 2.0, 1.5))
    assert len({digest([cleaned(labels, clouds, evidence="both", frames_per_part=n)]) for n in (1, 2, 3)}) == 1


def test_only_what_is_asked_is_read() -> None:
    assert Clean(evidence="scale").reads() == (CarvedOccupancy,)
    assert Clean().reads() == (CarvedOccupancy, ObjectClouds)


def test_offsets_of_cleaned_labels() -> None:
    made = cleaned(carved(long_runs()))
    world = World(tables_of([EGO], [0]), products={RefinedLabels: made})
    (offsets,) = world.run(VoxntRefined())
    assert isinstance(offsets, RefinedOffsets)
    want = instance_offsets(run_classes(made.state[0], made.semantics[0]))
    assert np.array_equal(offsets.offsets[0], want)
    assert run_classes(made.state[0], made.semantics[0])[5, 2, 1] == UNKNOWN_RUN
    assert offsets.labels == "refined_labels"
    assert Voxnt.writes != VoxntRefined.writes


def test_golden() -> None:
    labels, clouds = carved(some_labels()), boxes(3, (0.0, 0.0, 0.0, 4.0, 2.0, 1.5))
    made = cleaned(labels, clouds, evidence="both", limits=("car 3 2m", "truck 3 3"))
    assert (Clean.version, digest([made])) == GOLDEN
