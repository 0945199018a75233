"""The hash grid against a dictionary; the order of insertion and the cut into parts must not matter."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.stages.cell_frame import CellFrame
from occ_pipeline.stages.kernels.cells import (
    OFFSET_STEPS,
    CellTable,
    find_slot,
    majority_labels,
    mean_offsets,
    merge_rows,
    pack_nearest,
    quantise,
    unpack_nearest,
)


def table_of(keys: np.ndarray, offsets: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    table = CellTable(6, 16)
    for start in range(0, len(keys), 7):
        part = slice(start, start + 7)
        table.add_returns(keys[part], offsets[part], nearest[part])
    return table.sorted_rows()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 300))
def test_rows_equal_a_dictionary_in_any_order_and_cut(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    keys = random.integers(0, 2**60, 40)[random.integers(0, 40, count)]
    offsets = random.integers(0, OFFSET_STEPS, (count, 3))
    nearest = pack_nearest(random.uniform(1, 90, count), int(random.integers(0, 400)), random.integers(-1, 50, count))
    expected: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 2**62])
    for key, offset, near in zip(keys.tolist(), offsets.tolist(), nearest.tolist(), strict=True):
        row = expected[key]
        row[:3] = [a + b for a, b in zip(row[:3], offset, strict=True)]
        row[3] += 1
        row[4] = min(row[4], near)
    wanted = [[key, *expected[key]] for key in sorted(expected)]
    assert table_of(keys, offsets, nearest).tolist() == wanted
    order = random.permutation(count)
    cut = int(random.integers(0, count + 1))
    parts = [table_of(keys[o], offsets[o], nearest[o]) for o in (order[:cut], order[cut:])]
    assert merge_rows(parts).tolist() == wanted


def test_quantised_points_come_back_to_a_step() -> None:
    points = np.random.default_rng(0).uniform(-50, 50, (500, 3))
    cells, offsets = quantise(points, 0.1)
    assert (cells == np.floor(points / 0.1)).all()
    rows = np.column_stack([np.arange(500), offsets, np.ones(500, np.int64), np.zeros(500, np.int64)])
    assert np.abs((cells + mean_offsets(rows)) * 0.1 - points).max() < 0.1 / OFFSET_STEPS


def test_the_nearest_return_wins_and_says_its_sweep_and_track() -> None:
    packed = np.concatenate(
        [pack_nearest(np.array([d]), s, np.array([t])) for d, s, t in [(9.0, 3, 5), (4.5, 399, -1)]]
    )
    sweep, track = unpack_nearest(packed)
    assert (sweep.tolist(), track.tolist()) == ([3, 399], [5, -1])
    assert packed.argmin() == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=60))
def test_majority_equals_a_counter(votes: list[tuple[int, int]]) -> None:
    table = CellTable(2, 16)
    if votes:
        table.count(np.array([key << 8 | label for key, label in votes]))
    keys = np.arange(6)
    expected = []
    for key in keys:
        counts = Counter(label for k, label in votes if k == key)
        expected.append(min(counts, key=lambda label: (-counts[label], label)) if counts else 255)
    assert majority_labels(keys, [table.sorted_rows()]).tolist() == expected


def test_cells_of_a_street_spread_over_the_table() -> None:
    """As many slots are somebody's first choice as if keys were random: neighbours, labels and far blocks differ in few bits."""
    frame = CellFrame((0.0, 0.0, 0.0), 0.1, 100)
    road = np.stack(np.meshgrid(np.arange(0, 300, 0.9), np.arange(-6, 6, 0.3), [0.05, 0.15]), axis=-1).reshape(-1, 3)
    wall = np.stack(np.meshgrid([7.05], np.arange(0, 300, 0.7), np.arange(0, 3, 0.1)), axis=-1).reshape(-1, 3)
    for points in (road, wall):
        keys, _ = frame.keys(points, lambda blocks: np.zeros(len(blocks), np.int64))
        for some in (keys, keys << 8 | 17, np.concatenate([keys << 8 | label for label in (3, 9, 11, 13)])):
            slots = np.full(1 << (2 * len(some) - 1).bit_length(), -1, np.int32)
            homes = {find_slot(slots, np.zeros((1, 2), np.int64), key) for key in some.tolist()}
            random = len(slots) * (1 - np.exp(-len(some) / len(slots)))
            assert len(homes) > 0.95 * random
