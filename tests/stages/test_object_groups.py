"""Groups of moving objects' points: as many key frames as a log has, numbers that follow track and key frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from occ_pipeline.schemas.errors import ComputeError
from occ_pipeline.schemas.object_clouds import Motion
from occ_pipeline.stages.object_groups import ObjectGroups
from occ_pipeline.stages.tracks import scene_tracks
from occ_pipeline.tests.stages.small_world import CAR, PERSON, Box, pose, tables_of

FRAMES = 3000
TRACKS = [
    Box(CAR, (4.0, 2.0, 1.5), [(1.0, pose(0, 0, 0)), (250.0, pose(9, 0, 0))]),
    Box(PERSON, (0.6, 0.6, 1.8), [(0.5, pose(0, 0, 0)), (240.0, pose(9, 0, 0))]),
    Box(PERSON, (0.6, 0.6, 1.8), [(299.0, pose(0, 0, 0))]),
]


def groups() -> ObjectGroups:
    tables = tables_of([pose(0, 0, 0)] * FRAMES, range(FRAMES), TRACKS)
    motion = [Motion.RIGID, Motion.DEFORMING, Motion.DEFORMING]
    return ObjectGroups.of(tables, scene_tracks(tables), motion, 1.5)


def test_numbers_follow_track_and_key_frame() -> None:
    made = groups()
    # From 0.5 s before the log begins, of which 0 to 241.5 s are left; and 297.5 s to the end.
    wanted = [(0, -1), *((1, frame) for frame in range(2416)), *((2, frame) for frame in range(2975, FRAMES))]
    assert [made.number(*each) for each in wanted] == list(range(len(wanted)))
    track, frame = made.tracks_and_frames(np.arange(len(wanted)))
    assert list(zip(track.tolist(), frame.tolist(), strict=True)) == wanted
    assert made.number(0, 17) == 0, "a rigid track has one group for all"


def test_more_groups_than_keys_can_hold_are_refused() -> None:
    with pytest.raises(
        ComputeError, match="found 4194305 in all, expected at most 4194304; give the log in shorter scenes"
    ):
        replace(groups(), starts=np.array([0, 1, 2, (1 << 22) + 1]))
