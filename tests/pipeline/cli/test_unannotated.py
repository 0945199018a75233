"""Real recordings whose annotations are taken away: what moves is found from rays alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.current import current_product
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.moving_objects import MovingObjects
from occ_pipeline.schemas.product import load
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.tests.pipeline.cli.command import command

pytestmark = pytest.mark.slow
DRIVE = "2011_09_26_0005"


def found(store: Path, scene: str, *words: object) -> MovingObjects:
    ended = command("run", "moving-objects", *words, "--out", store)
    assert ended.code == 0, ended.err
    assert "no tracked objects, so what moves is looked for by rays" in ended.out + ended.err
    opened = Store.open(store)
    return load(MovingObjects, current_product(opened, read_index(opened), scene, MovingObjects))


def test_the_van_and_the_cyclist_of_a_drive_without_tracklets(recordings: Path, tmp_path: Path) -> None:
    bare = tmp_path / "raw"
    shutil.copytree(recordings / "kitti_raw", bare, ignore=shutil.ignore_patterns("tracklet*"))
    made = found(tmp_path / "bare.zarr", DRIVE, "--dataset", "kitti", "--dataroot", bare, "--drives", DRIVE)
    told = annotated(recordings / "kitti_raw", tmp_path)
    ways = {}
    for track, category in enumerate(told.track_categories):
        rows = told.box_track == track
        places = told.world_SE3_box[rows, :2, 3]
        if np.linalg.norm(places[-1] - places[0]) < 1.0:
            continue
        sweeps = np.searchsorted(told.timestamps_ns, told.box_timestamps_ns[rows])
        ways[category] = [
            min((float(np.linalg.norm(box[:2, 3] - place)) for box in made.world_SE3_box[made.box_sweep == sweep]), default=9.0)
            for sweep, place in zip(sweeps.tolist(), places, strict=True)
        ]  # fmt: skip
    assert set(ways) == {"Van", "Cyclist"}
    for category, away in ways.items():
        assert np.mean(np.array(away) < 1.0) > 0.8, (category, away)


def annotated(root: Path, tmp_path: Path) -> SceneTables:
    store = tmp_path / "annotated.zarr"
    assert (
        command("run", "refine-poses", "--dataset", "kitti", "--dataroot", root, "--drives", DRIVE, "--out", store).code
        == 0
    )
    opened = Store.open(store)
    return load(SceneTables, current_product(opened, read_index(opened), DRIVE, SceneTables))


def test_the_motorcyclist_of_ten_scans_without_labels(recordings: Path, tmp_path: Path) -> None:
    bare = tmp_path / "dataset"
    shutil.copytree(recordings / "semantickitti" / "dataset", bare, ignore=shutil.ignore_patterns("labels*"))
    made = found(tmp_path / "bare.zarr", "00", "--dataset", "semantickitti", "--dataroot", bare)
    assert len(made.track_tokens) == 1
    assert made.track_sureness[0] > 0.9
    assert made.box_size_m[0] == pytest.approx((2.0, 0.8, 1.6), abs=0.4)
    # One second ahead of the vehicle, at 10 m/s.
    way = made.world_SE3_box[-1, :3, 3] - made.world_SE3_box[0, :3, 3]
    seconds = float(made.box_sweep[-1] - made.box_sweep[0]) * 0.104
    assert way[0] / seconds == pytest.approx(10.5, abs=1.0)
    assert abs(way[1]) < 1.0
