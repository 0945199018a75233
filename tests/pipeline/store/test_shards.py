"""Rows read past Zarr are those that Zarr reads, and no damage is passed on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from occ_pipeline.pipeline.store import arrays
from occ_pipeline.pipeline.store.arrays import StoredArray, write_array
from occ_pipeline.schemas.product import ArraySpec
from zarr.storage import LocalStore


@pytest.mark.parametrize(("rows", "chunk", "dims", "row"), [
    (11, 1, ("frame", "x", "y"), (4, 3)), (11, 4, ("point", "xyz"), (3,)), (8, 4, ("point",), ()), (3, 100, ("point",), ()),
    (1, 1, ("frame",), ()), (5, 2, ("point", "none"), (0,)),
])  # fmt: skip
@pytest.mark.parametrize("dtype", ["uint8", "float32", "int64", "bool"])
def test_all_spans_of_rows(rows: int, chunk: int, dims: tuple[str, ...], row: tuple[int, ...], dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """In several shards of several chunks, the last of each cut short."""
    width = max(int(np.prod(row)), 1) * np.dtype(dtype).itemsize
    monkeypatch.setattr(arrays, "SHARD_BYTES", 2 * chunk * width)
    value = np.random.default_rng(0).integers(0, 200, (rows, *row)).astype(dtype)
    write_array(tmp_path / "a", ArraySpec(dims, dtype, 0, rows=chunk), value)
    array = StoredArray(tmp_path / "a")
    assert array._shards is not None
    assert array.layout.shards == (np.ceil(rows / array.layout.shard[0]) if 0 not in row else 0)
    for start in range(rows + 1):
        for stop in range(start, rows + 1):
            found, by_zarr = array.rows(start, stop), array.rows_by_zarr(start, stop)
            assert (found.dtype, found.shape) == (by_zarr.dtype, by_zarr.shape)
            assert np.array_equal(found, value[start:stop])
            assert np.array_equal(by_zarr, value[start:stop])


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """One of six chunks."""
    value = np.random.default_rng(0).integers(0, 200, (6, 40), dtype=np.uint8)
    write_array(tmp_path / "a", ArraySpec(("frame", "x"), "uint8", 0), value)
    return tmp_path / "a" / "c.0.0"


@pytest.mark.parametrize("place", [2, -1, -10])
def test_a_changed_byte_is_no_value(shard: Path, place: int) -> None:
    """In a chunk, in the index, in the index' checksum."""
    content = bytearray(shard.read_bytes())
    content[place] ^= 1
    shard.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="checksum"):
        StoredArray(shard.parent).rows(0, 1)


def test_a_chunk_that_was_never_written_is_no_fill_value(tmp_path: Path) -> None:
    array = zarr.create_array(
        LocalStore(tmp_path / "a"), shape=(4, 3), dtype="uint8", chunks=(1, 3), shards=(4, 3), filters=None, fill_value=7,
        compressors=[zarr.codecs.ZstdCodec(level=3), zarr.codecs.Crc32cCodec()],
        chunk_key_encoding={"name": "default", "separator": "."},
    )  # fmt: skip
    array[1] = 1
    assert StoredArray(tmp_path / "a").rows(1, 2).tolist() == [[1, 1, 1]]
    with pytest.raises(ValueError, match="chunk 0 of the shard is missing"):
        StoredArray(tmp_path / "a").rows(0, 1)


def test_other_codecs_are_left_to_zarr(tmp_path: Path) -> None:
    array = zarr.create_array(LocalStore(tmp_path / "a"), shape=(4,), dtype="uint8", chunks=(2,), fill_value=0)
    array[:] = [1, 2, 3, 4]
    assert StoredArray(tmp_path / "a")._shards is None
    assert StoredArray(tmp_path / "a").rows(1, 3).tolist() == [2, 3]
