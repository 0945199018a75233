"""Two ranks: this process is the first, a child the second, one after the other at the same runs."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from occ_pipeline.pipeline.training.ranks import Ranks, joined
from occ_pipeline.pipeline.training.run import TrainingRun
from occ_pipeline.pipeline.training.settings import TrainSettings
from occ_pipeline.schemas.errors import PipelineError

SECOND = "from occ_pipeline.tests.pipeline.training.two_ranks import second; second()"


@dataclass(frozen=True)
class Job:
    """A run, which the second rank asks to stop after so many steps."""

    store: Path
    folder: Path
    settings: TrainSettings
    stop_after: int | None = None


def do(jobs: Sequence[Job]) -> list[str]:
    """What each run ended with: ``whole``, ``stopped``, or an error; runs that come after one are made all the same."""
    with joined() as ranks:
        return [done(job, ranks) for job in jobs]


def done(job: Job, ranks: Ranks) -> str:
    try:
        run = TrainingRun(job.store, job.folder, job.settings, ranks=ranks)
        stops = ranks.rank == 1 and job.stop_after is not None
        return "whole" if run.train(lambda: stops and run.learner.steps == job.stop_after) else "stopped"
    except PipelineError as error:
        return str(error)
    except SystemExit as silent:
        return f"silent {silent.code}"


def second() -> None:
    """The child's part."""
    found = do(pickle.load(sys.stdin.buffer))
    sys.stdout.buffer.write(pickle.dumps(found))


def trained_by_two(jobs: Sequence[Job], monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What each run ended with on either rank."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}.items():
        monkeypatch.setenv(name, value)
    child = subprocess.Popen(
        [sys.executable, "-c", SECOND],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "RANK": "1", "OMP_NUM_THREADS": "1"},
    )
    assert child.stdin is not None
    child.stdin.write(pickle.dumps(list(jobs)))
    child.stdin.close()
    child.stdin = None
    try:
        first = do(jobs)
        out, _ = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    return list(zip(first, pickle.loads(out), strict=True))
