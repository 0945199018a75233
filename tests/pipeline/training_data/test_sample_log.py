"""From the command line to tensors: what a trainer gets is what lies in the log."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.pipeline.targets import OccupancyTargets
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.product import load
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.sensor_frames import SensorFrames
from occ_pipeline.tests.conftest import Clean
from occ_pipeline.tests.pipeline.cli.command import command
from occ_pipeline.tests.pipeline.training_data.small_store import stored


def test_inputs_of_the_simulated_log(clean: Clean, log: Path, tmp_path: Path) -> None:
    store = tmp_path / "inputs.zarr"
    shutil.copytree(clean.store, store)
    ended = command("run", "inputs", "--dataroot", log, "--out", store, "--workers", 1, "--scenes", "scene-0001")
    assert ended.code == 0, ended.err
    targets = OccupancyTargets(store, "surface_occupancy", scenes=["scene-0001"], points=True)
    tables = load(SceneTables, stored(store, "scene-0001", SceneTables))
    for k, sweep in enumerate(tables.key_sweeps):
        sample = targets[k]
        raw = np.fromfile(log / tables.point_files[sweep], dtype="<f4").reshape(-1, tables.point_columns)
        grid_SE3_lidar = np.linalg.inv(sample["world_SE3_grid"].numpy()) @ tables.world_SE3_lidar(int(sweep))
        points = raw[:, :3] @ grid_SE3_lidar[:3, :3].T + grid_SE3_lidar[:3, 3]
        assert np.allclose(sample["points"][:, :3], points, atol=1e-4)
        assert np.allclose(sample["points"][:, 3], raw[:, 3] / 255)


@pytest.mark.slow
def test_inputs_of_recorded_key_frames(recordings: Path, tmp_path: Path) -> None:
    log, store = recordings / "nuscenes_keyframes", tmp_path / "inputs.zarr"
    ended = command("run", "inputs", "--dataroot", log, "--version", "v1.0-mini", "--out", store, "--workers", 1)
    assert ended.code == 0, ended.err
    for scene in read_index(Store.open(store)).scenes:
        frames, cameras = (load(kind, stored(store, scene, kind)) for kind in (SensorFrames, CameraTables))
        files = b"".join((log / name).read_bytes() for name in cameras.image_files[0])
        assert len(cameras.names) == 6
        assert frames.image_bytes.tobytes() == files
        assert frames.intensity.max() <= frames.intensity_most == 255
