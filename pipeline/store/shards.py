"""Rows of an array read straight from its shards: Zarr takes two milliseconds to find out which bytes these are.

Only for arrays whose codecs are those that this store writes; Zarr reads all others.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...schemas.product import Array

if TYPE_CHECKING:
    from .arrays import Layout

UInt8 = NDArray[np.uint8]
# Both come with Zarr, which decodes by them too; neither has types.
_zstd: Any = importlib.import_module("numcodecs.zstd").Zstd()
_crc32c: Any = importlib.import_module("google_crc32c")
_CHECKSUM = 4
_ENTRY = 16
_MISSING = 2**64 - 1
_LITTLE = ({"name": "bytes"}, {"name": "bytes", "configuration": {"endian": "little"}})
"""A type of one byte has no order."""


def reads(metadata: Mapping[str, Any]) -> bool:
    """Whether an array's codecs, as its metadata has them, are those of this store: chunks of zstd and crc32c in shards with the
    index at their end.
    """
    codecs = metadata.get("codecs", ())
    # Values are decoded in place, and are stored with the lowest byte first.
    if sys.byteorder != "little" or len(codecs) != 1 or codecs[0].get("name") != "sharding_indexed":
        return False
    inside = codecs[0]["configuration"]
    order, *compressed = inside["codecs"]
    index_order, *index_checked = inside["index_codecs"]
    return (
        inside.get("index_location", "end") == "end"
        and order in _LITTLE
        and index_order in _LITTLE
        and [codec["name"] for codec in compressed] == ["zstd", "crc32c"]
        and [codec["name"] for codec in index_checked] == ["crc32c"]
    )


@dataclass
class Shards:
    """An array's shards. A file is open only while it is read; where its chunks lie is kept."""

    folder: Path
    layout: Layout
    _index: dict[int, NDArray[np.uint64]] = field(default_factory=dict[int, NDArray[np.uint64]])

    def rows(self, start: int, stop: int) -> Array:
        """Rows start to stop (excluded): one at least, of an array that has values.

        Raises OSError for a file that cannot be read, ValueError or RuntimeError for bytes that are not what was written.
        """
        chunk, shard = self.layout.chunk[0], self.layout.shard[0]
        found = np.empty((stop - start, *self.layout.shape[1:]), dtype=self.layout.dtype)
        for number in range(start // shard, (stop - 1) // shard + 1):
            first = number * shard
            with (self.folder / self.layout.shard_file(number)).open("rb") as file:
                for begin in range(max(start - start % chunk, first), min(stop, first + shard), chunk):
                    content = self._chunk(file, number, (begin - first) // chunk)
                    low, high = max(begin, start), min(begin + chunk, stop)
                    if high - low == chunk:
                        # Straight into place: of large chunks the copy would take longer than the rest.
                        _zstd.decode(content, out=found[low - start : high - start])
                    else:
                        whole = np.empty(self.layout.chunk, dtype=self.layout.dtype)
                        _zstd.decode(content, out=whole)
                        found[low - start : high - start] = whole[low - begin : high - begin]
        return found

    def _chunk(self, file: BinaryIO, shard: int, place: int) -> UInt8:
        """A chunk as it is stored, padded where it is an array's last, without its checksum."""
        if shard not in self._index:
            self._index[shard] = self._read_index(file)
        offset, length = self._index[shard][place].tolist()
        if offset == _MISSING:
            raise ValueError(f"chunk {place} of the shard is missing")
        file.seek(offset)
        return _checked(file.read(length))

    def _read_index(self, file: BinaryIO) -> NDArray[np.uint64]:
        """(chunks of a shard, 2) uint64: first byte and number of bytes of each."""
        slots = math.prod(self.layout.shard) // math.prod(self.layout.chunk)
        file.seek(-(slots * _ENTRY + _CHECKSUM), 2)
        return _checked(file.read()).view("<u8").reshape(slots, 2)


def _checked(content: bytes) -> UInt8:
    """The content without the checksum at its end. Raises ValueError where that is another's."""
    body = np.frombuffer(content, dtype=np.uint8)[:-_CHECKSUM]
    found: int = _crc32c.value(body)
    if content[-_CHECKSUM:] != found.to_bytes(_CHECKSUM, "little"):
        raise ValueError("checksum of the bytes does not match")
    return body
