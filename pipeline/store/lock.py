"""The run lock: one run, or the shards of one, writes a store at a time. Advisory, since commits are safe without it; it spares users double work."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...schemas.errors import StorageError, StoreLockedError
from .durable import replace_file, storage_errors
from .layout import Folders
from .owner import Owner

if TYPE_CHECKING:
    # Only who writes needs it.
    from filelock import FileLock

_PATIENCE_S = 1.0
_INDEX_PATIENCE_S = 60.0


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
def run_lock(store: Path, shard: str | None = None) -> Generator[Holder]:
    """Holds the store ``NAME.zarr``, which need not exist yet, for this process. Freed by the system when the process dies.

    Without ``shard`` the whole store. Shards, named ``1-of-4`` and so on, hold it side by side with others of their
    count. Raises StoreLockedError, naming the holder, when another run has what is asked for.
    """
    folders = Folders(store.absolute())
    with storage_errors(folders.lock):
        folders.lock.parent.mkdir(parents=True, exist_ok=True)
    # Sibling shards hold the whole store for a moment only, as they begin.
    whole = _taken(folders, None, 0.0 if shard is None else _PATIENCE_S)
    try:
        _refuse_others(folders, shard)
        own = whole if shard is None else _taken(folders, shard, 0.0)
    except BaseException:
        whole.release()
        raise
    record = folders.holder_of(shard)
    try:
        holder = Holder.current()
        with storage_errors(record):
            # Beside the lock and not in it: opening a lock file may cut it, and some file systems lock what is read.
            folders.temporary.mkdir(parents=True, exist_ok=True)
            replace_file(record, json.dumps(asdict(holder)) + "\n", folders.files)
        if shard is not None:
            whole.release()
        yield holder
    finally:
        record.unlink(missing_ok=True)
        own.release()
        whole.release()


@contextlib.contextmanager
def index_lock(folders: Folders) -> Generator[None]:
    """Held while the index is read, changed and replaced: shards do that side by side."""
    from filelock import FileLock, Timeout

    with storage_errors(folders.temporary):
        folders.temporary.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folders.temporary / "index.lock", timeout=_INDEX_PATIENCE_S, is_singleton=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise StorageError(
                "the store's index stays locked", file=str(folders.store), found=f"for {_INDEX_PATIENCE_S:.0f} s",
                fix="look whether another run hangs, and whether the file system supports locks",
            ) from error  # fmt: skip
    try:
        yield
    finally:
        lock.release()


def _taken(folders: Folders, shard: str | None, patience_s: float) -> FileLock:
    from filelock import FileLock, Timeout

    with storage_errors(folders.lock):
        # One flock a process: a second holder in the same process is refused like any other.
        lock = FileLock(folders.lock_of(shard), timeout=patience_s, is_singleton=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise _refusal(folders, shard) from error
    return lock


def _refuse_others(folders: Folders, shard: str | None) -> None:
    """Raises where shards run that cannot run beside this: any for a whole run, those of another count for a shard."""
    count = None if shard is None else shard.partition("-of-")[2]
    for path in folders.lock.parent.glob(f"{folders.lock.name}.*-of-*"):
        name = path.name.removeprefix(f"{folders.lock.name}.")
        if name.partition("-of-")[2] != count:
            _taken(folders, name, 0.0).release()


def _refusal(folders: Folders, shard: str | None) -> StoreLockedError:
    holder = _living_holder(folders.holder_of(shard))
    if holder is None:
        found = "another run, which left no record of itself"
        fix = "wait for it to end, or choose another --out"
    else:
        found = f"process {holder.owner.pid} on {holder.owner.host} since {holder.since} ({holder.command})"
        fix = f"wait for it to end, stop it (kill {holder.owner.pid} on {holder.owner.host}), or choose another --out"
    what = "another run holds this store" if shard is None else f"another run holds shard {shard} of this store"
    return StoreLockedError(what=what, file=str(folders.store), found=found, fix=fix)


def _living_holder(path: Path) -> Holder | None:
    """The holder on record; waits a moment for one that has the lock but has not yet replaced the record of a dead run."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        holder = Holder.read(path)
        if holder is not None and not holder.owner.is_dead:
            return holder
        time.sleep(0.02)
    return None
