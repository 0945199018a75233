"""The run lock: one run writes a store at a time. Advisory, since commits are safe without it; it spares users double work."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ...schemas.errors import StoreLockedError
from .durable import replace_file, storage_errors
from .layout import Folders
from .owner import Owner

_PATIENCE_S = 1.0


@dataclass(frozen=True)
class Holder:
    """The run that holds a store."""

    owner: Owner
    since: str
    """ISO 8601, UTC."""
    command: str

    @classmethod
    def current(cls) -> Holder:
        """This process, from now on."""
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        return cls(Owner.current(), datetime.now(UTC).isoformat(timespec="seconds"), command)

    @classmethod
    def read(cls, path: Path) -> Holder | None:
        """The holder on record, None without a usable record."""
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return cls(Owner(**record["owner"]), str(record["since"]), str(record["command"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None


@contextlib.contextmanager
def run_lock(store: Path) -> Generator[Holder]:
    """Holds the store ``NAME.zarr``, which need not exist yet, for this process. Freed by the system when the process dies.

    Raises StoreLockedError at once, naming the holder, when another run has it.
    """
    folders = Folders(store.absolute())
    with storage_errors(folders.lock):
        folders.lock.parent.mkdir(parents=True, exist_ok=True)
        # One flock a process: a second holder in the same process is refused like any other.
        lock = FileLock(folders.lock, timeout=0, is_singleton=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise _refusal(folders) from error
    try:
        holder = Holder.current()
        with storage_errors(folders.holder):
            # Beside the lock and not in it: opening a lock file may cut it, and some file systems lock what is read.
            folders.temporary.mkdir(parents=True, exist_ok=True)
            replace_file(folders.holder, json.dumps(asdict(holder)) + "\n", folders.files)
        yield holder
    finally:
        folders.holder.unlink(missing_ok=True)
        lock.release()


def _refusal(folders: Folders) -> StoreLockedError:
    holder = _living_holder(folders.holder)
    if holder is None:
        found = "another run, which left no record of itself"
        fix = "wait for it to end, or choose another --out"
    else:
        found = f"process {holder.owner.pid} on {holder.owner.host} since {holder.since} ({holder.command})"
        fix = f"wait for it to end, stop it (kill {holder.owner.pid} on {holder.owner.host}), or choose another --out"
    return StoreLockedError(what="another run holds this store", file=str(folders.store), found=found, fix=fix)


def _living_holder(path: Path) -> Holder | None:
    """The holder on record; waits a moment for one that has the lock but has not yet replaced the record of a dead run."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        holder = Holder.read(path)
        if holder is not None and not holder.owner.is_dead:
            return holder
        time.sleep(0.02)
    return None
