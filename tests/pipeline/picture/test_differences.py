"""Where two sides differ: known voxels are what they are, and stand where they are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from occ_pipeline.pipeline.compare_counts import LeftOut
from occ_pipeline.pipeline.judging import Asked, Judged, judge
from occ_pipeline.pipeline.matching import match
from occ_pipeline.pipeline.picture.difference_sheet import SIDE, draw_differences
from occ_pipeline.pipeline.picture.differences import (
    AGREED,
    CLASS,
    DIFFERENCES,
    ONLY_A,
    ONLY_B,
    ShownDifference,
    differences,
    foremost,
)
from occ_pipeline.pipeline.sides import Expected
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import State
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.tests.pipeline.written_side import FREE, NAMELESS, UNKNOWN, Written, one

CAR, ROAD = 4, 11
_, H, N = FREE, UNKNOWN, NAMELESS


def frame(labels: Written, reference: Written, **asked: object) -> Judged:
    matched = match(labels, reference)
    return judge(matched, matched.pairs[0], Asked(**asked))  # type: ignore[arg-type]


def test_what_voxels_are() -> None:
    mine = [CAR, CAR, CAR, _, _, CAR, N, CAR, H, H, _, CAR]
    true = [CAR, ROAD, _, CAR, _, H, CAR, N, CAR, _, H, CAR]
    mask = [1] * 11 + [0]
    what, state = differences(frame(one(mine), one(true, inside={"lidar": mask}), mask="lidar"))
    judged = {AGREED: [0, 7], CLASS: [1, 6], ONLY_A: [2], ONLY_B: [3, 8]}
    for kind, voxels in judged.items():
        assert np.flatnonzero((what.ravel() == kind) & (state.ravel() == State.OCCUPIED)).tolist() == voxels
    assert np.flatnonzero(state.ravel() == State.FREE).tolist() == [4, 9]
    assert np.flatnonzero(state.ravel() == State.UNKNOWN).tolist() == [5, 10, 11]


def test_what_is_true_and_nobody_saw_is_no_difference() -> None:
    told = frame(one([CAR] * 12), one([CAR] * 12)).told
    empty = frame(one([_] * 12), one([CAR] * 12)).told
    true, seen = np.full(told.state.shape, CAR, np.uint8), np.zeros(told.state.shape, np.bool_)
    seen[0] = True
    grid = VoxelGrid((0.0, 0.0, 0.0), 0.5, (6, 2, 1))
    for labels, states in ((told, [State.OCCUPIED] * 2), (empty, [State.OCCUPIED, State.UNKNOWN])):
        _what, state = differences(Judged(grid, labels, Expected(true=true, seen=seen), ~seen & seen, None, LeftOut()))
        assert (state[0] == states[0]).all()
        assert (state[1:] == states[1]).all()


GRID = VoxelGrid.from_range((-20.0, -20.0, -1.0, 20.0, 20.0, 3.0), 1.0)
BLOCKS = {ONLY_A: (30, 10), ONLY_B: (30, 30), CLASS: (10, 10), AGREED: (10, 30)}
"""First voxel along x and y of a block of four by four: ahead is up, left is left."""


def street() -> ShownDifference:
    mine, true = np.full(GRID.shape, FREE), np.full(GRID.shape, FREE)
    for kind, (x, y) in BLOCKS.items():
        block = (slice(x, x + 4), slice(y, y + 4), slice(1, 3))
        if kind != ONLY_B:
            mine[block] = CAR
        if kind != ONLY_A:
            true[block] = ROAD if kind == CLASS else CAR
    # What agrees lies above what differs, and does not hide it.
    mine[30:34, 10:14, 3] = true[30:34, 10:14, 3] = CAR
    judged = frame(*(Written({"s": {"a": values.ravel().tolist()}}, on=GRID) for values in (mine, true)))
    return ShownDifference.of(judged, NUSCENES, None, "a street", ("mine", "theirs"))


def test_differences_are_where_they_are() -> None:
    shown = street()
    assert shown.counts == [32 + 16, 32, 32, 32]
    assert shown.facts.startswith(f"IoU {80 / 144:.3f}; 6,400 of 6,400 voxels judged")
    assert (shown.differences.top[30:34, 10:14] == 3).all()
    assert (foremost(shown.differences).top[30:34, 10:14] == 2).all()
    pixels = np.array(draw_differences(shown)).astype(float)
    side = SIDE
    left, top = 20 + 2 * (side + 18), 88
    for kind, (x, y) in BLOCKS.items():
        # The middle of the block; row 0 is farthest ahead, column 0 farthest left.
        row, column = top + round((40 - x - 2) / 40 * side), left + round((40 - y - 2) / 40 * side)
        found = pixels[row, column] / pixels[row, column].max()
        colour = np.array(DIFFERENCES.colours[kind]) / max(DIFFERENCES.colours[kind])
        assert found == pytest.approx(colour, abs=0.05), DIFFERENCES.classes[kind]
    bare = pixels[top + side // 2 + 12, left + side // 2 + 40]
    assert bare.max() < 90
