"""Content hashes of source files, remembered between runs by what the file system says of each file."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ...schemas.errors import InputError
from .fingerprint import SourceFile, is_fingerprint

logger = logging.getLogger(__name__)

_SETTLED_NS = 2_000_000_000
"""A file changed less than this before it was hashed may change again within one tick of its time stamps: not remembered."""
_LISTED = 5
_QUERY_ROWS = 500

_Stamp = tuple[int, int, int, str]
"""size, mtime_ns, ctime_ns, inode: a change of content that restores the first two still moves ctime, which users cannot set.

The inode is text: it may exceed SQLite's signed 64 bits.
"""


@dataclass(frozen=True)
class _Hashed:
    stamp: _Stamp
    sha256: str
    settled: bool


class FileHashes:
    """Hashes source files, each once. A cache that is missing, damaged or not writable costs time, never a wrong answer."""

    def __init__(self, cache: Path | None = None, *, threads: int | None = None, rehash: bool = False) -> None:
        """``cache``: file to remember hashes in, by default in the user's cache folder. ``rehash``: read every file again."""
        self._cache = cache or platformdirs.user_cache_path("occ-pipeline") / "file-hashes.sqlite"
        self._threads = threads or min(8, os.cpu_count() or 1)
        self._rehash = rehash

    def of(self, root: Path, paths: Iterable[str]) -> list[SourceFile]:
        """Identity of files below ``root``, in the order given. Raises InputError that names the files which cannot be read."""
        listed = list(paths)
        base = root.absolute()
        files = [base / path for path in listed]
        stamps = self._stamps(files, listed)
        known = {} if self._rehash else self._recall(files)
        stale = sorted(
            {file for file, stamp in zip(files, stamps, strict=True) if known.get(file, _NOTHING).stamp != stamp}
        )
        with ThreadPoolExecutor(self._threads) as pool:
            fresh = dict(zip(stale, pool.map(_hash, stale), strict=True))
        self._remember({file: hashed for file, hashed in fresh.items() if hashed.settled})
        hashed = [fresh.get(file) or known[file] for file in files]
        return [SourceFile(path, entry.stamp[0], entry.sha256) for path, entry in zip(listed, hashed, strict=True)]

    def _stamps(self, files: Sequence[Path], listed: Sequence[str]) -> list[_Stamp]:
        stamps: list[_Stamp] = []
        missing: list[str] = []
        for file, path in zip(files, listed, strict=True):
            try:
                stamps.append(_stamp(file.stat()))
            except OSError:
                missing.append(path)
        if missing:
            more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
            raise InputError(
                what=f"{len(missing)} of {len(listed)} source files cannot be found",
                file=", ".join(missing[:_LISTED]) + more,
                fix="complete the copy of the log, or check --dataroot",
            )
        return stamps

    def _recall(self, files: Sequence[Path]) -> dict[Path, _Hashed]:
        known: dict[Path, _Hashed] = {}
        try:
            with contextlib.closing(self._connect()) as cache:
                for at in range(0, len(files), _QUERY_ROWS):
                    names = [str(file) for file in files[at : at + _QUERY_ROWS]]
                    marks = ",".join("?" * len(names))
                    query = f"SELECT path, size, mtime_ns, ctime_ns, inode, sha256 FROM hashes WHERE path IN ({marks})"  # noqa: S608 - only "?"
                    for path, size, mtime, ctime, inode, sha256 in cache.execute(query, names):
                        if is_fingerprint(str(sha256)):
                            known[Path(path)] = _Hashed((size, mtime, ctime, inode), sha256, settled=True)
        except (sqlite3.Error, OSError) as error:
            logger.info("hash cache %s is not used: %s", self._cache, error)
        return known

    def _remember(self, fresh: dict[Path, _Hashed]) -> None:
        if not fresh:
            return
        rows = [(str(file), *entry.stamp, entry.sha256) for file, entry in fresh.items()]
        try:
            with contextlib.closing(self._connect()) as cache, cache:
                cache.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?, ?)", rows)
        except (sqlite3.Error, OSError) as error:
            logger.info("hash cache %s is not written: %s", self._cache, error)

    def _connect(self) -> sqlite3.Connection:
        self._cache.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._cache, timeout=10)
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS hashes"
                " (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode TEXT, sha256 TEXT)"
            )
        except sqlite3.Error:
            connection.close()
            raise
        return connection


_NOTHING = _Hashed((-1, -1, -1, ""), "", settled=False)


def _stamp(status: os.stat_result) -> _Stamp:
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, str(status.st_ino))


def _hash(file: Path) -> _Hashed:
    """Hashes one file. Raises InputError when it cannot be read, or is written to meanwhile."""
    try:
        with file.open("rb") as stream:
            before = _stamp(os.fstat(stream.fileno()))
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            after = _stamp(os.fstat(stream.fileno()))
    except OSError as error:
        raise InputError(
            what="a source file cannot be read",
            file=str(file),
            found=error.strerror,
            fix="check its permissions and the disk",
        ) from error
    if before != after:
        raise InputError(
            what="a source file changes while it is read",
            file=str(file),
            fix="wait until it is written whole, then run again",
        )
    # A clock that runs behind the file server's makes the age negative: not settled either, which only costs time.
    return _Hashed(after, sha256, settled=time.time_ns() - max(after[1], after[2]) > _SETTLED_NS)
