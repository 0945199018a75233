"""Corrections of poses between registered sweeps, and what they do to boxes and cameras."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from occ_pipeline.schemas.refined_poses import (
    Corrections,
    PoseStatus,
    RefinedPoses,
    corrections_of,
    refined_cameras,
    refined_sweeps,
    refined_tables,
)
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.tests.schemas.camera_samples import cameras
from occ_pipeline.tests.stages.small_world import CAR, LIDAR_MOUNT, Box, pose, tables_of
from scipy.spatial.transform import Rotation

SECOND = 1_000_000_000


def some_poses(count: int, seed: int, metres: float, degrees: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, :3] = Rotation.from_rotvec(np.radians(rng.normal(0, degrees, (count, 3)))).as_matrix()
    poses[:, :3, 3] = rng.normal(0, metres, (count, 3))
    return poses


def logged() -> SceneTables:
    """Eleven sweeps 0.1 s apart, key frames every half second, a car with boxes at key frames and one between sweeps."""
    ego = [pose(600.0 + k, -90.0, 0.0, 0.05 * k) @ some_poses(11, 1, 0.1, 1.0)[k] for k in range(11)]
    boxes = [(t, pose(610.0 + t, -88.0, 1.0, 0.3)) for t in (0.0, 0.23, 0.5, 1.0)]
    return tables_of(ego, [0, 5, 10], [Box(CAR, (4.0, 2.0, 1.5), boxes)])


def refined(tables: SceneTables, corrections: np.ndarray, verdict: str = "refined") -> RefinedPoses:
    count = len(corrections)
    numbers: dict[str, Any] = {
        name: np.zeros(count, np.float32) for name in ("residual_before_m", "residual_after_m", "overlap")
    }
    known = Corrections(tables.timestamps_ns[tables.key_sweeps], corrections)
    return RefinedPoses(
        world_SE3_ego=refined_sweeps(tables, known),
        node_sweeps=tables.key_sweeps,
        ego_SE3_refined=corrections,
        status=np.full(count, PoseStatus.REFINED, np.uint8),
        verdict=verdict,
        reason="",
        map_thickness_m=[None, None],
        found={},
        **numbers,
    )


def test_corrections_between_two_nodes_are_in_proportion() -> None:
    end = pose(0.2, -0.1, 0.4, 0.06)
    known = Corrections(np.array([0, SECOND]) + 10**18, np.stack([np.eye(4), end]))
    quarter = known.at(np.array([10**18 + SECOND // 4]))[0]
    assert quarter == pytest.approx(pose(0.05, -0.025, 0.1, 0.015), abs=1e-12)
    outside = known.at(np.array([10**18 - SECOND, 10**18 + 3 * SECOND]))
    assert outside == pytest.approx(np.stack([np.eye(4), end]), abs=1e-12)
    assert known.at(np.zeros(0, np.int64)).shape == (0, 4, 4)


def test_one_node_corrects_all_alike() -> None:
    known = Corrections(np.array([5]), some_poses(1, 2, 1.0, 5.0))
    assert (known.at(np.array([0, 5, 9])) == known.ego_SE3_refined[0]).all()


def test_no_correction_changes_no_bit() -> None:
    tables = logged()
    nothing = np.tile(np.eye(4), (3, 1, 1))
    assert (refined(tables, nothing).world_SE3_ego == tables.world_SE3_ego).all()
    assert refined_tables(tables, refined(tables, some_poses(3, 3, 1.0, 5.0), "kept")) is tables
    some = cameras()
    assert refined_cameras(some, tables, refined(tables, some_poses(3, 3, 1.0, 5.0), "refused")) is some


def test_boxes_keep_their_place_relative_to_the_lidar() -> None:
    """Also between sweeps, where the LiDAR's pose is the interpolated one."""
    before = logged()
    after = refined_tables(before, refined(before, some_poses(3, 4, 0.3, 2.0)))
    assert np.abs(after.world_SE3_ego - before.world_SE3_ego).max() > 0.1
    for box, time_ns in enumerate(before.box_timestamps_ns):
        places = []
        for tables in (before, after):
            sweep = np.flatnonzero(tables.timestamps_ns == time_ns)
            if len(sweep):
                ego = tables.world_SE3_ego[sweep[0]]
            else:
                # 0.03 s after the third sweep.
                ego = Corrections(tables.timestamps_ns, tables.world_SE3_ego).at(np.array([time_ns]))[0]
            places.append(np.linalg.inv(ego @ LIDAR_MOUNT) @ tables.world_SE3_box[box])
        exact = 1e-9 if len(sweep) else 3e-3
        assert places[1] == pytest.approx(places[0], abs=exact), box
    assert (after.world_SE3_box[:, 3] == (0, 0, 0, 1)).all()
    assert (after.box_timestamps_ns == before.box_timestamps_ns).all()


def test_a_scene_without_boxes() -> None:
    before = tables_of([pose(k, 0, 0) for k in range(3)], [0, 1, 2])
    after = refined_tables(before, refined(before, some_poses(3, 5, 0.3, 2.0)))
    assert after.world_SE3_box.shape == (0, 4, 4)


def test_cameras_are_corrected_at_their_own_times() -> None:
    tables = logged()
    start = int(tables.timestamps_ns[0])
    some = cameras()
    some = dataclasses.replace(
        some, timestamps_ns=np.where(some.timestamps_ns < 0, -1, start + some.timestamps_ns // 10)
    )
    poses = refined(tables, some_poses(3, 6, 0.3, 2.0))
    found = refined_cameras(some, tables, poses)
    for frame, camera in ((0, 0), (0, 1), (1, 0), (2, 0), (2, 1)):
        correction = corrections_of(tables, poses).at(some.timestamps_ns[frame, camera][None])[0]
        wanted = some.world_SE3_ego[frame, camera] @ correction
        assert found.world_SE3_ego[frame, camera] == pytest.approx(wanted, abs=1e-12)
    assert np.isnan(found.world_SE3_ego[1, 1]).all()
    assert not np.allclose(found.world_SE3_ego[0, 0], some.world_SE3_ego[0, 0])
    assert (found.timestamps_ns == some.timestamps_ns).all()


def test_a_log_without_boxes_has_none_afterwards() -> None:
    tables = dataclasses.replace(
        logged(), box_track=np.zeros(0, np.int32), box_timestamps_ns=np.zeros(0, np.int64), world_SE3_box=np.zeros((0, 4, 4)),
        box_size_m=np.zeros((0, 3)), track_tokens=[], track_categories=[], track_classes=[],
    )  # fmt: skip
    # As it comes from a store.
    tables.world_SE3_box.setflags(write=False)
    moved = refined_tables(tables, refined(tables, some_poses(3, 2, 0.1, 0.5)))
    assert moved.world_SE3_box.shape == (0, 4, 4)
    assert not np.array_equal(moved.world_SE3_ego, tables.world_SE3_ego)
