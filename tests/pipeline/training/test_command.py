"""``occ-pipeline train`` as a person types it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from occ_pipeline.pipeline.training import checkpoint
from occ_pipeline.tests.pipeline.program import Program
from occ_pipeline.tests.pipeline.training.conftest import NETWORK


def test_trains_validates_and_goes_on(even: Path, tmp_path: Path, program: Program) -> None:
    words = (
        "train", even, "--out", tmp_path / "run", "--steps", 2, "--workers", 0, "--device", "cpu", "--scenes", "a,c",
        "--betas", "0.8,0.9", "--split", "none", "--compile", "--no-compile", *NETWORK,
    )  # fmt: skip
    ended = program(*words)
    assert ended.code == 0, ended.err
    assert ended.out == f"{tmp_path / 'run' / 'last.pt'}\n"
    assert "10 key frames" in ended.err
    assert "step 2 of 2: loss" in ended.err
    assert "key frames/s" in ended.err
    assert "of the time waiting for data" in ended.err
    assert "step 2, validation: IoU" in ended.err
    kept = checkpoint.load(tmp_path / "run" / "last.pt")["settings"]
    assert (kept["betas"], kept["scenes"], kept["split"]) == ((0.8, 0.9), ("a", "c"), None)
    again = program(*words, "--json")
    assert again.code == 0, again.err
    assert again.json["taken_now"] == 0
    assert "nothing to do" in again.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "channels=4"), "--set cannot be read: found channels=4, expected network.NAME=VALUE or loss.NAME=VALUE"),
        (("--set", "network.chanels=4"), "no parameter of network is called 'chanels'"),
        (("--input", "both"), "voxdet sees lidar or camera"),
        (("--steps", "0"), "parameter train.steps cannot be 0"),
        (("--warm-up", "2"), "parameter train.warm_up cannot be 2.0"),
        (("--labels", "carved"), "parameter train.labels cannot be 'carved'"),
    ],
)  # fmt: skip
def test_mistakes_are_told(even: Path, tmp_path: Path, program: Program, words: tuple[str, ...], told: str) -> None:
    ended = program("train", even, "--out", tmp_path / "run", *words)
    assert ended.code == 2
    assert told in ended.err
    assert not (tmp_path / "run").exists()


def test_what_is_given_later_wins(even: Path, tmp_path: Path, program: Program) -> None:
    """A recipe, a configuration, --set, options; the recipe's stages are for run."""
    recipe, config = tmp_path / "mine.yaml", tmp_path / "c.yaml"
    recipe.write_text(
        "stages: [inputs]\ntrain: {steps: 1, seed: 1, batch: 1, workers: 0, split: none, betas: [0.5, 0.6]}\n"
        "loss: {auxiliary: 0.1, geometric: 2}\n"
    )
    config.write_text(
        "train: {seed: 2, batch: 2, scenes: [a], validation_every: 0}\ndensify: {knn: 3}\nloss: {auxiliary: 0.3}\n"
    )
    ended = program(
        "train", recipe, "--store", even, "--out", tmp_path / "run", "--config", config, "--set", "train.batch=3",
        "--set", "loss.auxiliary=0.4", "--batch", 4, *NETWORK,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    kept = checkpoint.load(tmp_path / "run" / "last.pt")["settings"]
    found = {name: kept[name] for name in ("steps", "seed", "batch", "split", "scenes", "betas", "loss_options")}
    assert found == {
        "steps": 1, "seed": 2, "batch": 4, "split": None, "scenes": ("a",), "betas": (0.5, 0.6),
        "loss_options": {"auxiliary": 0.4, "geometric": 2},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train", "voxdet-lidar"), "the recipe names no store: found train voxdet-lidar, expected train voxdet-lidar --store"),
        (("train", "voxdet"), "voxdet says nothing of training, expected a recipe with some of the sections train"),
        (("train", "voxdet-lidr", "--store", "x.zarr"), "did you mean 'voxdet-lidar'?"),
        (("train", "x.zarr", "--store", "y.zarr"), "two stores are given: found x.zarr and --store y.zarr"),
        (("run", "train", "--out", "x.zarr"), "type: occ-pipeline run voxdet-lidar --out NAME.zarr, then: occ-pipeline train"),
    ],
)  # fmt: skip
def test_targets_that_cannot_be_are_told(program: Program, words: tuple[str, ...], told: str) -> None:
    ended = program(*words)
    assert ended.code == 2
    assert told in ended.err


def test_without_torch_the_extra_is_named(even: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def without(name: str, *rest: Any) -> Any:
        return None if name == "torch" else real(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    ended = program("train", even)
    assert ended.code == 2
    assert "pip install 'occ-pipeline[train]'" in ended.err
