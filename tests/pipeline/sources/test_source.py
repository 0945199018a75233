"""What the contract's docstring says of datasets that have no reader yet, tried on tables as such a reader would make them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sources import preflight, read_sweep
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.stages.tracks import box_poses, scene_tracks

ARGOVERSE_NS = 315_966_070_559_696_001
"""Of the size of Argoverse 2's, and no multiple of what float64 can hold there."""
FRAMES, LIDARS = 3, 5
FRAME_NS = 100_000_000


def waymo_like(root: Path) -> SceneTables:
    """Three frames at 10 Hz of five LiDARs with a mounting each, of which the first is the key frame's; no tracks."""
    mountings = np.tile(np.eye(4), (LIDARS, 1, 1))
    mountings[:, :3, 3] = [[1.4, 0, 2.2], [4.1, 0, 0.7], [3.2, 1.0, 1.0], [3.2, -1.0, 1.0], [-1.2, 0, 0.5]]
    sweeps = FRAMES * LIDARS
    poses = np.tile(np.eye(4), (sweeps, 1, 1))
    poses[:, 0, 3] = np.repeat(np.arange(FRAMES), LIDARS) * 0.9
    files = [f"lidar/{k}.bin" for k in range(sweeps)]
    (root / "lidar").mkdir()
    for k, file in enumerate(files):
        np.full((3, 6), k, dtype="<f4").tofile(root / file)
    stamps = [ARGOVERSE_NS + frame * FRAME_NS + lidar for frame in range(FRAMES) for lidar in range(LIDARS)]
    return SceneTables(
        timestamps_ns=np.array(stamps, dtype=np.int64), world_SE3_ego=poses, ego_SE3_lidar=np.tile(mountings, (FRAMES, 1, 1)),
        key_sweeps=np.arange(0, sweeps, LIDARS, dtype=np.int32), box_track=np.zeros(0, np.int32),
        box_timestamps_ns=np.zeros(0, np.int64), world_SE3_box=np.zeros((0, 4, 4)), box_size_m=np.zeros((0, 3)),
        scene="segment", dataset="waymo", version="v2", split="test", taxonomy=NUSCENES.name, synthetic=False,
        point_columns=6, point_files=files, label_files=[""] * FRAMES, label_classes=[], label_kinds=[], label_bytes=4,
        frame_tokens=[str(k) for k in range(FRAMES)], track_tokens=[], track_categories=[], track_classes=[],
    )  # fmt: skip


def test_lidars_of_one_frame_are_sweeps_a_nanosecond_apart(tmp_path: Path) -> None:
    tables = waymo_like(tmp_path)
    found = preflight(tmp_path, tables, "error")
    assert found.problems == ()
    assert found.tables is not None
    places = np.array([tables.world_SE3_lidar(sweep)[:3, 3] for sweep in range(len(tables.point_files))])
    assert len(np.unique(places, axis=0)) == FRAMES * LIDARS, "every LiDAR's rays begin where it is"
    for sweep in (0, 7):
        assert (read_sweep(tmp_path, tables, sweep).points == sweep).all()


def test_without_tracks_a_warning_says_what_stays(tmp_path: Path) -> None:
    tables = waymo_like(tmp_path)
    (warning,) = preflight(tmp_path, tables).warnings
    assert (
        "no tracked objects, so what moves is looked for by rays, and what these do not show moving stays in the static map"
        in warning
    )
    assert box_poses(scene_tracks(tables), tables.timestamps_ns, 0.2).shape == (FRAMES * LIDARS, 0, 4, 4)


def test_time_stamps_keep_their_last_nanosecond(tmp_path: Path) -> None:
    tables = waymo_like(tmp_path)
    assert tables.timestamps_ns[1] - tables.timestamps_ns[0] == 1
    for first_ns, wrong_ns in ((ARGOVERSE_NS, 32), (1_507_657_213 * 10**9, 128)):
        beside = np.arange(first_ns, first_ns + 1000)
        assert np.abs(beside.astype(np.float64).astype(np.int64) - beside).max() == wrong_ns


def test_a_box_alone_is_carried_on(tmp_path: Path) -> None:
    """Why boxes that nobody tracked are left out."""
    tables = waymo_like(tmp_path)
    one = {
        "box_track": np.zeros(1, np.int32), "box_timestamps_ns": tables.timestamps_ns[5:6],
        "world_SE3_box": np.eye(4)[None], "box_size_m": np.ones((1, 3)),
        "track_tokens": ["a"], "track_categories": ["car"], "track_classes": [4],
    }  # fmt: skip
    values = {name: getattr(tables, name) for name in (*SceneTables.specs(), *SceneTables.attribute_names())}
    boxed = SceneTables(**values | one)
    present = np.isfinite(box_poses(scene_tracks(boxed), boxed.timestamps_ns, 0.15)).all(axis=(2, 3))[:, 0]
    assert present.all()


def test_cameras_have_times_poses_and_sizes_of_their_own() -> None:
    poses = np.tile(np.eye(4), (1, 2, 1, 1))
    poses[0, 1, 0, 3] = 0.4
    cameras = CameraTables(
        timestamps_ns=np.array([[ARGOVERSE_NS, ARGOVERSE_NS + 43_000_000]]), world_SE3_ego=poses, ego_SE3_camera=poses,
        intrinsics=np.tile(np.array([[900.0, 0, 960], [0, 900, 640], [0, 0, 1]]), (1, 2, 1, 1)), scene="segment",
        names=["FRONT", "SIDE_LEFT"], frame_tokens=["0"], image_files=[["a.png", "b.png"]],
        image_sizes=[[1920, 1280], [1920, 886]],
    )  # fmt: skip
    assert cameras.world_SE3_camera(0, 1)[0, 3] == pytest.approx(0.8)
