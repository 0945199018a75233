"""A hash grid that thins streams of returns: one row per occupied cell, the same whatever the order of insertion.

A row is six int64: key, three sums of quantised offsets, the number of returns, and the nearest return's
``range (mm) << 40 | sweep << 20 | track + 1``. Sums, counts and minima commute, so parts can be merged in any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

EMPTY = -1
OFFSET_STEPS = 65_536
"""Steps a cell's edge is divided into when a return's place in it is summed: 1.5 micrometres of 0.1 m."""
COLUMNS = 6
SWEEP_SHIFT, RANGE_SHIFT, LOW_BITS = 20, 40, (1 << 20) - 1


@kernel
def find_slot(slots: Int32, rows: Int64, key: int) -> int:
    """The slot that holds the row of ``key``, or the empty slot where it belongs. O(1) expected at a load below one half."""
    mask = len(slots) - 1
    # Every bit of a key must count: neighbours differ in some in the middle, far places in the highest alone.
    mixed = (key ^ (key >> 32)) * 0x9E3779B97F4A7C1
    slot = (mixed ^ (mixed >> 32)) & mask
    while slots[slot] != EMPTY and rows[slots[slot], 0] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def insert_returns(slots: Int32, rows: Int64, used: int, keys: Int64, offsets: Int64, nearest: Int64) -> int:
    """Adds returns to a table with room for them; gives the number of its rows then. O(returns)."""
    for i in range(len(keys)):
        slot = find_slot(slots, rows, keys[i])
        row = slots[slot]
        if row == EMPTY:
            row = used
            slots[slot] = row
            rows[row] = 0
            rows[row, 0] = keys[i]
            rows[row, 5] = nearest[i]
            used += 1
        elif nearest[i] < rows[row, 5]:
            rows[row, 5] = nearest[i]
        rows[row, 1] += offsets[i, 0]
        rows[row, 2] += offsets[i, 1]
        rows[row, 3] += offsets[i, 2]
        rows[row, 4] += 1
    return used


@kernel
def count_keys(slots: Int32, rows: Int64, used: int, keys: Int64) -> int:
    """Counts occurrences of keys in a table of (key, count) rows; gives the number of its rows then. O(keys)."""
    for i in range(len(keys)):
        slot = find_slot(slots, rows, keys[i])
        row = slots[slot]
        if row == EMPTY:
            row = used
            slots[slot] = row
            rows[row, 0] = keys[i]
            rows[row, 1] = 0
            used += 1
        rows[row, 1] += 1
    return used


@kernel
def fill_slots(slots: Int32, rows: Int64, used: int) -> None:
    """Enters the rows into empty slots. O(rows)."""
    for row in range(used):
        slots[find_slot(slots, rows, rows[row, 0])] = row


@kernel
def merge_sorted(rows: Int64, merged: Int64) -> int:
    """Joins rows of equal key, sorted by key, into ``merged``; gives the number of cells. O(rows)."""
    cells = 0
    for i in range(len(rows)):
        if cells > 0 and merged[cells - 1, 0] == rows[i, 0]:
            for column in range(1, 5):
                merged[cells - 1, column] += rows[i, column]
            merged[cells - 1, 5] = min(merged[cells - 1, 5], rows[i, 5])
        else:
            for column in range(6):
                merged[cells, column] = rows[i, column]
            cells += 1
    return cells


class CellTable:
    """A growing hash table of (key, ...) int64 rows: rows lie one after the other, and open addressing finds their numbers.

    So it takes little more memory than its rows, however many they come to be.
    """

    def __init__(self, columns: int, capacity: int = 1 << 16) -> None:
        self._rows: Int64 = np.empty((capacity // 2, columns), dtype=np.int64)
        self._slots: Int32 = np.full(capacity, EMPTY, dtype=np.int32)
        self._used = 0

    def _make_room(self, count: int) -> None:
        needed = self._used + count
        if needed > len(self._rows):
            larger = np.empty((max(needed, len(self._rows) * 3 // 2), self._rows.shape[1]), dtype=np.int64)
            larger[: self._used] = self._rows[: self._used]
            self._rows = larger
        if 2 * needed > len(self._slots):
            self._slots = np.full(1 << (2 * needed - 1).bit_length(), EMPTY, dtype=np.int32)
            fill_slots(self._slots, self._rows, self._used)

    def add_returns(self, keys: Int64, offsets: Int64, nearest: Int64) -> None:
        """``keys``: (N,) int64, ``offsets``: (N, 3) int64 from :func:`quantise`, ``nearest``: (N,) int64."""
        self._make_room(len(keys))
        self._used = insert_returns(self._slots, self._rows, self._used, keys, offsets, nearest)

    def count(self, keys: Int64) -> None:
        """Counts ``keys``: (N,) int64."""
        self._make_room(len(keys))
        self._used = count_keys(self._slots, self._rows, self._used, keys)

    def sorted_rows(self) -> Int64:
        """(cells, columns) int64, by key."""
        used = self._rows[: self._used]
        return used[np.argsort(used[:, 0])]


def quantise(points: Float64, cell_m: float) -> tuple[Int64, Int64]:
    """Cell indices (N, 3) and offsets within the cell (N, 3) in :data:`OFFSET_STEPS` of points (N, 3), metres."""
    scaled = points / cell_m
    cells = np.floor(scaled)
    offsets = np.minimum((scaled - cells) * OFFSET_STEPS, OFFSET_STEPS - 1)
    return cells.astype(np.int64), offsets.astype(np.int64)


def pack_nearest(range_m: NDArray[np.floating[Any]], sweep: int, track: NDArray[np.integer[Any]]) -> Int64:
    """(N,) int64 whose minimum belongs to the nearest return; ``track``: (N,) integers, -1 for none."""
    millimetres = np.minimum(np.rint(range_m * 1000.0), (1 << 23) - 1).astype(np.int64)
    return (millimetres << RANGE_SHIFT) | (sweep << SWEEP_SHIFT) | (track.astype(np.int64) + 1)


def unpack_nearest(nearest: Int64) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Sweep and track, (N,) int32 each, of packed nearest returns."""
    return ((nearest >> SWEEP_SHIFT) & LOW_BITS).astype(np.int32), ((nearest & LOW_BITS) - 1).astype(np.int32)


