"""File names from a dataset's tables, made safe: every reader finds its files here."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ...schemas.errors import InputError
from ...schemas.scene import SceneTables


def check_name(relative: str) -> None:
    """Raises InputError for a file name that is absolute, climbs with '..', or holds NUL, backslashes, broken Unicode."""
    reason = _refusal(relative)
    if reason is not None:
        raise InputError(
            f"file name {reason}",
            file=ascii(relative),
            expected="a plain path below the data root",
            fix="mend the table that names it, or download the dataset again",
        )


def _refusal(relative: str) -> str | None:
    parts = relative.split("/")
    reasons = {
        "is empty": not relative,
        "is absolute": not parts[0],
        "climbs out of its folder": ".." in parts,
        "names a folder": parts[-1] in ("", "."),
        "holds a NUL character": "\0" in relative,
        "holds a backslash": "\\" in relative,
        "is not valid Unicode": not relative.isascii() and any("\ud800" <= letter <= "\udfff" for letter in relative),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


class DataRoot:
    """The one way to a dataset's files. Folders are resolved once, so keep it no longer than a scene's check takes."""

    def __init__(self, path: Path) -> None:
        self._root = os.path.realpath(path)
        self._folders: dict[str, str] = {}

    def resolve(self, relative: str) -> Path:
        """As :func:`resolve_within`."""
        return Path(self._look(relative)[0])

    def size(self, relative: str) -> int | None:
        """Bytes of a file, None where there is none. Raises InputError as ``resolve``, and for what is no regular file."""
        _, status = self._look(relative)
        if status is not None and not stat.S_ISREG(status.st_mode):
            # A named pipe would make a worker wait for ever.
            expected = "a file of the dataset"
            raise InputError("not a regular file", file=relative, expected=expected, fix="download the dataset again")
        return None if status is None else status.st_size

    def _look(self, relative: str) -> tuple[str, os.stat_result | None]:
        """A file's real path and status, None where there is none: one system call for a plain file in a known folder."""
        check_name(relative)
        folder, _, name = relative.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(f"{self._root}/{folder}")
        path = f"{self._folders[folder]}/{name}"
        self._check_inside(path, relative)
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                path = os.path.realpath(path)
                self._check_inside(path, relative)
                status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return path, None
        except OSError as error:
            fix = "check its permissions and the disk"
            raise InputError("file cannot be looked at", file=relative, found=error.strerror, fix=fix) from error
        return path, status

    def _check_inside(self, path: str, relative: str) -> None:
        if not path.startswith(self._root.rstrip(os.sep) + os.sep):
            raise InputError(
                "file is a link that leads out of the data root",
                file=relative,
                expected="a file below the data root",
                fix="move the files there, or mount the folder they are in instead of linking to it",
            )


def resolve_within(data_root: Path, relative: str) -> Path:
    """The real path of a file below the data root, whether it exists or not; opens nothing.

    Raises InputError for names that :func:`check_name` refuses, and for links that lead outside (the root itself may be
    one): logs are downloaded from strangers, and ``../../.ssh/id_rsa`` would end up in a store that is shared.
    """
    return DataRoot(data_root).resolve(relative)


def missing_files(data_root: Path, tables: SceneTables) -> list[str]:
    """Sensor and label files of a scene that are not there, in the tables' order."""
    files = DataRoot(data_root)
    names = [*tables.point_files, *filter(None, tables.label_files)]
    return [name for name in names if files.size(name) is None]
