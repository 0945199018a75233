"""Poses between, before and after annotated boxes, and what counts as motion."""

from __future__ import annotations

import numpy as np
import pytest
from occ_pipeline.schemas.object_clouds import Motion
from occ_pipeline.stages.tracks import Track, classify_motion
from scipy.spatial.transform import Rotation

SECOND = 1_000_000_000


def track(centres: list[list[float]], yaws: list[float] | None = None, class_id: int = 4, step_s: float = 0.5) -> Track:
    yaws = yaws or [0.0] * len(centres)
    times = (np.arange(len(centres)) * step_s * SECOND).astype(np.int64) + 10**18
    rotations = Rotation.from_euler("z", np.array(yaws)[:, None]).as_matrix()
    sizes = np.tile([4.0, 2.0, 1.5], (len(centres), 1))
    return Track(times, np.array(centres, dtype=np.float64), rotations, sizes, class_id)


def pose_at(of: Track, seconds: float, carry_s: float) -> np.ndarray:
    return of.poses(of.timestamps_ns[:1] + int(seconds * SECOND), carry_s)[0]


def test_between_boxes_the_pose_is_interpolated() -> None:
    turning = track([[0, 0, 0], [4, 2, 1]], [0.0, 0.8])
    pose = pose_at(turning, 0.125, 0.5)
    assert pose[:3, 3] == pytest.approx([1.0, 0.5, 0.25])
    assert Rotation.from_matrix(pose[:3, :3]).as_euler("zyx")[0] == pytest.approx(0.2)


def test_a_turn_takes_the_short_way_around() -> None:
    turning = track([[0, 0, 0], [1, 0, 0]], [np.pi - 0.1, -np.pi + 0.1])
    pose = pose_at(turning, 0.25, 0.0)
    assert abs(Rotation.from_matrix(pose[:3, :3]).as_euler("zyx")[0]) == pytest.approx(np.pi)


@pytest.mark.parametrize(("seconds", "x"), [(-0.4, -0.8), (1.3, 2.6)])
def test_at_its_ends_the_track_goes_on_at_its_last_velocity(seconds: float, x: float) -> None:
    straight = track([[0, 0, 0], [1, 0, 0], [2, 0, 0]])
    pose = pose_at(straight, seconds, 0.5)
    assert pose[0, 3] == pytest.approx(x)


def test_beyond_its_ends_the_object_is_absent_and_a_single_box_stands() -> None:
    straight = track([[0, 0, 0], [1, 0, 0]])
    assert np.isnan(pose_at(straight, 1.5, 0.5)).all()
    single = track([[7, 0, 0]])
    pose = pose_at(single, 0.25, 0.5)
    assert pose[0, 3] == 7.0


def test_motion_is_told_by_horizontal_travel_and_class() -> None:
    none: frozenset[int] = frozenset()
    drifting_up = track([[0, 0, 0.0], [0.2, 0, 1.0], [0.1, 0.1, 2.0]])
    assert classify_motion(drifting_up, 0.6, none, none) == Motion.PARKED
    assert classify_motion(track([[0, 0, 0], [2, 0, 0], [4, 0, 0]]), 0.6, none, none) == Motion.RIGID
    assert classify_motion(track([[0, 0, 0]]), 0.6, none, none) == Motion.RIGID
    cyclist = track([[0, 0, 0], [2, 0, 0]], class_id=2)
    assert classify_motion(cyclist, 0.6, frozenset({2}), none) == Motion.DEFORMING
    standing = track([[0, 0, 0], [0, 0, 0]], class_id=7)
    assert classify_motion(standing, 0.6, none, frozenset({7})) == Motion.DEFORMING
