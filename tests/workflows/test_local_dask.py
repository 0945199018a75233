"""The example without a batch system, run as a user would run it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest
from occ_pipeline.tests.conftest import Clean
from occ_pipeline.tests.pipeline.cli.command import digest, until
from occ_pipeline.tests.workflows.job_files import edited, environment

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


def begin(log: Path, folder: Path) -> subprocess.Popen[str]:
    """Starts the script with its three edits, in a session of its own."""
    script = edited("local-dask.sh", folder, environment=environment(), log=log, store=folder / "x.zarr")
    (folder / "tmp").mkdir()
    # Ctrl-C goes to the group of the foreground, which a terminal has and a test makes.
    return subprocess.Popen(
        ["bash", script, "--config", log.parent / "settings.yaml", "--json"], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
    )  # fmt: skip


def living(folder: Path) -> list[str]:
    """Command lines of processes that the script started, wherever they went: they have its folder for temporary files."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if f"TMPDIR={folder / 'tmp'}".encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def end(started: subprocess.Popen[str]) -> None:
    """Lets its trap end what it started, should a test have failed."""
    if started.poll() is None:
        started.terminate()
        started.communicate(timeout=30)


@pytest.mark.slow
def test_it_makes_the_bytes_of_a_local_run_and_leaves_nothing(clean: Clean, log: Path, tmp_path: Path) -> None:
    started = begin(log, tmp_path)
    try:
        _, said = started.communicate(timeout=120)
        assert started.returncode == 0, said
        assert "worker" in said
        assert digest(tmp_path / "x.zarr") == clean.digest
        until(lambda: not living(tmp_path), 5, "all to end")
        assert not list((tmp_path / "tmp").glob("tmp.*")), "the folders of scheduler and workers"
    finally:
        end(started)


@pytest.mark.slow
def test_ctrl_c_ends_all(log: Path, tmp_path: Path) -> None:
    started = begin(log, tmp_path)
    try:
        until(lambda: list(tmp_path.glob("x.zarr/scenes/*/scene_tables/*")), 60, "the run to be in the midst of it")
        assert len(living(tmp_path)) > 5, "the script, a scheduler, two nannies and their workers, the run"
        os.killpg(started.pid, signal.SIGINT)
        _, said = started.communicate(timeout=20)
        assert started.returncode == 130, said
        assert said.count("error:") == 1
        assert "error: stopped by SIGTERM; the same command goes on from here" in said
        until(lambda: not living(tmp_path), 5, "all to end")
        (kept,) = (tmp_path / "tmp").glob("tmp.*")
        assert f"what scheduler and workers said: {kept}/*/log.txt" in said
        assert sorted(path.parent.name for path in kept.glob("*/log.txt")) == ["scheduler", "worker-1", "worker-2"]
    finally:
        end(started)


def test_a_scheduler_that_does_not_start_ends_it(log: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    dask = tmp_path / "bin" / "dask"
    dask.write_text("#!/bin/sh\necho 'no port is free' >&2\nexit 1\n")
    dask.chmod(0o755)
    script = edited("local-dask.sh", tmp_path, environment=tmp_path, log=log, store=tmp_path / "x.zarr")
    done = subprocess.run(["bash", script], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "no port is free" in done.stderr
    assert not (tmp_path / "x.zarr").exists()
