"""Tables of a scene that contradict themselves are refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from occ_pipeline.tests.stages.small_world import CAR, LIDAR_MOUNT, Box, pose, tables_of

TABLES = tables_of([pose(i, 0, 0) for i in range(3)], [0, 2], [Box(CAR, (4, 2, 1), [(0.0, np.eye(4))])])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"point_files": ["a.bin"]}, "1 point_files for 3 rows"),
        ({"label_files": []}, "0 label_files for 2 rows"),
        ({"frame_tokens": ["a", "b", "c"]}, "3 frame_tokens for 2 rows"),
        ({"timestamps_ns": np.array([1, 3, 2])}, "time stamps of sweeps must increase"),
        ({"timestamps_ns": np.array([1, 2, 2])}, "time stamps of sweeps must increase"),
        ({"track_classes": []}, "differ in number"),
        ({"track_categories": ["a", "b"]}, "differ in number"),
        ({"box_track": np.zeros(2, np.int32)}, "axis box"),
        ({"world_SE3_ego": np.zeros((2, 4, 4))}, "axis sweep"),
        ({"ego_SE3_lidar": np.zeros((3, 3, 4))}, "axis row"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(TABLES, **change)


def test_the_lidars_pose_is_the_vehicles_and_its_mounting() -> None:
    found = TABLES.world_SE3_lidar(2)
    assert found == pytest.approx(pose(2, 0, 0) @ LIDAR_MOUNT)
    # What lies ahead of the LiDAR, its y, lies ahead of the vehicle.
    assert found[:3, :3] @ (0, 1, 0) == pytest.approx([1, 0, 0])
