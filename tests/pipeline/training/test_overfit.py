"""Four key frames of the simulated log, learned by heart from points and from images: from raw log to trained network."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Literal

import pytest
from occ_pipeline.pipeline.sample import write_nuscenes_sample
from occ_pipeline.pipeline.training.run import TrainingRun
from occ_pipeline.pipeline.training.settings import TrainSettings
from occ_pipeline.tests.pipeline.cli.command import command

NETWORK: dict[str, Any] = {
    "channels": 32, "groups": 4, "encoder_blocks": (1, 1, 1), "trunk_blocks": (1, 1, 1), "drop_path": 0.0, "volume_stride": 1,
    "offset_stride": 2, "aggregation_layers": 1, "image_blocks": (1, 1, 1, 1), "image_width": 16,
}  # fmt: skip


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of labels and inputs of four key frames, images too. Nobody writes into it."""
    folder = tmp_path_factory.mktemp("four")
    write_nuscenes_sample(folder / "log", scenes=1, seconds=1.5, seed=7, image_scale=0.25)
    store = folder / "four.zarr"
    where = ("--dataroot", folder / "log", "--out", store, "--workers", 1)
    for words in (("visibility", "--grid=-12.8,-12.8,-1,12.8,12.8,5.4@0.8"), ("inputs", "--set", "inputs.images=true")):
        ended = command("run", *words, *where)
        assert ended.code == 0, ended.err
    return store


@pytest.mark.slow
@pytest.mark.parametrize("sees", ["lidar", "camera"])
def test_four_key_frames_are_learned_by_heart(four: Path, tmp_path: Path, sees: Literal["lidar", "camera"]) -> None:
    # Cells on one ray read the same of an image, so that it takes longer.
    steps = 400 if sees == "lidar" else 700
    chosen = TrainSettings(
        input=sees, split=None, validation_split=None, steps=steps, validation_every=steps, learning_rate=1e-2, log_every=20,
        workers=0, device="cpu", weights="none", network_options=NETWORK,
    )  # fmt: skip
    run = TrainingRun(four, tmp_path / "run", chosen)
    assert len(run.targets) == 4
    run.train()
    with (tmp_path / "run" / "log.csv").open(newline="") as stream:
        log = list(csv.DictReader(stream))
    assert run.best is not None
    assert run.best > 0.9
    # What is left is the offsets' L1, which is over the grid's size, and what coarse cells cannot tell.
    assert float(log[-1]["loss"]) < 0.05 * float(log[0]["loss"])
