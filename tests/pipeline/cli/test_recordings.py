"""The whole command on real recordings: single scans with boxes alone, and a scene with point labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.occupancy import State, SurfaceOccupancy
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.tests.pipeline.cli.command import command
from PIL import Image


def labels(store: Path, scene: str) -> tuple[np.ndarray, np.ndarray]:
    opened = Store.open(store)
    found = read_index(opened).scenes[scene].products[SurfaceOccupancy.name]
    reader = opened.reader(scene, SurfaceOccupancy, found)
    return reader.read("state"), reader.read("semantics")


def test_single_scans_without_point_labels(recordings: Path, tmp_path: Path) -> None:
    store = tmp_path / "scans.zarr"
    ended = command("run", "densify", "--dataroot", recordings / "nuscenes_keyframes", "--out", store)
    assert ended.code == 0, ended.err
    with Image.open(ended.out.splitlines()[-1]) as picture:
        assert picture.size[0] > 1000
    for scene in ("scene-0061", "scene-fd84"):
        state, semantics = labels(store, scene)
        assert state.shape == (1, 200, 200, 16)
        occupied = state == State.OCCUPIED
        assert 3_000 < occupied.sum() < 30_000
        # Boxes alone give classes to what stands in them and to nothing else.
        named = set(np.unique(semantics[occupied]).tolist()) - {255}
        assert NUSCENES.id_of("car") in named
        assert not named & {NUSCENES.id_of(name) for name in (*NUSCENES.ground, "manmade", "vegetation")}
        assert (semantics[occupied] == 255).mean() > 0.5


@pytest.mark.slow
def test_a_labelled_scene(recordings: Path, tmp_path: Path) -> None:
    store = tmp_path / "scene.zarr"
    root = recordings / "nuscenes_scene0001"
    ended = command("run", "densify", "--dataroot", root, "--version", "v1.0-mini", "--out", store)
    assert ended.code == 0, ended.err
    state, semantics = labels(store, "scene-0001")
    assert state.shape == (32, 200, 200, 16)
    occupied = state == State.OCCUPIED
    assert (semantics[occupied] == 255).mean() < 0.02
    road = semantics == NUSCENES.id_of("driveable_surface")
    # The road lies at the ego frame's z = 0, in front of the vehicle and behind it.
    heights = np.flatnonzero(road[16, 90:110, 95:105].any(axis=(0, 1)))
    assert heights.min() >= 1
    assert heights.max() <= 4
    for frame in (0, 16, 31):
        assert road[frame, 110:130, 98:102].any(axis=(1, 2)).mean() > 0.8
