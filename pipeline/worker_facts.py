"""What a worker that somebody else started must be like before work goes to it: asked there, judged here."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import os
import platform
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..schemas.errors import UsageError
from ..stages.supervised import NATIVE
from .cluster import set_environment

LIBRARIES = (
    "dask",
    "distributed",
    "numba",
    "numpy",
    "open3d",
    "open3d-cpu",
    "pymeshlab",
    "scipy",
    "small_gicp",
    "zarr",
)


@dataclass(frozen=True)
class WorkerFacts:
    """One worker's answer."""

    host: str
    folder: str
    """Its working directory."""
    versions: Mapping[str, str]
    threads: int
    daemonic: bool
    """Whether it may not have the child process that native code runs in."""
    token: str
    """Content of the file that the driver left beside the store; why it cannot be read, otherwise."""
    data_bytes: int
    """Size of a table of the log; -1 where it is not there."""


def versions() -> dict[str, str]:
    """Of this project, Python and the libraries that decide bytes or talk to each other."""
    found = {"occ-pipeline": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def ask(token: Path, table: Path, dask_worker: Any = None) -> WorkerFacts:
    """Runs on a worker. Sets the thread counts that the bytes rest on, before any kernel is loaded."""
    set_environment()
    try:
        seen = token.read_text(encoding="utf-8")
    except OSError as error:
        seen = str(error.strerror)
    return WorkerFacts(
        socket.gethostname(), str(Path.cwd()), versions(), int(dask_worker.state.nthreads),
        bool(multiprocessing.current_process().daemon), seen, table.stat().st_size if table.exists() else -1,
    )  # fmt: skip


def stop_native() -> None:
    """Runs on a worker: ends its native child, which the next run would start again."""
    NATIVE.stop()


def refuse(address: str, found: WorkerFacts | BaseException, token: Path, store: Path, table: Path) -> None:
    """Raises UsageError naming the first thing that is wrong with a worker. ``token``: the file as the driver wrote it."""
    if isinstance(found, BaseException):
        raise UsageError(
            f"worker {address} cannot run occ-pipeline", found=f"{type(found).__name__}: {found}",
            fix=f"install occ-pipeline {__version__} where the worker runs",
        )  # fmt: skip
    worker = f"worker {address} on {found.host}"
    own = versions()
    other = {n: (found.versions.get(n, "none"), own[n]) for n in own if found.versions.get(n) != own[n]}
    if other:
        raise UsageError(
            f"{worker} has other versions", found=", ".join(f"{n} {there}" for n, (there, _) in other.items()),
            expected=", ".join(f"{n} {here}" for n, (_, here) in other.items()),
            fix="install the same environment on all machines: other libraries make other bytes",
        )  # fmt: skip
    if found.threads != 1:
        raise UsageError(
            f"{worker} runs several tasks at once", found=f"{found.threads} threads", expected="1",
            fix="start it with --nthreads 1, and more workers (--nworkers) instead",
        )  # fmt: skip
    if found.daemonic:
        raise UsageError(
            f"{worker} may not start the child process that native code needs",
            fix="set DASK_DISTRIBUTED__WORKER__DAEMON=False before dask worker, or start it with --no-nanny",
        )
    if found.token != token.read_text(encoding="utf-8"):
        raise UsageError(
            f"{worker} does not see the store", file=str(store), found=f"{found.token} there, seen from {found.folder}",
            fix="give --out a path on a file system that all machines share",
        )  # fmt: skip
    if found.data_bytes != table.stat().st_size:
        what = "no such file there" if found.data_bytes < 0 else f"a file of {found.data_bytes} bytes there"
        raise UsageError(
            f"{worker} does not see the log", file=str(table), found=what, expected=f"{table.stat().st_size} bytes",
            fix="give --dataroot a path that all machines share",
        )  # fmt: skip


def this_process() -> str:
    """Who asks, for the token."""
    return f"{socket.gethostname()} {os.getpid()} {os.urandom(8).hex()}"