def mean_offsets(rows: Int64) -> Float64:
    """(N, 3) float64 in [0, 1): mean place of each cell's returns within the cell."""
    return (rows[:, 1:4] / rows[:, 4:5] + 0.5) / OFFSET_STEPS


def merge_rows(tables: list[Int64]) -> Int64:
    """One table sorted by key from several."""
    rows = np.concatenate(tables)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    merged = np.empty_like(rows)
    return merged[: merge_sorted(rows, merged)]


def majority_labels(keys: Int64, votes: list[Int64]) -> NDArray[np.uint8]:
    """Most frequent label of each cell, ties to the lowest id, 255 without votes.

    ``keys``: (N,) int64, sorted, unique. ``votes``: tables of (key << 8 | label, count) rows.
    """
    rows = np.concatenate(votes) if votes else np.zeros((0, 2), dtype=np.int64)
    labels = np.full(len(keys), 255, dtype=np.uint8)
    if len(rows) == 0:
        return labels
    packed, inverse = np.unique(rows[:, 0], return_inverse=True)
    counts = np.bincount(inverse, weights=rows[:, 1]).astype(np.int64)
    cell, label = packed >> 8, packed & 255
    order = np.lexsort((label, -counts, cell))
    first = order[np.concatenate(([True], cell[order][1:] != cell[order][:-1]))]
    place = np.searchsorted(keys, cell[first])
    known = (place < len(keys)) & (keys[np.minimum(place, len(keys) - 1)] == cell[first])
    labels[place[known]] = label[first][known].astype(np.uint8)
    return labels
