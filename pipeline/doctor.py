"""Whether a run would work on this machine, and what to do where not."""

from __future__ import annotations

import ctypes
import importlib.metadata
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from .backend import APT_LINE, MESHLAB_LINE, loads
from .cluster import cores
from .machine import NETWORK, OBJECT_STORES, cpu_limit, file_system, memory, writable
from .store.durable import free_bytes

Grade = Literal["ok", "warning", "problem"]
GIB = 1 << 30
LIBRARIES = {
    "libusb-1.0.so.0": "libusb-1.0-0", "libGL.so.1": "libgl1", "libEGL.so.1": "libegl1", "libX11.so.6": "libx11-6", "libgomp.so.1": "libgomp1",
}  # fmt: skip
"""Shared libraries that Open3D's wheel loads, and the Debian packages that hold them."""
VERSIONS = (
    "open3d-cpu",
    "open3d",
    "pymeshlab",
    "numba",
    "numpy",
    "scipy",
    "zarr",
    "dask",
    "distributed",
    "nuscenes-devkit",
)
_PYTHONS = ((3, 11), (3, 12))
_GLIBC = (2, 35)
_WORKER_BYTES = 1.5 * GIB
"""What a worker and its child need at most, with room to spare."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    name: str
    grade: Grade
    found: str
    fix: str = ""
    """What to do, where something is wrong."""


def examine(store: Path, probe: Callable[[Literal["open3d", "pymeshlab"]], str | None] = loads) -> list[Finding]:
    """Everything a run depends on. ``probe``: gives None for a library that loads, else why it does not."""
    cache = platformdirs.user_cache_path("occ-pipeline")
    return [
        *_software(), *_libraries(probe), *_processors(), *_memory(), *_folder("store", store, 2 * GIB, must=True),
        *_folder("cache", cache, GIB // 2, must=False), *_folder("temporary files", Path(tempfile.gettempdir()), GIB // 4, must=True),
        *_shared_memory(), *_versions(),
    ]  # fmt: skip


def _software() -> Iterator[Finding]:
    known = sys.version_info[:2] in _PYTHONS
    yield Finding(
        "Python",
        "ok" if known else "problem",
        platform.python_version(),
        "" if known else "use Python 3.11 or 3.12: nuscenes-devkit needs numpy < 2",
    )
    name, version = platform.libc_ver()
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    old = name == "glibc" and numbers < _GLIBC
    fix = "use Debian 12, Ubuntu 22.04 or newer: Open3D's wheel needs glibc 2.35" if old else ""
    yield Finding("C library", "warning" if old else "ok", f"{name} {version}".strip() or platform.system(), fix)


def _libraries(probe: Callable[[Literal["open3d", "pymeshlab"]], str | None]) -> Iterator[Finding]:
    missing = [package for library, package in LIBRARIES.items() if not _there(library)]
    reasons = {"open3d": probe("open3d"), "pymeshlab": probe("pymeshlab")}
    loaded = [name for name, reason in reasons.items() if reason is None]
    # Nothing is lacking that matters where Open3D loads.
    grade: Grade = "ok" if reasons["open3d"] is None else "warning" if loaded else "problem"
    if sys.platform == "linux":
        fix = f"apt-get install -y {' '.join(missing)}" if missing and grade != "ok" else ""
        found = f"missing: {', '.join(missing)}" if missing else "all that Open3D loads are there"
        yield Finding("shared libraries", grade if missing else "ok", found, fix)
    fix = "" if reasons["open3d"] is None else APT_LINE if not missing else "install the shared libraries above"
    yield Finding("Open3D", grade, reasons["open3d"] or "loads", fix)
    fix = "" if reasons["pymeshlab"] is None or "open3d" in loaded else MESHLAB_LINE
    yield Finding(
        "pymeshlab",
        "problem" if not loaded else "ok",
        reasons["pymeshlab"] or "loads (used where Open3D cannot be)",
        fix,
    )


def _there(library: str) -> bool:
    """Whether the loader finds a library, which is all that Open3D asks."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _processors() -> Iterator[Finding]:
    usable, limit = cores(), cpu_limit()
    tight = limit is not None and limit < usable
    found = f"{usable} usable" + (f", but time for {limit:g}" if tight else "")
    fix = f"run with --workers {max(1, int(limit))}" if tight and limit is not None else ""
    yield Finding("cores", "warning" if tight else "ok", found, fix)


def _memory() -> Iterator[Finding]:
    has = memory()
    bounds = [bound for bound in (has.available, has.limit) if bound is not None]
    if not bounds:
        yield Finding("memory", "ok", "not told by this system")
        return
    told = [
        f"{_gib(n)} {name}" for name, n in (("in all", has.total), ("free", has.available), ("allowed", has.limit)) if n
    ]
    fits = int(min(bounds) / _WORKER_BYTES)
    grade: Grade = "problem" if fits < 1 else "warning" if fits < cores() else "ok"
    fix = (
        ""
        if grade == "ok"
        else "free some memory"
        if fits < 1
        else f"run with --workers {fits}: each needs up to {_gib(_WORKER_BYTES)}"
    )
    yield Finding("memory", grade, ", ".join(told), fix)


def _folder(name: str, path: Path, wanted: int, *, must: bool) -> Iterator[Finding]:
    """Space, permission and kind of file system."""
    free, kind = free_bytes(path), file_system(path)
    found = f"{path}: {_gib(free)} free" + (f" on {kind}" if kind else "") if free is not None else f"{path}: unknown"
    lacking: Grade = "problem" if must else "warning"
    if not writable(path):
        yield Finding(name, lacking, f"{path} cannot be written", "give this user write access, or choose another")
    elif free is not None and free < wanted:
        yield Finding(name, "warning", found, f"free some space: below {_gib(wanted)} runs may stop half way")
    elif kind in OBJECT_STORES:
        fix = "renames are not atomic there: write the store to a local disk and copy it when done"
        yield Finding(name, lacking, found, fix)
    elif kind in NETWORK:
        fix = "over a network, fsync and locks depend on the server: run one command at a time, then verify"
        yield Finding(name, "warning" if must else "ok", found, fix if must else "")
    elif kind == "tmpfs" and name == "store":
        yield Finding(name, "warning", found, "this folder is memory: it is lost at the next start")
    else:
        yield Finding(name, "ok", found)


def _shared_memory() -> Iterator[Finding]:
    path = Path("/dev/shm")  # noqa: S108  looked at, not written
    if sys.platform == "linux":
        size = shutil.disk_usage(path).total if path.is_dir() else 0
        # Nothing of ours lies there but the semaphores of worker processes.
        fix = "" if size else "mount it (docker run --shm-size 64m): worker processes need its semaphores"
        yield Finding("shared memory", "ok" if size else "problem", f"{path}: {size / 2**20:.0f} MiB", fix)


def _versions() -> Iterator[Finding]:
    for name in VERSIONS:
        try:
            yield Finding(f"{name} version", "ok", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            # One of three reconstructs surfaces: whether any does is told above.
            if name not in ("open3d-cpu", "open3d", "pymeshlab"):
                yield Finding(f"{name} version", "problem", "not installed", "pip install occ-pipeline")


def _gib(count: float) -> str:
    return f"{count / GIB:.1f} GiB"
