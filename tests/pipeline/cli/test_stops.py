"""Runs that are killed, stopped or crowded: nothing partial is readable, and the next run ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.tests.pipeline.cli.command import (
    Ended,
    begin,
    children,
    command,
    densify,
    digest,
    events,
    group,
    kill_group,
    until,
    wait,
)
from occ_pipeline.tests.pipeline.cli.conftest import Clean

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


def whole(store: Path) -> bool:
    """Whether all that can be read of a store is whole."""
    return not (store / "zarr.json").exists() or Store.open(store).verify(deep=True) == []


def resumed(log: Path, store: Path, clean: Clean) -> Ended:
    """A run after what went before: it ends well, with the bytes of an undisturbed one, and leaves no scratch."""
    ended = command(*densify(log, store, "--workers", 2, "--json"))
    assert ended.code == 0, ended.err
    assert digest(store) == clean.digest
    scratch = store.with_name(f".{store.stem}.tmp")
    assert not [path for path in scratch.rglob("*") if path.is_file() and path.stat().st_size > 1000]
    return ended


def killed_after(seconds: float, log: Path, store: Path) -> None:
    process = begin(*densify(log, store, "--workers", 2, "--json"))
    time.sleep(seconds)
    kill_group(process)
    process.communicate()
    until(lambda: not group(process.pid), 5, "killed processes to go")
    assert whole(store)


def begun(log: Path, store: Path, *more: object) -> subprocess.Popen[str]:
    """A run that is in the middle of its work."""
    process = begin(*densify(log, store, "--workers", 2, "--json", *more))
    until(lambda: process.poll() is not None or list(store.glob("scenes/*/static_map/*")), 120, "a first product")
    assert process.poll() is None, process.communicate()
    return process


def test_killed_three_times(clean: Clean, log: Path, tmp_path: Path) -> None:
    store, times = tmp_path / "x.zarr", random.Random(1)
    for _ in range(3):
        killed_after(times.uniform(0.5, 1.1 * clean.ended.seconds), log, store)
    resumed(log, store, clean)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_a_random_time(seed: int, clean: Clean, log: Path, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    killed_after(random.Random(seed).uniform(0.2, 1.2 * clean.ended.seconds), log, store)
    resumed(log, store, clean)


def test_nothing_lives_on_when_the_program_alone_is_killed(clean: Clean, log: Path, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    process = begun(log, store)
    below = [pid for pid in group(process.pid) if pid != process.pid]
    assert any(children(pid) for pid in below), "a worker has its native child"
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: not group(process.pid), 15, "workers and their children to notice")
    process.communicate()
    assert whole(store)


@pytest.mark.parametrize(
    ("number", "code", "everyone"),
    [
        (signal.SIGTERM, 143, False),
        pytest.param(signal.SIGINT, 130, True, id="ctrl-c"),
        pytest.param(signal.SIGINT, 130, False, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, True, marks=pytest.mark.slow),
    ],
)
def test_stopped_by_a_signal(number: int, code: int, everyone: bool, clean: Clean, log: Path, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    process = begun(log, store)
    (os.killpg if everyone else os.kill)(process.pid, number)
    started = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - started < 10
    assert process.returncode == code, err
    assert out == ""
    told = ("reading the tables", "warning:", "projected with", "  from")
    said = [line for line in err.splitlines() if not line.startswith(told)]
    assert said == [f"error: stopped by {signal.Signals(number).name}; the same command goes on from here"], (
        "one line, and no traceback of a worker"
    )
    until(lambda: not group(process.pid), 5, "workers to go")
    assert whole(store)
    if number == signal.SIGTERM:
        resumed(log, store, clean)


def test_two_runs_at_once(clean: Clean, log: Path, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    first = begun(log, store)
    # Stopped, it cannot end before the second has asked.
    os.killpg(first.pid, signal.SIGSTOP)
    second = command(*densify(log, store))
    os.killpg(first.pid, signal.SIGCONT)
    assert second.code == 5
    assert second.out == ""
    (line,) = second.errors
    assert f"process {first.pid} on {socket.gethostname().partition('.')[0]}" in line
    assert str(store) in line
    assert second.seconds < 3 + 2, "three seconds, and two for a crowded machine"
    ended = wait(first)
    assert ended.code == 0, ended.err
    assert digest(store) == clean.digest


def test_a_killed_worker(clean: Clean, log: Path, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    process = begun(log, store)
    # Workers are forked by a server of their own, and each has a native child.
    workers = [pid for server in children(process.pid) for pid in children(server) if children(pid)]
    assert workers
    os.kill(workers[0], signal.SIGKILL)
    ended = wait(process)
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    assert digest(store) == clean.digest
    assert not group(process.pid)
    assert events(store)
