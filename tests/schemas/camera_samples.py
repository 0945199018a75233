"""Two cameras in three key frames, one of them absent once."""

from __future__ import annotations

import numpy as np
from occ_pipeline.schemas.cameras import CameraTables

AHEAD = np.array([[0.0, 0.0, 1.0, 1.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 1.5], [0.0, 0.0, 0.0, 1.0]])
"""``ego_SE3_camera`` of a camera that looks straight ahead."""
INTRINSICS = np.array([[100.0, 0.0, 40.0], [0.0, 110.0, 30.0], [0.0, 0.0, 1.0]])


def cameras() -> CameraTables:
    poses = np.tile(np.eye(4), (3, 2, 1, 1))
    poses[..., 0, 3] = np.arange(6).reshape(3, 2)
    tables = CameraTables(
        timestamps_ns=np.arange(6).reshape(3, 2) * 10**9,
        world_SE3_ego=poses,
        ego_SE3_camera=np.tile(AHEAD, (3, 2, 1, 1)),
        intrinsics=np.tile(INTRINSICS, (3, 2, 1, 1)),
        scene="s",
        names=["left", "right"],
        frame_tokens=["f0", "f1", "f2"],
        image_files=[["a", "b"], ["c", ""], ["e", "f"]],
        image_sizes=[[80, 60], [80, 60]],
    )
    tables.timestamps_ns[1, 1] = -1
    for values in (tables.world_SE3_ego, tables.ego_SE3_camera, tables.intrinsics):
        values[1, 1] = np.nan
    return tables
