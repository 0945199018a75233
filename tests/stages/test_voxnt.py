"""Instance offsets against the paper's Algorithm 1, restated as it is printed."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.instance_offsets import FREE_RUN, UNKNOWN_RUN, InstanceOffsets
from occ_pipeline.schemas.occupancy import Body, CarvedOccupancy, State
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.stages.voxnt import Voxnt, instance_offsets, normalise, run_classes, sampled, scales
from occ_pipeline.tests.stages.small_world import World, digest, pose, tables_of

GOLDEN = (1, "6f28c7092f4303f4ed47bde822ddf400b8ed271bbe483bf66900c1966124a88e")
GRID = VoxelGrid.from_range((-4.0, -3.0, -1.0, 4.0, 3.0, 1.0), 0.5)


def run_length_positive(labels: np.ndarray, dim: int) -> np.ndarray:
    out = np.empty(labels.shape, dtype=np.int32)
    length = labels.shape[dim]
    at = [slice(None)] * labels.ndim
    at[dim] = length - 1
    out[tuple(at)] = 1
    for i in range(length - 2, -1, -1):
        here, after = list(at), list(at)
        here[dim], after[dim] = i, i + 1
        same = labels[tuple(here)] == labels[tuple(after)]
        out[tuple(here)] = np.where(same, out[tuple(after)] + 1, 1)
    return out


def run_length_along_dim(labels: np.ndarray, dim: int, direction: str) -> np.ndarray:
    if direction == "positive":
        return run_length_positive(labels, dim)
    return np.flip(run_length_positive(np.flip(labels, dim), dim), dim)


def compute_all_direction_distances(labels: np.ndarray) -> np.ndarray:
    """Algorithm 1, for one grid."""
    return np.stack([run_length_along_dim(labels, d, way) for d in range(3) for way in ("positive", "negative")])


@st.composite
def grids(draw: st.DrawFn) -> np.ndarray:
    """1 to 64 voxels along each axis, 30,000 at most; 1 to 20 classes in clumps, and ignored voxels."""
    x = draw(st.integers(1, 64))
    y = draw(st.integers(1, min(64, 30_000 // x)))
    z = draw(st.integers(1, max(1, min(64, 30_000 // (x * y)))))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    clumps = rng.integers(0, draw(st.integers(1, 20)), (x, y, z))
    for axis in range(3):
        clumps = np.repeat(clumps, draw(st.sampled_from([1, 2, 5])), axis=axis)
    labels = clumps[:x, :y, :z].astype(draw(st.sampled_from([np.uint8, np.int64, np.uint16, np.int32])))
    labels[rng.random(labels.shape) < draw(st.sampled_from([0.0, 0.05]))] = 255
    return labels


@given(grids())
@settings(max_examples=500, deadline=None)
def test_equal_to_algorithm_1(labels: np.ndarray) -> None:
    offsets = instance_offsets(labels)
    assert offsets.dtype == np.uint16
    assert np.array_equal(offsets, compute_all_direction_distances(labels))


@pytest.mark.parametrize("shape", [(3, 2, 255), (2, 3, 256), (1, 2, 257), (2, 1, 700), (700, 2, 2), (2, 700, 1)])
def test_long_axes(shape: tuple[int, int, int]) -> None:
    for labels in (np.zeros(shape, np.uint8), np.random.default_rng(1).integers(0, 2, shape) // 2):
        assert np.array_equal(instance_offsets(labels), compute_all_direction_distances(labels))


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize("shape", [(64, 33, 32), (2, 5, 300), (5, 2, 3), (1, 1, 1)])
def test_threads_change_nothing(threads: int, shape: tuple[int, int, int]) -> None:
    labels = np.random.default_rng(2).integers(0, 3, shape).astype(np.uint8)
    assert np.array_equal(instance_offsets(labels, threads), compute_all_direction_distances(labels))


def test_equal_on_real_labels(recordings: Path) -> None:
    (path,) = sorted((recordings / "occ3d").rglob("labels.npz"))
    labels = np.load(path)["semantics"]
    assert labels.shape == (200, 200, 16)
    assert np.array_equal(instance_offsets(labels), compute_all_direction_distances(labels))


def test_an_array_that_is_there_is_written() -> None:
    labels = np.random.default_rng(4).integers(0, 3, (9, 7, 5))
    out = np.full((6, 9, 7, 5), 9999, np.uint16)
    assert instance_offsets(labels, out=out) is out
    assert np.array_equal(out, compute_all_direction_distances(labels))
    for wrong in (out[:5], out.astype(np.int32), np.asfortranarray(out)):
        with pytest.raises(ValueError, match=r"out must be uint16 \(6, 9, 7, 5\) in C order"):
            instance_offsets(labels, out=wrong)  # type: ignore[arg-type]


def test_a_run_of_three() -> None:
    offsets = instance_offsets(np.array([[[0, 7, 7, 7, 255]]]))
    assert offsets[4].ravel().tolist() == [1, 3, 2, 1, 1]
    assert offsets[5].ravel().tolist() == [1, 1, 2, 3, 1]
    told = scales(offsets)
    assert told.run_voxels[2].ravel().tolist() == [1, 3, 3, 3, 1]
    assert told.paper_l[2].ravel().tolist() == [2, 4, 4, 4, 2]


def test_views_of_other_arrays_are_read_as_they_look() -> None:
    labels = np.random.default_rng(0).integers(0, 3, (8, 10, 12)).astype(np.uint8)
    turned = labels.transpose(2, 0, 1)[::-1]
    assert np.array_equal(instance_offsets(turned), compute_all_direction_distances(turned))


def test_normalised_as_in_the_paper() -> None:
    offsets = instance_offsets(np.zeros((4, 5, 8), np.uint8))
    normal = normalise(offsets)
    assert normal.dtype == np.float32
    assert np.allclose(normal.max(axis=(1, 2, 3)), 1)
    assert normal[0, 3, 0, 0] == np.float32(1 / 4)
    assert normal[3, 0, 0, 0] == np.float32(1 / 5)
    assert normal[5, 0, 0, 0] == np.float32(1 / 8)


def test_samples_are_of_every_fourth_voxel() -> None:
    offsets = instance_offsets(np.random.default_rng(0).integers(0, 2, (16, 12, 9)))
    few = sampled(offsets, 4)
    assert few.shape == (6, 4, 3, 3)
    assert np.array_equal(few[:, 2, 1, 2], offsets[:, 8, 4, 8])


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros((3, 3)), r"integers \(X, Y, Z\), found float64 \(3, 3\)"),
        (np.zeros((1, 3, 3, 3), np.uint8), r"found uint8 \(1, 3, 3, 3\)"),
        (np.zeros((2, 2, 2)), "found float64"),
        (np.zeros((2, 0, 2), np.uint8), r"1 to 65535 voxels along each axis, found \(2, 0, 2\)"),
        (np.zeros((1, 1, 65_536), np.uint8), "65536"),
    ],
)
def test_other_arrays_are_refused(labels: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        instance_offsets(labels)


def test_little_memory_beside_the_output() -> None:
    labels = np.zeros((64, 64, 32), np.uint8)
    instance_offsets(labels)
    tracemalloc.start()
    try:
        offsets = instance_offsets(labels)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < offsets.nbytes + 50_000


def carved() -> CarvedOccupancy:
    rng = np.random.default_rng(0)
    shape = (3, *GRID.shape)
    state = rng.integers(0, 3, shape).astype(np.uint8)
    occupied = state == State.OCCUPIED
    some = np.where(rng.random(shape) < 0.1, 255, rng.integers(0, 3, shape)).astype(np.uint8)
    none = np.zeros(shape, np.uint8)
    return CarvedOccupancy(
        state=state, semantics=np.where(occupied, some, np.uint8(255)),
        body=np.where(occupied, Body.STATIC, Body.NONE).astype(np.uint8), mask_lidar=none, mask_camera=none,
        world_SE3_grid=np.array([pose(i, 2, 3) for i in range(3)]), grid=GRID.to_json(), taxonomy=NUSCENES.name,
        frame_tokens=[f"frame-{i}" for i in range(3)],
    )  # fmt: skip


def world() -> World:
    return World(tables_of([pose(i, 2, 3) for i in range(3)], [0, 1, 2]), products={CarvedOccupancy: carved()})


def offsets_of(made: World, **parameters: object) -> InstanceOffsets:
    (product,) = made.run(Voxnt(**parameters))  # type: ignore[arg-type]
    assert isinstance(product, InstanceOffsets)
    return product


def test_free_unknown_and_unlabelled_make_runs_of_their_own() -> None:
    labels, made = carved(), offsets_of(world())
    for frame in range(3):
        state, semantics = labels.state[frame].astype(int), labels.semantics[frame].astype(int)
        want = compute_all_direction_distances(state * 1000 + np.where(state == State.OCCUPIED, semantics, 0))
        assert np.array_equal(made.offsets[frame], want)
    classes = run_classes(labels.state, labels.semantics)
    assert set(np.unique(classes)) == {0, 1, 2, 255, FREE_RUN, UNKNOWN_RUN}


def test_the_stage_keeps_samples() -> None:
    whole, few = offsets_of(world()), offsets_of(world(), every=3)
    assert few.offsets.shape == (3, 6, 6, 4, 2)
    assert np.array_equal(few.offsets, whole.offsets[:, :, ::3, ::3, ::3])
    assert (few.every, few.labels) == (3, "carved_occupancy")


def test_cuts_change_nothing() -> None:
    assert len({digest([offsets_of(world(), frames_per_part=n)]) for n in (1, 2, 3)}) == 1


def test_a_pole_is_long_in_z_and_a_road_in_x_and_y() -> None:
    labels = np.full((40, 40, 16), 17)
    labels[:, :, 2] = 11
    labels[20, 20, 3:14] = 15
    runs = scales(instance_offsets(labels)).run_voxels
    assert runs[:, 20, 20, 8].tolist() == [1, 1, 11]
    assert runs[:, 5, 5, 2].tolist() == [40, 40, 1]


def test_golden() -> None:
    made = offsets_of(world())
    assert (Voxnt.version, digest([made])) == GOLDEN
