"""What the stage copies is what the log has, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.scene import SweepPoints
from occ_pipeline.schemas.sensor_frames import SensorFrames
from occ_pipeline.stages.inputs import CopyInputs
from occ_pipeline.tests.schemas.camera_samples import cameras
from occ_pipeline.tests.stages.small_world import World, digest, moved, pose, tables_of

GOLDEN = (1, "7212bcf667ce85c66046ff8f6a9deb0acbd3a81ffc481a0ffba15e4a074782d8")
KEYS = (1, 3, 4)
IMAGES = {(k, c): bytes([10 * k + c]) * (3 + k + c) for k in range(3) for c in range(2) if (k, c) != (1, 1)}
PLACE = np.array([[7.0, -2.0, 0.5]])
"""Of a post in the world, which every sweep sees."""


def small_log(intensity: bool = True) -> World:
    """Five sweeps of the ego vehicle driving and turning; key frames are the second, fourth and fifth."""
    world = World(tables_of([pose(x, 0.5 * x, 0, 0.2 * x) for x in range(5)], KEYS))
    random = np.random.default_rng(0)
    for sweep in range(5):
        post = moved(PLACE, np.linalg.inv(world.tables.world_SE3_lidar(sweep)))
        points = np.concatenate([post, random.normal(size=(sweep, 3))]).astype(np.float32)
        strength = random.uniform(0, 255, len(points)).astype(np.float32)
        world.sweeps.append(SweepPoints(points, None, None, intensity=strength if intensity else None))
    world.products[CameraTables] = cameras()
    world.images = dict(IMAGES)
    return world


def copied(world: World, **parameters: object) -> SensorFrames:
    (made,) = world.run(CopyInputs(**parameters))  # type: ignore[arg-type]
    assert isinstance(made, SensorFrames)
    return made


def test_points_images_and_calibration_are_the_logs() -> None:
    world = small_log()
    made = copied(world)
    assert made.point_offsets.tolist() == [0, 2, 6, 11]
    for k, key in enumerate(KEYS):
        rows = slice(*made.point_offsets[k : k + 2])
        assert np.array_equal(made.points[rows], world.sweeps[key].points)
        assert np.array_equal(made.intensity[rows], world.sweeps[key].intensity)
        assert np.array_equal(made.world_SE3_ego[k], world.tables.world_SE3_ego[key])
        assert np.array_equal(made.ego_SE3_lidar[k], world.tables.ego_SE3_lidar[key])
        assert made.timestamps_ns[k] == world.tables.timestamps_ns[key]
        for c in range(2):
            begin, end = made.image_offsets[2 * k + c : 2 * k + c + 2]
            assert made.image_bytes[begin:end].tobytes() == IMAGES.get((k, c), b"")
    assert not made.time_s.any()
    assert (made.intensity_most, made.cameras, made.image_sizes) == (255.0, ["left", "right"], [[80, 60], [80, 60]])
    tables = cameras()
    for name, logged in (
        ("camera_timestamps_ns", tables.timestamps_ns), ("camera_world_SE3_ego", tables.world_SE3_ego),
        ("ego_SE3_camera", tables.ego_SE3_camera), ("intrinsics", tables.intrinsics),
    ):  # fmt: skip
        assert np.array_equal(getattr(made, name), logged, equal_nan=True)


def test_sweeps_before_are_moved_by_the_poses() -> None:
    """The post stands where it stood, however the vehicle moved; the scene's first sweeps have fewer before them."""
    world = small_log()
    made = copied(world, sweeps=3)
    assert np.diff(made.point_offsets).tolist() == [1 + 2, 2 + 3 + 4, 3 + 4 + 5]
    for k, key in enumerate(KEYS):
        rows = slice(*made.point_offsets[k : k + 2])
        times = np.repeat([(s - key) * 0.1 for s in range(max(0, key - 2), key + 1)], [s + 1 for s in range(max(0, key - 2), key + 1)])  # fmt: skip
        assert np.allclose(made.time_s[rows], times, atol=1e-6)
        ends = np.flatnonzero(np.diff(times, prepend=-1))
        post = moved(PLACE, np.linalg.inv(world.tables.world_SE3_lidar(key)))
        assert np.allclose(made.points[rows][ends], post, atol=1e-5)


def test_how_frames_are_cut_into_parts_changes_no_byte() -> None:
    made = [digest([copied(small_log(), frames_per_part=n, sweeps=2)]) for n in (1, 2, 3)]
    assert len(set(made)) == 1


def test_what_a_log_may_lack() -> None:
    made = copied(small_log(intensity=False), images=False)
    assert not made.intensity.any()
    assert made.image_bytes.shape == (0,)
    assert made.image_offsets.tolist() == [0] * 7
    world = small_log()
    world.products[CameraTables] = CameraTables.none("small", world.tables.frame_tokens)
    assert copied(world).image_offsets.tolist() == [0]


def test_intensity_that_is_no_number_is_none() -> None:
    world = small_log()
    strength = world.sweeps[1].intensity
    assert strength is not None
    strength[0] = np.nan
    assert copied(world).intensity[:2].tolist() == [0.0, strength[1]]


def test_offsets_that_do_not_fit_are_refused() -> None:
    made = copied(small_log())
    values = {name: getattr(made, name) for name in (*SensorFrames.specs(), *SensorFrames.attribute_names())}
    for name, wrong, said in (
        ("point_offsets", made.point_offsets[:-1], "3 rows of point_offsets"),
        ("image_offsets", made.image_offsets[::-1].copy(), "offsets must rise from 0"),
        ("cameras", ["left"], "1 cameras for 3 key frames of 2 cameras"),
    ):
        with pytest.raises(ValueError, match=said):
            SensorFrames(**{**values, name: wrong})


def test_golden() -> None:
    assert (CopyInputs.version, digest([copied(small_log())])) == GOLDEN
