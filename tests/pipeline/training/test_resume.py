"""A run that was stopped goes on to the same bits."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from occ_pipeline.pipeline.training import checkpoint
from occ_pipeline.pipeline.training.records import LAST
from occ_pipeline.pipeline.training.run import TrainingRun
from occ_pipeline.pipeline.training.settings import TrainSettings
from occ_pipeline.tests.pipeline.training.conftest import same, settings


class StoppedError(Exception):
    """As a power cut would."""


def stopped_after(step: int, store: Path, folder: Path, chosen: TrainSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    run = TrainingRun(store, folder, chosen)
    real = run.learner.step

    def failing(batches: Any) -> Any:
        if run.learner.steps == step:
            raise StoppedError
        return real(batches)

    monkeypatch.setattr(run.learner, "step", failing)
    with pytest.raises(StoppedError):
        run.train()


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="") as stream:
        timed = {"samples_per_second", "waiting"}
        return [{k: v for k, v in row.items() if k not in timed} for row in csv.DictReader(stream)]


@pytest.mark.parametrize("changes", [{}, {"accumulate": 2, "average": 0.9, "flips": "xy", "validation_every": 2}])
def test_a_stopped_run_goes_on_to_the_same_bits(
    even: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """Ten key frames in batches of two: step 3 is in the middle of an epoch, by itself or with two batches a step."""
    chosen = settings(**changes)
    TrainingRun(even, tmp_path / "whole", chosen).train()
    # One step more than the checkpoint: what it did and logged is forgotten.
    stopped_after(4, even, tmp_path / "parts", chosen, monkeypatch)
    assert len(rows(tmp_path / "parts")) == 4
    torch.manual_seed(99)
    resumed = TrainingRun(even, tmp_path / "parts", chosen)
    assert resumed.learner.steps == 3
    assert 0 < int(resumed.stream.state_dict()["taken"]) < len(resumed.targets)
    resumed.train()
    whole, parts = (checkpoint.load(tmp_path / name / LAST) for name in ("whole", "parts"))
    assert same(whole, parts)
    assert rows(tmp_path / "whole") == rows(tmp_path / "parts")
    assert [row["step"] for row in rows(tmp_path / "parts")] == [*"123456"]
