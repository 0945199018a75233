"""Arrays from NumPy archives that strangers made: checked before anything is unpacked, never unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ...schemas.errors import InputError
from .files import DataRoot
from .npy import DOWNLOAD_AGAIN, Wanted, label_size, read_array

_SPARE_BYTES = 1 << 20
"""What an archive may hold beside its arrays: names, other small arrays."""
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError, OSError)
"""What unpacking raises: ValueError for a header, RuntimeError for an encrypted member, NotImplementedError for a method."""


def read_npz(files: DataRoot, name: str, wanted: Mapping[str, Wanted], *, beside: int = 0) -> dict[str, NDArray[Any]]:
    """Arrays of an ``.npz`` by key, as wanted, of the types that the file has.

    ``beside``: bytes that the format's other arrays may have. Raises InputError naming file, key, what was found and what was
    expected. Types and shapes are looked at in the headers, and no more is unpacked than they say: a small file cannot fill
    the memory.
    """
    label_size(files, name, sum(each.most_bytes for each in wanted.values()) + beside + _SPARE_BYTES)
    path = files.resolve(name)
    try:
        with zipfile.ZipFile(path) as archive:
            return {key: _member(archive, name, key, each) for key, each in wanted.items()}
    except _BROKEN as error:
        found = str(error).replace(str(path), "the file") or type(error).__name__
        raise InputError(
            "label file cannot be read", file=name, found=found, expected="a whole .npz of NumPy", fix=DOWNLOAD_AGAIN
        ) from error


def _member(archive: zipfile.ZipFile, name: str, key: str, wanted: Wanted) -> NDArray[Any]:
    held = [entry.removesuffix(".npy") for entry in archive.namelist() if entry.endswith(".npy")]
    if key not in held:
        found = f"arrays {', '.join(ascii(entry[:40])[1:-1] for entry in held[:8])}" if held else "no array"
        raise InputError(
            f"label file holds no array {key!r}", file=name, found=found, fix="give labels of the format that --labels names"
        )  # fmt: skip
    with archive.open(f"{key}.npy") as stream:
        return read_array(stream, name, key, wanted)
