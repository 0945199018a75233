"""File operations that survive a crash, and their errors in words a user can act on."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Callable, Generator
from pathlib import Path
from typing import BinaryIO

from ...schemas.errors import StorageError
from .owner import Owner

_CAUSES = {
    errno.ENOSPC: ("the disk is full", "free some space and run again: finished scenes are kept"),
    errno.EDQUOT: ("the disk quota is used up", "free some space and run again: finished scenes are kept"),
    errno.EACCES: ("no permission to write", "give this user write access, or choose another --out"),
    errno.EPERM: ("no permission to write", "give this user write access, or choose another --out"),
    errno.EROFS: ("the file system is read-only", "choose another --out"),
    errno.EIO: ("the disk returns errors", "check the disk (dmesg), or choose another --out"),
}


@contextlib.contextmanager
def storage_errors(path: Path, needed_bytes: int | None = None) -> Generator[None]:
    """Turns every OSError of its body into a StorageError that says how much was needed and how much is free."""
    try:
        yield
    except OSError as error:
        what, fix = _CAUSES.get(
            error.errno or 0, (f"a file operation failed ({error.strerror or error})", "check the disk, then run again")
        )
        free = free_bytes(path)
        raise StorageError(
            what=what,
            file=str(error.filename or path),
            found=None if free is None else f"{_mebibytes(free)} free",
            expected=None if needed_bytes is None else f"up to {_mebibytes(needed_bytes)}",
            fix=fix,
        ) from error


def _mebibytes(n: int) -> str:
    return f"{n / 2**20:.1f} MiB ({n} bytes)"


def free_bytes(path: Path) -> int | None:
    """Free bytes for this user where the path lies or would lie; None when that cannot be told."""
    for folder in (path, *path.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(folder).free
    return None


def fsync(path: Path) -> None:
    """Makes a file's bytes, or a folder's entries, survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_tree(folder: Path) -> None:
    """Every file and folder below, innermost first, then the folder itself."""
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            fsync_tree(entry)
        else:
            fsync(entry)
    fsync(folder)


def replace_file(path: Path, text: str, temporary: Path) -> None:
    """Writes a whole text file or nothing, as :func:`replace`."""
    replace(path, lambda stream: stream.write(text.encode()), temporary)


def replace(path: Path, write: Callable[[BinaryIO], object], temporary: Path) -> None:
    """Writes a whole file or nothing: into folder ``temporary`` (same file system), fsync, ``os.replace``, fsync of the parent."""
    temporary.mkdir(parents=True, exist_ok=True)
    partial = temporary / f"{Owner.current().tag}.{uuid.uuid4().hex}"
    try:
        with partial.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    fsync(path.parent)


def discard(path: Path, trash: Path) -> None:
    """Removes a file or folder so that no other process takes it half removed for whole: first renamed, then deleted."""
    trash.mkdir(parents=True, exist_ok=True)
    grave = trash / uuid.uuid4().hex
    with contextlib.suppress(FileNotFoundError):
        path.rename(grave)
        if grave.is_dir():
            shutil.rmtree(grave, ignore_errors=True)
        else:
            grave.unlink()
