"""The program as a user starts it: a process of its own, its streams, its exit code, and the processes below it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = (sys.executable, "-c", "from occ_pipeline.pipeline.cli import main; main()")

# Coarse and near: what is tested is the running of stages, not their results.
SETTINGS = """
separate: {cell_m: 0.3, range_m: 20.0}
reconstruct: {cell_m: 0.8, object_cell_m: 0.4, tile_m: 100.0, support_m: 0.8, object_support_m: 0.5, halo_m: 1.0}
densify: {grid: "-12.8,-12.8,-2,12.8,12.8,4.4@0.4"}
"""


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON object and nothing else."""
        return json.loads(self.out)

    @property
    def errors(self) -> list[str]:
        """Lines that say what went wrong."""
        return [line for line in self.err.splitlines() if line.startswith("error:")]

    @property
    def warnings(self) -> list[str]:
        """Lines that say what a user should not overlook."""
        return [line for line in self.err.splitlines() if line.startswith("warning:")]


def begin(*args: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Starts the program in a session of its own."""
    return subprocess.Popen(
        [*PROGRAM, *(str(arg) for arg in args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "100", **(env or {})},
        start_new_session=True,
    )


def wait(process: subprocess.Popen[str], timeout_s: float = 240) -> Ended:
    """Waits for its end; a command that hangs is killed and fails the test."""
    start = time.monotonic()
    try:
        out, err = process.communicate(timeout=timeout_s)
    finally:
        kill_group(process)
    return Ended(process.returncode, out, err, time.monotonic() - start)


def command(*args: object, env: Mapping[str, str] | None = None) -> Ended:
    """Runs the program to its end."""
    return wait(begin(*args, env=env))


def densify(log: Path, store: Path, *more: object) -> tuple[object, ...]:
    """Arguments that make labels of a log."""
    return ("run", "densify", "--dataroot", log, "--out", store, "--config", log.parent / "settings.yaml", *more)


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill -9 of the program and every process of its session's group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _processes() -> Iterator[tuple[int, int, int]]:
    """Number, parent and group of every process that still runs, from /proc."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent, leader = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if state != "Z":
                yield int(entry.name), int(parent), int(leader)


def group(leader: int) -> list[int]:
    """Processes of a process group."""
    return sorted(pid for pid, _, of in _processes() if of == leader)


def children(pid: int) -> list[int]:
    """Direct children of a process."""
    return sorted(child for child, parent, _ in _processes() if parent == pid)


def until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.05)


def files(store: Path, *, under: Sequence[str] = ("scenes", "dataset")) -> Iterator[Path]:
    """Every file of what is committed, sorted."""
    return (path for top in under for path in sorted((store / top).rglob("*")) if path.is_file())


def digest(store: Path, scene: str | None = None) -> str:
    """Digest of names and bytes of all that is committed, or of one scene."""
    total = hashlib.sha256()
    for path in files(store, under=(f"scenes/{scene}",) if scene else ("scenes", "dataset")):
        content = path.read_bytes()
        total.update(f"{path.relative_to(store).as_posix()} {len(content)}\n".encode() + content)
    return total.hexdigest()


def stamps(store: Path) -> dict[str, int]:
    """Modification time of every committed file."""
    return {str(path.relative_to(store)): path.stat().st_mtime_ns for path in files(store)}


def events(store: Path) -> list[dict[str, Any]]:
    """Events of the last run on a store."""
    last = sorted(store.with_suffix(".runs").iterdir())[-1] / "events.jsonl"
    return [json.loads(line) for line in last.read_text().splitlines()] if last.exists() else []
