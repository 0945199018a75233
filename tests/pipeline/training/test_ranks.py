"""Two processes train one network."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from occ_pipeline.pipeline.training import checkpoint
from occ_pipeline.pipeline.training.ranks import joined
from occ_pipeline.pipeline.training.records import BEST, LAST
from occ_pipeline.pipeline.training.run import TrainingRun
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.stages.networks.outputs import Batch, Outputs
from occ_pipeline.tests.pipeline.cli.command import PROGRAM, until
from occ_pipeline.tests.pipeline.program import Program
from occ_pipeline.tests.pipeline.training.conftest import NETWORK, same, settings
from occ_pipeline.tests.pipeline.training.two_ranks import Job, trained_by_two
from torch import nn

HERE = "occ_pipeline.tests.pipeline.training.test_ranks"


class Voxels(nn.Module):
    """Logits of every voxel as parameters, normalised over the batch; ``spare`` has a parameter too, which nothing asks."""

    def __init__(self, grid: Any, classes: int, spare: bool = False, spoiled: str = "") -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(classes, *grid.shape))
        self.spare = nn.Parameter(torch.zeros(1)) if spare else None
        self.spoiled = spoiled
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, batch: Batch) -> Outputs:
        if self.training:
            # As batch normalisation does: other values on each rank.
            self.seen += batch["points"].sum()
        spoils = float("nan") if self.spoiled in batch["frame"] else 1.0
        return Outputs(spoils * self.logits.expand(len(batch["labels"]), -1, -1, -1, -1) + 0 * self.seen)


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def trained(even: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[str, str]]]:
    """Folder of the runs, and what each ended with on either rank."""
    folder = tmp_path_factory.mktemp("two")
    small = settings(batch=1, accumulate=2, steps=3, average=0.5, flips="xy", validation_every=2)
    jobs = {
        "mean": (mean(batch=1), None),
        "whole": (small, None),
        "parts": (small, 1),
        "again": (small, None),
        "spoiled": (mean(batch=1, steps=5, network_options={"spoiled": "frame-3"}), None),
        "spare": (mean(batch=1, network_options={"spare": True}), None),
        "many": (mean(batch=1, every=5, scenes=("a",)), None),
    }
    names = {"again": "parts"}
    with pytest.MonkeyPatch.context() as patch:
        found = trained_by_two([Job(even, folder / names.get(name, name), *job) for name, job in jobs.items()], patch)
    return folder, dict(zip(jobs, found, strict=True))


def mean(**changes: Any) -> Any:
    """A run whose loss is a mean over voxels of which all key frames have as many."""
    usual: dict[str, Any] = {
        "network": f"{HERE}:Voxels", "network_options": {}, "steps": 3, "unknown": "free", "unlabelled": "others",
        "weights": "none", "loss_options": {"semantic": 0.0, "geometric": 0.0}, "validation_every": 3, "clip": 0.05,
    }  # fmt: skip
    return settings(**usual | changes)


def test_two_ranks_take_the_steps_of_one_with_twice_the_batch(
    even: Path, tmp_path: Path, trained: tuple[Path, dict[str, tuple[str, str]]]
) -> None:
    folder, found = trained
    assert found["mean"] == ("whole", "whole")
    TrainingRun(even, tmp_path / "one", mean(batch=2)).train()
    one, two = (checkpoint.load(path / LAST)["learner"]["network"] for path in (tmp_path / "one", folder / "mean"))
    assert one["logits"].abs().max() > 1e-4
    assert torch.allclose(one["logits"], two["logits"], atol=1e-7)
    for name in ("log.csv", "validation.csv"):
        pairs = list(zip(rows(tmp_path / "one", name), rows(folder / "mean", name), strict=True))
        assert pairs
        for ours, theirs in pairs:
            assert ours.keys() == theirs.keys()
            for key in ours.keys() - {"samples_per_second", "waiting"}:
                assert ours[key] == theirs[key] or float(theirs[key]) == pytest.approx(float(ours[key]), rel=1e-4), key


def test_what_is_counted_is_what_one_rank_counts(
    even: Path, tmp_path: Path, trained: tuple[Path, dict[str, tuple[str, str]]]
) -> None:
    run = TrainingRun(even, tmp_path / "one", settings())
    assert checkpoint.load(trained[0] / "whole" / LAST)["class_weights"] == run.class_weights


def test_a_stopped_run_goes_on_to_the_same_bits_with_as_many_ranks(
    even: Path, trained: tuple[Path, dict[str, tuple[str, str]]]
) -> None:
    folder, found = trained
    assert found["whole"] == ("whole", "whole")
    assert found["parts"] == ("stopped", "stopped"), "one rank asks, both stop"
    assert found["again"] == ("whole", "whole")
    for name in (LAST, BEST):
        assert same(*(checkpoint.load(folder / run / name) for run in ("whole", "parts")))
    first, second = checkpoint.load(folder / "whole" / LAST)["learner"]["random"]
    assert not same(first, second)
    with pytest.raises(UsageError, match="another number of processes: found 1, expected 2"):
        TrainingRun(even, folder / "whole", checkpointed(folder / "whole"))


def checkpointed(folder: Path) -> Any:
    return settings(**checkpoint.load(folder / LAST)["settings"])


def test_what_one_rank_cannot_do_the_first_tells_and_all_end(
    trained: tuple[Path, dict[str, tuple[str, str]]],
) -> None:
    folder, found = trained
    told, silent = found["spoiled"]
    assert "the loss is no number" in told
    assert "frame-3" in told
    assert silent == "silent 2"
    assert not (folder / "spoiled" / LAST).exists()
    told, silent = found["spare"]
    assert "the loss does not depend on some parameters of the network: found spare" in told
    assert silent == "silent 2"
    told, silent = found["many"]
    assert "there are fewer key frames than ranks: found 1 for 2" in told
    assert silent == "silent 2"


def test_an_environment_that_says_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(UsageError, match="WORLD_SIZE=2, no MASTER_ADDR"), joined():
        pass


@pytest.mark.slow
def test_torchrun_starts_and_stops_them(even: Path, tmp_path: Path, program: Program) -> None:
    """The second rank is stopped by the signal that torchrun hands on; killed, it takes the first with it."""
    words = [
        *(
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nproc-per-node",
            "2",
            "--no-python",
            *PROGRAM,
            "train",
            even,
        ),
        *("--out", tmp_path / "run", "--steps", 200, "--workers", 1, "--device", "cpu", "--log-every", 1),
        *("--validation-every", 0, *NETWORK),
    ]

    def begun() -> tuple[subprocess.Popen[str], Any]:
        process = subprocess.Popen(
            [str(word) for word in words], stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        assert process.stderr is not None
        while not (line := process.stderr.readline()).startswith("step "):
            assert line, "it ended"
        return process, process.stderr

    process, told = begun()
    process.send_signal(signal.SIGTERM)
    assert "stopped by SIGTERM; the same command goes on from here" in told.read()
    process.wait()
    told.close()
    step = checkpoint.load(tmp_path / "run" / LAST)["learner"]["step"]
    process, told = begun()
    ranks = {}
    for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
        if b"RANK=1" in environment(pid) and parent(pid) == process.pid:
            ranks[1] = pid
    os.kill(ranks[1], signal.SIGKILL)
    text = told.read()
    assert "defect" not in text
    process.wait()
    told.close()
    until(lambda: not Path(f"/proc/{ranks[1]}").exists(), 5, "ranks to go")
    assert checkpoint.load(tmp_path / "run" / LAST)["learner"]["step"] == step


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
