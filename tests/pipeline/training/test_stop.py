"""A run that a batch system stops goes on to the same bits."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from occ_pipeline.pipeline.training import checkpoint
from occ_pipeline.pipeline.training.records import BEST, LAST
from occ_pipeline.pipeline.training.run import TrainingRun
from occ_pipeline.tests.pipeline.cli.command import begin, wait
from occ_pipeline.tests.pipeline.program import Program
from occ_pipeline.tests.pipeline.training.conftest import NETWORK, same, settings


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_signal_ends_it_after_a_step(
    number: signal.Signals, code: int, even: Path, tmp_path: Path, program: Program
) -> None:
    """The signal goes to all processes, those that read the store too: they give what the step still needs."""

    def words(name: str, workers: int = 0) -> tuple[object, ...]:
        return (
            "train", even, "--out", tmp_path / name, "--steps", 10, "--accumulate", 2, "--workers", workers, "--device", "cpu",
            "--log-every", 1, "--validation-every", 0, *NETWORK,
        )  # fmt: skip

    process = begin(*words("parts", workers=1))
    assert process.stderr is not None
    while "step 2 of" not in (line := process.stderr.readline()):
        assert line, "it ended"
    os.killpg(process.pid, number)
    ended = wait(process)
    assert (ended.code, ended.out) == (code, ""), ended.err
    told, last = ended.err.splitlines()[-2:]
    assert re.fullmatch(r"step \d+ of 10: loss .*", told)
    assert f"{number.name}: ends after this step" in ended.err
    assert last == f"error: stopped by {number.name}; the same command goes on from here"
    assert 2 <= checkpoint.load(tmp_path / "parts" / LAST)["learner"]["step"] < 10
    for name in ("whole", "parts"):
        assert program(*words(name)).code == 0
    assert same(*(checkpoint.load(tmp_path / name / LAST) for name in ("whole", "parts")))


def test_a_validation_that_was_cut_short_is_done_by_the_run_that_goes_on(even: Path, tmp_path: Path) -> None:
    chosen = settings(validation_every=2, batch=1, average=0.5)
    TrainingRun(even, tmp_path / "whole", chosen).train()
    asked = iter([False, False, False, False, True])
    run = TrainingRun(even, tmp_path / "parts", chosen)
    assert not run.train(lambda: next(asked)), "two steps, and two of five key frames"
    assert next(asked, None) is None
    assert run.learner.steps == 2
    assert not (tmp_path / "parts" / BEST).exists()
    assert TrainingRun(even, tmp_path / "parts", chosen).train()
    files = [(tmp_path / name / "validation.csv").read_text() for name in ("whole", "parts")]
    assert files[0] == files[1]
    for file in (LAST, BEST):
        assert same(*(checkpoint.load(tmp_path / name / file) for name in ("whole", "parts")))


def test_a_run_that_is_stopped_in_its_last_step_is_whole(even: Path, tmp_path: Path) -> None:
    assert TrainingRun(even, tmp_path / "run", settings(steps=1)).train(lambda: True)
    assert checkpoint.load(tmp_path / "run" / LAST)["learner"]["step"] == 1
