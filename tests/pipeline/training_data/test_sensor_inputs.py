"""Points and cameras are in the grid's frame, mirrored with it, and hold the bytes of the store."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.store.index import update_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.pipeline.targets import Draw, OccupancyTargets, collate
from occ_pipeline.schemas.cameras import project
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.product import load
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.sensor_frames import SensorFrames
from occ_pipeline.tests.pipeline.judged_store import commit
from occ_pipeline.tests.pipeline.training_data.small_store import FRAMES, GRID, HIGH, WIDE, stored
from PIL import Image


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]


@pytest.mark.parametrize("store", ["small", "small_ego"])
def test_points_are_where_they_are_in_the_world(store: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(store)
    frames, tables = (load(kind, stored(path, "b", kind)) for kind in (SensorFrames, SceneTables))
    targets = OccupancyTargets(path, scenes=["b"], points=True, flips="xy")
    mirrored = 0
    for row in range(FRAMES):
        for epoch in range(3):
            sample = targets[Draw(row, epoch)]
            rows = slice(*frames.point_offsets[row : row + 2])
            want = moved(frames.points[rows], tables.world_SE3_lidar(row))
            pose = sample["world_SE3_grid"].numpy()
            assert np.allclose(moved(sample["points"][:, :3].numpy(), pose), want, atol=1e-5)
            assert np.allclose(sample["points"][:, 3], frames.intensity[rows] / 255)
            assert np.array_equal(sample["points"][:, 4], frames.time_s[rows])
            mirrored += np.linalg.det(pose[:3, :3]) < 0
    assert mirrored
    plain = OccupancyTargets(path, scenes=["b"], points=True)[2]["points"][:, :3].numpy()
    if store == "small":
        assert np.array_equal(plain, frames.points[slice(*frames.point_offsets[2:4])]), "bit for bit in the LiDAR frame"


def test_a_mirrored_point_lies_in_the_mirrored_voxel(small: Path) -> None:
    plain, turned = (OccupancyTargets(small, scenes=["a"], points=True, flips=flips, seed=5) for flips in ("", "xy"))
    for row in range(FRAMES):
        for epoch in range(3):
            one, other = plain[row], turned[Draw(row, epoch)]
            classes = [labels_at(sample) for sample in (one, other)]
            # A point on the border of two voxels may change sides.
            assert np.mean(classes[0] == classes[1]) > 0.95


def labels_at(sample: dict[str, object]) -> np.ndarray:
    voxels, inside = GRID.index(sample["points"][:, :3].numpy())  # type: ignore[index]
    return np.where(inside, sample["labels"].numpy()[tuple(np.where(inside[:, None], voxels, 0).T)], 77)  # type: ignore[attr-defined]


@pytest.mark.parametrize("store", ["small", "small_ego"])
def test_voxels_fall_onto_the_same_pixels_mirrored_or_not(store: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(store)
    frames = load(SensorFrames, stored(path, "b", SensorFrames))
    size = (2 * HIGH, 3 * WIDE)
    targets = OccupancyTargets(path, scenes=["b"], images="decoded", image_size=size, flips="xy")
    middles = (np.argwhere(np.ones(GRID.shape)) + 0.5) * GRID.voxel_m + GRID.min_m
    for row in (0, 2, 4):
        for epoch in range(3):
            sample = targets[Draw(row, epoch)]
            assert sample["images"].shape == (2, 3, *size)
            world = moved(middles, sample["world_SE3_grid"].numpy())
            for camera in range(2):
                world_SE3_camera = frames.camera_world_SE3_ego[row, camera] @ frames.ego_SE3_camera[row, camera]
                want, depth = project(world, np.linalg.inv(world_SE3_camera), frames.intrinsics[row, camera])
                pose, intrinsics = (sample[n][camera].numpy().astype(float) for n in ("camera_SE3_grid", "intrinsics"))
                found, seen = project(middles, pose, intrinsics)
                assert np.allclose(seen, depth, atol=1e-4)
                near = depth > 0.5
                assert np.allclose(found[near], (want * (3, 2))[near], atol=2e-2)
                assert near.any()


def test_images_are_the_files_of_the_log(small: Path) -> None:
    frames = load(SensorFrames, stored(small, "a", SensorFrames))
    encoded = OccupancyTargets(small, scenes=["a"], images="encoded")
    decoded = OccupancyTargets(small, scenes=["a"], images="decoded")
    for row in range(FRAMES):
        files = [frames.image_bytes[a:b].tobytes() for a, b in zip(frames.image_offsets[2 * row :], frames.image_offsets[2 * row + 1 : 2 * row + 3], strict=False)]  # fmt: skip
        assert encoded[row]["image_bytes"].numpy().tobytes() == b"".join(files)
        assert encoded[row]["image_byte_counts"].tolist() == [len(file) for file in files]
        for found, file in zip(decoded[row]["images"].numpy(), files, strict=True):
            pixels = np.array(Image.open(io.BytesIO(file))) if file else np.zeros((HIGH, WIDE, 3))
            assert np.array_equal(np.rint(found.transpose(1, 2, 0) * 255), pixels)
            assert 0 <= found.min() <= found.max() <= 1


def test_a_camera_without_an_image_sees_nothing(small: Path) -> None:
    sample = OccupancyTargets(small, scenes=["a"], images="decoded", cameras=["right", "left"])[1]
    assert sample["image_there"].tolist() == [False, True]
    assert not sample["images"][0].any()
    assert sample["images"][1].any()
    points = np.random.default_rng(0).normal(size=(50, 3)) * 30
    pixels, _ = project(points, sample["camera_SE3_grid"][0].double().numpy(), sample["intrinsics"][0].double().numpy())
    assert np.isnan(pixels).all()
    assert all(
        bool(value.isfinite().all()) for name, value in sample.items() if name in ("camera_SE3_grid", "intrinsics")
    )


def test_batches_join_points_and_stack_the_rest(small: Path) -> None:
    targets = OccupancyTargets(small, split="train", points=True, images="encoded")
    samples = [targets[i] for i in (0, 7, 3)]
    batch = collate(samples)
    assert batch["labels"].shape == (3, *GRID.shape)
    assert batch["camera_SE3_grid"].shape == (3, 2, 4, 4)
    assert (batch["scene"], batch["frame"]) == ([s["scene"] for s in samples], [s["frame"] for s in samples])
    assert batch["point_counts"].tolist() == [len(s["points"]) for s in samples]
    starts = np.append(0, np.cumsum(batch["point_counts"]))
    for sample, a, b in zip(samples, starts, starts[1:], strict=False):
        assert np.array_equal(batch["points"][a:b], sample["points"])
    assert batch["image_byte_counts"].sum() == len(batch["image_bytes"])
    samples[1]["intrinsics"] = samples[1]["intrinsics"][:1]
    with pytest.raises(UsageError, match=r"intrinsics of a batch's frames differ in shape \(scene c.*name cameras"):
        collate(samples)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"images": "raw"}, "no form of images is called 'raw'"),
        ({"images": "encoded", "image_size": (4, 4)}, "image_size is the height and width of decoded images"),
        ({"images": "encoded", "cameras": ["front"]}, "no camera of the scene is called 'front' (scene a), expected one of left, right"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(small: Path, asked: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        OccupancyTargets(small, **asked)[0]  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_inputs_with_other_poses_than_the_labels_are_refused(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "moved.zarr"
    shutil.copytree(small, path)
    frames = load(SensorFrames, stored(path, "b", SensorFrames))
    frames.world_SE3_ego[:, 0, 3] += 0.01
    store = Store.open(path)
    update_index(store, {"b": {SensorFrames: commit(store, "b", frames, {}, moved=True)}})
    with pytest.raises(
        UsageError, match=r"sensor_frames have other poses than the labels \(scene b\): found up to 0.01 m"
    ):
        OccupancyTargets(path, scenes=["b"], points=True)[0]
