"""Arrays of whole numbers from NumPy archives that strangers made: checked before anything is unpacked, never unpickled."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ...schemas.errors import InputError
from .files import DataRoot

DOWNLOAD_AGAIN = "download the file again"
_HEADER_BYTES = 4096
"""An .npy header of plain numbers has 128 bytes; what claims more is none, and would be unpacked to be read."""
_SPARE_BYTES = 1 << 20
"""What an archive may hold beside its arrays: names, other small arrays."""
_WIDEST = 8
_READERS: Mapping[tuple[int, int], Any] = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError, OSError)
"""What unpacking raises: ValueError for a header, RuntimeError for an encrypted member, NotImplementedError for a method."""


def read_npz(files: DataRoot, name: str, keys: Sequence[str], shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """Arrays of an ``.npz`` by key, each of this shape and of a type of whole numbers or bool, as the file has it.

    Raises InputError naming file, key, what was found and what was expected. Types and shapes are looked at in the headers,
    and no more is unpacked than they say: a small file cannot fill the memory.
    """
    size = files.size(name)
    if size is None:
        raise InputError("label file is missing", file=name, found="no such file", fix=DOWNLOAD_AGAIN)
    most = len(keys) * _WIDEST * math.prod(shape) + _SPARE_BYTES
    if size > most:
        raise InputError(
            "label file is too large", file=name, found=f"{size} bytes", expected=f"at most {most}", fix=DOWNLOAD_AGAIN
        )
    path = files.resolve(name)
    try:
        with zipfile.ZipFile(path) as archive:
            return {key: _member(archive, name, key, shape) for key in keys}
    except _BROKEN as error:
        found = str(error).replace(str(path), "the file") or type(error).__name__
        raise InputError(
            "label file cannot be read", file=name, found=found, expected="a whole .npz of NumPy", fix=DOWNLOAD_AGAIN
        ) from error


def _member(archive: zipfile.ZipFile, name: str, key: str, shape: tuple[int, ...]) -> NDArray[Any]:
    held = [entry.removesuffix(".npy") for entry in archive.namelist() if entry.endswith(".npy")]
    if key not in held:
        found = f"arrays {', '.join(ascii(entry[:40])[1:-1] for entry in held[:8])}" if held else "no array"
        raise InputError(
            f"label file holds no array {key!r}", file=name, found=found, fix="give labels of the format that --labels names"
        )  # fmt: skip
    with archive.open(f"{key}.npy") as stream:
        head = io.BytesIO(stream.read(_HEADER_BYTES))
        found_shape, by_columns, dtype = _header(head)
        _check(name, key, found_shape, dtype, shape)
        wanted = dtype.itemsize * math.prod(shape)
        content = _exactly(stream, head.read(), wanted)
    array = np.frombuffer(content, dtype=dtype).reshape(shape, order="F" if by_columns else "C")
    return np.ascontiguousarray(array)


def _header(head: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type. Raises ValueError for what is no header."""
    version: tuple[int, int] = npy.read_magic(head)  # type: ignore[reportUnknownVariableType]
    if version not in _READERS:
        raise ValueError(f"an .npy header of version {version}")
    found: tuple[tuple[int, ...], bool, np.dtype[Any]] = _READERS[version](head)
    return found


def _check(name: str, key: str, found: tuple[int, ...], dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if dtype.kind not in "iub":
        raise InputError(
            f"{key} has the wrong type", file=name, found=str(dtype), expected="whole numbers, as uint8",
            fix="write class ids and masks as uint8",
        )  # fmt: skip
    if found != shape:
        what = "number of axes" if len(found) != len(shape) else "shape"
        raise InputError(
            f"{key} has the wrong {what}", file=name, found=str(list(found)), expected=str(list(shape)),
            fix="give labels of the grid that the format names",
        )  # fmt: skip


def _exactly(stream: IO[bytes], begun: bytes, wanted: int) -> bytes:
    """``wanted`` bytes. Raises ValueError unless they are all there is, and BadZipFile where their checksum is wrong."""
    content = begun + stream.read(max(wanted - len(begun), 0))
    # Reading on to the end is also what has the checksum looked at.
    if len(content) != wanted or stream.read(1):
        raise ValueError(
            f"an array of {'more' if len(content) >= wanted else 'less'} than the {wanted} bytes it tells of"
        )
    return content
