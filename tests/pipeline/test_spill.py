"""Rows kept in a file until they are written."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.pipeline.spill import SpillFile
from occ_pipeline.schemas.errors import StorageError


@given(
    st.lists(st.integers(0, 40), max_size=6),
    st.sampled_from(["float32", "uint8", "int64"]),
    st.sampled_from([(), (3,)]),
)
@settings(max_examples=40, deadline=None)
def test_rows_come_back_as_appended(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], dtype: str, row: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(len(lengths))
    pieces = [rng.integers(0, 200, (n, *row)).astype(dtype) for n in lengths]
    spill = SpillFile(tmp_path_factory.getbasetemp(), dtype, row)
    for piece in pieces:
        spill.append(piece)
    blocks = spill.array()
    assert blocks.shape == (sum(lengths), *row)
    for _ in range(2):
        back = list(blocks)
        assert len(back) == len(pieces)
        for have, want in zip(back, pieces, strict=True):
            assert have.dtype == want.dtype
            assert np.array_equal(have, want)


def test_slices_of_larger_arrays_are_written_as_they_are_seen(tmp_path: Path) -> None:
    table = np.arange(20, dtype=np.int32).reshape(10, 2)
    spill = SpillFile(tmp_path, "int32", ())
    spill.append(table[:, 1])
    assert np.concatenate(list(spill.array())).tolist() == table[:, 1].tolist()


def test_rows_of_another_type_or_shape_are_refused(tmp_path: Path) -> None:
    spill = SpillFile(tmp_path, "float32", (3,))
    for rows in (np.zeros((2, 3)), np.zeros((2, 2), np.float32), np.zeros(3, np.float32)):
        with pytest.raises(ValueError, match=r"expected float32\(3,\)"):
            spill.append(rows)


def test_nothing_is_left_on_the_disk(tmp_path: Path) -> None:
    spill = SpillFile(tmp_path, "uint8", ())
    spill.append(np.ones(1000, np.uint8))
    assert list(tmp_path.iterdir()) == []
    before = len(list(Path("/proc/self/fd").iterdir()))
    del spill
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 1


def test_a_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        SpillFile(tmp_path / "none", "uint8", ())
