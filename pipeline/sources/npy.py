"""Arrays from NumPy files that strangers made: headers are checked before anything else is read, nothing is unpickled."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ...schemas.errors import InputError
from .files import DataRoot

DOWNLOAD_AGAIN = "download the file again"
_HEADER_BYTES = 4096
"""An .npy header of plain numbers has 128 bytes; what claims more is none, and would be unpacked to be read."""
_READERS: Mapping[tuple[int, int], Any] = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_WIDEST = 8


@dataclass(frozen=True)
class Wanted:
    """What an array of a format looks like."""

    shape: tuple[int | None, ...]
    """Length of every axis; None for the first one where it may have any."""
    kinds: str = "iub"
    """NumPy's letters of the types it may have: whole numbers and bool, and ``f`` for fractions."""
    most_rows: int = 0
    """Where the first axis may have any length, the longest that makes sense."""

    @property
    def most_bytes(self) -> int:
        """Of the largest array that fits."""
        return _WIDEST * math.prod(self.most_rows if n is None else n for n in self.shape)

    @property
    def shape_words(self) -> str:
        """As errors say it."""
        return "[" + ", ".join("N" if n is None else str(n) for n in self.shape) + "]"


def label_size(files: DataRoot, name: str, most: int) -> int:
    """Bytes of a file of labels. Raises InputError where it is missing, or larger than it can be."""
    size = files.size(name)
    if size is None:
        raise InputError("label file is missing", file=name, found="no such file", fix=DOWNLOAD_AGAIN)
    if size > most:
        raise InputError(
            "label file is too large", file=name, found=f"{size} bytes", expected=f"at most {most}", fix=DOWNLOAD_AGAIN
        )
    return size


def read_npy(files: DataRoot, name: str, wanted: Wanted) -> NDArray[Any]:
    """The array of an ``.npy``, of its own type. Raises InputError naming file, what was found and what was expected."""
    label_size(files, name, wanted.most_bytes + _HEADER_BYTES)
    path = files.resolve(name)
    try:
        with path.open("rb") as stream:
            return read_array(stream, name, "the array", wanted)
    except (ValueError, OSError) as error:
        found = str(error).replace(str(path), "the file")
        raise InputError(
            "label file cannot be read", file=name, found=found, expected="a whole .npy of NumPy", fix=DOWNLOAD_AGAIN
        ) from error


def read_raw(files: DataRoot, name: str, wanted_bytes: int) -> bytes:
    """A file without a header. Raises InputError unless it has exactly so many bytes."""
    size = label_size(files, name, 2**40)
    if size != wanted_bytes:
        what = "label file is cut off" if size < wanted_bytes else "label file is too large"
        raise InputError(
            what, file=name, found=f"{size} bytes", expected=f"{wanted_bytes} bytes", fix=DOWNLOAD_AGAIN
        )  # fmt: skip
    try:
        return files.resolve(name).read_bytes()
    except OSError as error:
        fix = "check its permissions and the disk"
        raise InputError("label file cannot be read", file=name, found=error.strerror, fix=fix) from error


def read_array(stream: IO[bytes], name: str, key: str, wanted: Wanted) -> NDArray[Any]:
    """An array in C order from an open ``.npy``, of which no more is read than its header tells and the format allows.

    Raises InputError for another type or shape, ValueError for what is no whole array.
    """
    head = io.BytesIO(stream.read(_HEADER_BYTES))
    shape, by_columns, dtype = _header(head)
    _check(name, key, shape, dtype, wanted)
    content = _exactly(stream, head.read(), dtype.itemsize * math.prod(shape))
    array = np.frombuffer(content, dtype=dtype).reshape(shape, order="F" if by_columns else "C")
    return np.ascontiguousarray(array)


def _header(head: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type. Raises ValueError for what is no header."""
    version: tuple[int, int] = npy.read_magic(head)  # type: ignore[reportUnknownVariableType]
    if version not in _READERS:
        raise ValueError(f"an .npy header of version {version}")
    found: tuple[tuple[int, ...], bool, np.dtype[Any]] = _READERS[version](head)
    return found


def _check(name: str, key: str, found: tuple[int, ...], dtype: np.dtype[Any], wanted: Wanted) -> None:
    if dtype.kind not in wanted.kinds or dtype.itemsize > _WIDEST:
        whole = "f" not in wanted.kinds
        raise InputError(
            f"{key} has the wrong type", file=name, found=str(dtype),
            expected="whole numbers, as uint8" if whole else "numbers, as float32",
            fix="write class ids and masks as uint8" if whole else "write them as float32",
        )  # fmt: skip
    fits = len(found) == len(wanted.shape) and all(
        n == want if want is not None else n <= wanted.most_rows for n, want in zip(found, wanted.shape, strict=True)
    )
    if not fits:
        what = "number of axes" if len(found) != len(wanted.shape) else "shape"
        most = f", N at most {wanted.most_rows}" if None in wanted.shape else ""
        raise InputError(
            f"{key} has the wrong {what}", file=name, found=str(list(found)), expected=wanted.shape_words + most,
            fix="give labels of the grid that the format names",
        )  # fmt: skip


def _exactly(stream: IO[bytes], begun: bytes, wanted: int) -> bytes:
    """``wanted`` bytes. Raises ValueError unless they are all there is, and BadZipFile where their checksum is wrong."""
    content = begun + stream.read(max(wanted - len(begun), 0))
    # Reading on to the end is also what has an archive's checksum looked at.
    if len(content) != wanted or stream.read(1):
        raise ValueError(
            f"an array of {'more' if len(content) >= wanted else 'less'} than the {wanted} bytes it tells of"
        )
    return content
