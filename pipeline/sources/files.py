"""File names from a dataset's tables, made safe: every reader finds its files through :func:`resolve_within`."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from ...schemas.errors import InputError
from ...schemas.scene import SceneTables


def check_name(relative: str) -> None:
    """Raises InputError for a file name that is absolute, climbs with '..', or holds NUL, backslashes or broken Unicode."""
    reason = _refusal(relative)
    if reason is not None:
        raise InputError(
            f"file name {reason}",
            file=ascii(relative),
            expected="a plain path below the data root",
            fix="mend the table that names it, or download the dataset again",
        )


def resolve_within(data_root: Path, relative: str) -> Path:
    """The real path of a file below the data root, whether it exists or not; opens nothing.

    Raises InputError for names that :func:`check_name` refuses, and for links that lead out of the data root (the root
    itself may be one): logs are downloaded from strangers, and ``../../.ssh/id_rsa`` would end up in a store that is shared.
    """
    check_name(relative)
    root = os.path.realpath(data_root)
    # Path.resolve would cost three times as much, and preflight asks for every file.
    real = os.path.realpath(os.path.join(root, relative))  # noqa: PTH118
    if not real.startswith(root.rstrip(os.sep) + os.sep):
        raise InputError(
            "file is a link that leads out of the data root",
            file=relative,
            expected="a file below the data root",
            fix="move the files there, or mount the folder they are in instead of linking to it",
        )
    return Path(real)


def _refusal(relative: str) -> str | None:
    if not relative or relative == ".":
        return "is empty"
    if "\0" in relative:
        return "holds a NUL character"
    if "\\" in relative:
        return "holds a backslash"
    try:
        relative.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode"
    path = PurePosixPath(relative)
    if path.is_absolute():
        return "is absolute"
    return "climbs out of its folder" if ".." in path.parts else None


def file_size(data_root: Path, relative: str) -> int | None:
    """Bytes of a regular file below the data root, None where there is none. Raises InputError for other kinds of file."""
    path = resolve_within(data_root, relative)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(
            "file cannot be looked at", file=relative, found=error.strerror, fix="check its permissions and the disk"
        ) from error
    if not stat.S_ISREG(status.st_mode):
        # A named pipe would make a worker wait for ever.
        raise InputError(
            "not a regular file", file=relative, expected="a file of the dataset", fix="download the dataset again"
        )
    return status.st_size


def missing_files(data_root: Path, tables: SceneTables) -> list[str]:
    """Sensor and label files of a scene that are not there, in the tables' order."""
    names = [*tables.point_files, *filter(None, tables.label_files)]
    return [name for name in names if file_size(data_root, name) is None]
