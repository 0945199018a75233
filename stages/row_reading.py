"""Reads of some spans of rows of a product's array: spans that adjoin are read at once, and nothing else is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..schemas.product import Array, ProductReader


def rows_of(reader: ProductReader, name: str, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Array:
    """Rows of all spans, one after the other; spans are in order and do not overlap."""
    pieces = [reader.rows(name, start, stop) for start, stop in _joined(starts, stops)]
    return np.concatenate(pieces) if pieces else reader.rows(name, 0, 0)


def _joined(starts: NDArray[np.int64], stops: NDArray[np.int64]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    return spans
