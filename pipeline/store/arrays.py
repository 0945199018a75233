"""Arrays on disk: how they are cut and compressed, written in bounded memory, and read."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.core.metadata import ArrayV3Metadata
from zarr.storage import LocalStore

from ...schemas.product import Array, ArraySpec, Blocks
from .manifest import ArrayEntry
from .shards import Shards, reads

SHARD_BYTES = 16 << 20
"""Largest shard before compression: writing one takes about twice this much memory. A scene of 41 Occ3D frames takes two."""
ZSTD_LEVEL = 3
_MISSING = np.uint64(2**64 - 1)


@dataclass(frozen=True)
class Layout:
    """How an array is cut: chunks are the unit of reading, shards (whole chunks, side by side along axis 0) are files."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...]
    shard: tuple[int, ...]

    @classmethod
    def of(cls, spec: ArraySpec, shape: tuple[int, ...]) -> Layout:
        """Chunks as declared; shards of equal length within SHARD_BYTES, so that the last one is hardly padded."""
        dtype = np.dtype(spec.dtype)
        chunk = spec.chunk_rows(shape)
        chunks = max(1, math.ceil(shape[0] / chunk[0]))
        per_shard = max(1, SHARD_BYTES // (math.prod(chunk) * dtype.itemsize))
        per_shard = math.ceil(chunks / math.ceil(chunks / per_shard))
        return cls(shape, dtype, chunk, (chunk[0] * per_shard, *chunk[1:]))

    @property
    def chunks(self) -> int:
        """How many chunks hold the array; none when it has no values."""
        return math.prod(math.ceil(n / c) for n, c in zip(self.shape, self.chunk, strict=True))

    @property
    def shards(self) -> int:
        """How many files hold the array."""
        return math.prod(math.ceil(n / s) for n, s in zip(self.shape, self.shard, strict=True))

    def shard_file(self, shard: int) -> str:
        """File name of a shard within the array's folder. All axes but the first are whole in every chunk."""
        return ".".join(["c", str(shard), *["0"] * (len(self.shape) - 1)])

    def parts(self) -> Iterator[tuple[int, int]]:
        """First and last (excluded) row of every shard."""
        if self.shards:
            for start in range(0, self.shape[0], self.shard[0]):
                yield start, min(start + self.shard[0], self.shape[0])


def write_array(folder: Path, spec: ArraySpec, value: Array | Blocks) -> ArrayEntry:
    """Writes one array into a new folder, shard by shard. Returns what must be found there."""
    layout = Layout.of(spec, tuple(value.shape))
    target = zarr.create_array(
        LocalStore(folder),
        shape=layout.shape,
        dtype=layout.dtype,
        chunks=layout.chunk,
        shards=layout.shard,
        filters=None,
        compressors=[ZstdCodec(level=ZSTD_LEVEL), Crc32cCodec()],
        fill_value=spec.fill,
        dimension_names=spec.dims,
        # Dots, not folders, between chunk numbers: fewer directories to create and to fsync.
        chunk_key_encoding={"name": "default", "separator": "."},
        config={"write_empty_chunks": True},
    )
    content = hashlib.sha256()
    row = 0
    for part in _pieces(value, layout.shard[0]):
        if row + len(part) > layout.shape[0]:
            raise ValueError(f"blocks hold more rows than the array's {layout.shape[0]}")
        if part.size:
            target[row : row + len(part)] = part
            content.update(np.ascontiguousarray(part).data)
        row += len(part)
    return ArrayEntry(layout.shape, layout.dtype.name, layout.chunks, content.hexdigest())


def _pieces(value: Array | Blocks, rows: int) -> Iterator[Array]:
    """The array in consecutive pieces of ``rows`` rows; a piece is valid until the next is asked for."""
    if not isinstance(value, Blocks):
        for start in range(0, len(value), rows):
            yield value[start : start + rows]
        return
    size = max(1, min(rows, value.shape[0]))
    buffer = np.empty((size, *value.shape[1:]), value.dtype)
    filled = 0
    for block in value:
        taken = 0
        while taken < len(block):
            n = min(size - filled, len(block) - taken)
            buffer[filled : filled + n] = block[taken : taken + n]
            filled, taken = filled + n, taken + n
            if filled == size:
                yield buffer
                filled = 0
    if filled:
        yield buffer[:filled]


class StoredArray:
    """An array on disk, for reading: the one place that knows Zarr's type."""

    def __init__(self, folder: Path) -> None:
        self._array: zarr.Array[Any] = zarr.open_array(LocalStore(folder, read_only=True), mode="r")
        metadata = self._array.metadata
        self.dims: tuple[str | None, ...] | None = (
            metadata.dimension_names if isinstance(metadata, ArrayV3Metadata) else None
        )
        chunk = self._array.chunks
        # As it is on disk: what this version would choose for a new array may differ.
        self.layout = Layout(self._array.shape, np.dtype(self._array.dtype), chunk, self._array.shards or chunk)
        self._shards = Shards(folder, self.layout) if reads(cast("dict[str, Any]", metadata.to_dict())) else None

    def rows(self, start: int, stop: int) -> Array:
        """Rows start to stop (excluded): reads only the chunks that hold them.

        Raises OSError, ValueError or RuntimeError for damaged files.
        """
        if self._shards is None or start == stop or not self.layout.chunks:
            return self.rows_by_zarr(start, stop)
        return self._shards.rows(start, stop)

    def rows_by_zarr(self, start: int, stop: int) -> Array:
        """The same as every other reader of Zarr gets them."""
        return cast("Array", self._array[start:stop])


def check_array(folder: Path, spec: ArraySpec, entry: ArrayEntry) -> str | None:
    """Reads an array back. None when it is what was written, else what differs."""
    layout = Layout.of(spec, entry.shape)
    array = StoredArray(folder)
    if (array.layout, array.dims) != (layout, spec.dims):
        return f"{array.layout} with axes {array.dims} instead of {layout} with {spec.dims}"
    present = sum(
        _chunks_in(folder / layout.shard_file(i), math.prod(layout.shard) // math.prod(layout.chunk))
        for i in range(layout.shards)
    )
    if present < layout.chunks:
        return f"{present} chunks instead of {layout.chunks}"
    content = hashlib.sha256()
    for start, stop in layout.parts():
        content.update(np.ascontiguousarray(array.rows_by_zarr(start, stop)).data)
    return None if content.hexdigest() == entry.sha256 else "other values than were written"


def _chunks_in(shard: Path, slots: int) -> int:
    """Chunks present in a shard, by the index at its end: (offset, length) for each slot, then a checksum."""
    if not shard.is_file():
        return 0
    with shard.open("rb") as stream:
        stream.seek(-(slots * 16 + 4), 2)
        offsets = np.frombuffer(stream.read(slots * 16), dtype="<u8")[::2]
    return int((offsets != _MISSING).sum())
