"""Key frames without labels are given to a network as those with labels are."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from occ_pipeline.pipeline.store.index import update_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.pipeline.targets import InputFrames, OccupancyTargets
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.sensor_frames import SensorFrames
from occ_pipeline.tests.pipeline.training_data.small_store import FRAMES


@pytest.mark.parametrize("store", ["small", "small_ego"])
def test_inputs_are_those_of_targets(store: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(store)
    targets = OccupancyTargets(path, points=True, images="decoded", image_size=(5, 7), cameras=("right", "left"))
    frames = InputFrames(path, targets.grid, images="decoded", image_size=(5, 7), cameras=("right", "left"))
    assert frames.frames == targets.frames
    for place in range(len(frames)):
        given, whole = frames[place], targets[place]
        assert set(given) == set(whole) - {"labels", "state"}
        for key, value in given.items():
            assert torch.equal(value, whole[key]) if isinstance(value, torch.Tensor) else value == whole[key], key


def test_neither_labels_nor_what_is_open_are_needed(small: Path, tmp_path: Path) -> None:
    grid = OccupancyTargets(small).grid
    copy = Path(shutil.copytree(small, tmp_path / "copy.zarr"))
    for labels in copy.glob("scenes/*/carved_occupancy"):
        shutil.rmtree(labels)
    shutil.rmtree(copy / "scenes" / "b" / SensorFrames.name)
    update_index(Store.open(copy), {})
    frames = InputFrames(copy, grid)
    assert (frames.scenes, len(frames)) == (["a", "c"], 2 * FRAMES)
    before = frames[0]
    again = pickle.loads(pickle.dumps(frames))
    assert again._open == {}
    assert torch.equal(again[0]["points"], before["points"])
    assert np.array_equal(frames.world_SE3_grid("a")[0], before["world_SE3_grid"].numpy())
    for asked in ({"scenes": ("b",)}, {"split": "val"}):
        with pytest.raises(UsageError, match=r"has no sensor_frames|no key frame has sensor_frames") as caught:
            InputFrames(copy, grid, **asked)  # type: ignore[arg-type]
        assert caught.value.fix == "run occ-pipeline run inputs"
