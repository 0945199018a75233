"""Runs on workers that others started: the same bytes, refusals before anything is sent, killed workers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from occ_pipeline.pipeline.scheduler import look_over, scheduler_client, workers_of
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.tests.pipeline.cli.command import begin, children, command, densify, digest, until, wait
from occ_pipeline.tests.pipeline.cli.conftest import Clean

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
MAY_HAVE_CHILDREN = {"DASK_DISTRIBUTED__WORKER__DAEMON": "False"}


@contextmanager
def process(folder: Path, *words: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """``dask ...`` in a folder of its own, ended with all it started."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.txt").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "dask", *words], cwd=folder, stdout=log, stderr=log,
            env={**os.environ, **env}, start_new_session=True,
        )  # fmt: skip
        try:
            yield started
        finally:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    words = ("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    with process(tmp_path / "scheduler", *words):
        log = tmp_path / "scheduler" / "log.txt"
        until(lambda: b"Scheduler at" in log.read_bytes(), 30, "the scheduler")
        yield f"tcp://127.0.0.1:{port}"


@pytest.fixture
def two_workers(scheduler: str, tmp_path: Path) -> Iterator[tuple[str, list[int]]]:
    """The scheduler's address and the numbers of the nannies, each in a folder of its own."""
    with ExitStack() as stack:
        nannies = [
            stack.enter_context(
                process(tmp_path / name, "worker", scheduler, "--nthreads", "1", "--no-dashboard", **MAY_HAVE_CHILDREN)
            )
            for name in ("a", "b")
        ]
        with scheduler_client(scheduler) as client:
            client.wait_for_workers(2, timeout=60)
        yield scheduler, [nanny.pid for nanny in nannies]


def test_the_same_bytes_and_nothing_left_behind(
    two_workers: tuple[str, list[int]], clean: Clean, log: Path, tmp_path: Path
) -> None:
    address, nannies = two_workers
    store = tmp_path / "x.zarr"
    ended = command(*densify(log, store, "--scheduler", address, "--json"))
    assert ended.code == 0, ended.err
    assert f"2 workers of {address}" in ended.err
    assert digest(store) == clean.digest
    workers = [pid for nanny in nannies for pid in children(nanny)]
    assert workers
    until(lambda: not any("spawn_main" in name(p) for w in workers for p in children(w)), 5, "native children to end")
    assert not list((tmp_path / ".x.tmp").rglob("seen-*"))


def name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_killed_worker_costs_its_tasks_and_not_the_run(
    seed: int, two_workers: tuple[str, list[int]], clean: Clean, log: Path, tmp_path: Path
) -> None:
    address, nannies = two_workers
    store = tmp_path / "x.zarr"
    run = begin(*densify(log, store, "--scheduler", address, "--json"))
    product = ("static_map", "surfaces", "surface_occupancy")[seed]
    until(lambda: run.poll() is not None or list(store.glob(f"scenes/*/{product}/*")), 120, f"a first {product}")
    victims = [pid for pid in children(nannies[seed % 2]) if "spawn" in name(pid) or "fork" in name(pid)]
    assert victims
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    ended = wait(run)
    assert ended.code == 0, ended.err
    assert digest(store) == clean.digest


@pytest.mark.parametrize(
    ("words", "env", "says"),
    [
        (("--nthreads", "2"), MAY_HAVE_CHILDREN, ("2 threads", "--nthreads 1")),
        (("--nthreads", "1"), {}, ("child process", "DASK_DISTRIBUTED__WORKER__DAEMON=False")),
    ],
)
def test_a_worker_that_cannot_do_it_is_refused(
    words: tuple[str, ...], env: dict[str, str], says: tuple[str, ...], scheduler: str, log: Path, tmp_path: Path
) -> None:
    with process(tmp_path / "worker", "worker", scheduler, "--no-dashboard", *words, **env):
        ended = command(*densify(log, tmp_path / "x.zarr", "--scheduler", scheduler))
    assert ended.code == 2
    (line,) = ended.errors
    for text in says:
        assert text in line
    assert not (tmp_path / "x.zarr").exists(), "refused before anything is written"


def test_paths_that_workers_do_not_see_are_refused(scheduler: str, tmp_path: Path) -> None:
    """A worker in a mount namespace of its own would be truer; here the driver's file changes after it was left."""
    table = tmp_path / "scene.json"
    table.write_text("[]")
    words = ("worker", scheduler, "--nthreads", "1", "--no-dashboard")
    with process(tmp_path / "worker", *words, **MAY_HAVE_CHILDREN), scheduler_client(scheduler) as client:
        client.wait_for_workers(1, timeout=60)
        assert look_over(client, tmp_path / "x.zarr", table, print) == workers_of(client)
        from occ_pipeline.pipeline import worker_facts

        found = client.run(worker_facts.ask, tmp_path / "elsewhere", table)
        ((address, facts),) = found.items()
        assert facts.folder == str(tmp_path / "worker")
        token = tmp_path / "token"
        token.write_text("me")
        with pytest.raises(
            UsageError, match=r"does not see the store.*No such file.*file system that all machines share"
        ):
            worker_facts.refuse(address, facts, token, tmp_path / "x.zarr", table)
        (tmp_path / "elsewhere").write_text("me")
        (facts,) = client.run(worker_facts.ask, tmp_path / "elsewhere", tmp_path / "gone.json").values()
        with pytest.raises(UsageError, match=r"does not see the log.*no such file there, expected 2 bytes"):
            worker_facts.refuse(address, facts, token, tmp_path / "x.zarr", table)


def test_no_scheduler_and_no_worker(scheduler: str, log: Path, tmp_path: Path) -> None:
    nobody = f"tcp://127.0.0.1:{free_port()}"
    ended = command(*densify(log, tmp_path / "x.zarr", "--scheduler", nobody))
    assert ended.code == 2
    assert ended.seconds < 30
    (line,) = ended.errors
    assert f"no Dask scheduler answers: found {nobody}" in line
    with scheduler_client(scheduler) as client, pytest.raises(UsageError, match="the scheduler has no worker"):
        look_over(client, tmp_path / "x.zarr", tmp_path, print, wait_s=0.5)
