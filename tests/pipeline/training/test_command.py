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


def test_without_torch_the_extra_is_named(even: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def without(name: str, *rest: Any) -> Any:
        return None if name == "torch" else real(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    ended = program("train", even)
    assert ended.code == 2
    assert "pip install 'occ-pipeline[train]'" in ended.err
