"""Rows kept in a nameless file until their product is written: whatever happens, the system removes it."""

from __future__ import annotations

import functools
import math
import os
import tempfile
import weakref
from pathlib import Path

import numpy as np

from ..schemas.product import Array, Blocks
from .store.durable import storage_errors


class SpillFile:
    """A :class:`~occ_pipeline.stages.stage.Spill` on disk."""

    def __init__(self, folder: Path, dtype: str, row: tuple[int, ...]) -> None:
        self._folder, self._dtype, self._row = folder, np.dtype(dtype), row
        self._rows = [0]
        with storage_errors(folder):
            # Unbuffered: a buffer would be read past by `pread`.
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  open while it may be read
        # The arrays handed out hold this object, so the file closes after the last of them.
        weakref.finalize(self, self._file.close)

    def append(self, rows: Array) -> None:
        """Adds rows. Raises ValueError for rows of another type or shape, StorageError where the disk fails."""
        if rows.dtype != self._dtype or rows.shape[1:] != self._row:
            raise ValueError(f"rows are {rows.dtype}{rows.shape[1:]}, expected {self._dtype}{self._row}")
        left = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
        with storage_errors(self._folder, len(left)):
            while left:
                left = left[self._file.write(left) :]
        self._rows.append(self._rows[-1] + len(rows))

    def array(self) -> Array:
        """All rows so far as Blocks, one for each call of :meth:`append`."""
        pieces = [functools.partial(self._read, i) for i in range(len(self._rows) - 1)]
        return Blocks.of((self._rows[-1], *self._row), self._dtype.name, pieces)

    def _read(self, piece: int) -> Array:
        first, last = self._rows[piece : piece + 2]
        row_bytes = math.prod(self._row) * self._dtype.itemsize
        value = np.empty((last - first, *self._row), self._dtype)
        left, place = value.reshape(-1).view(np.uint8).data, first * row_bytes
        with storage_errors(self._folder):
            while left:
                n = os.preadv(self._file.fileno(), [left], place)
                if n == 0:
                    raise OSError(f"a temporary file in {self._folder} is shorter than what was written to it")
                left, place = left[n:], place + n
        return value
