"""Numbers of the groups that points of moving objects are kept in: one for a rigid track, one per key frame for a deforming one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.errors import ComputeError
from ..schemas.object_clouds import Motion
from ..schemas.scene import SceneTables
from .tracks import Track

Int64 = NDArray[np.int64]

GROUP_BITS = 22


@dataclass(frozen=True)
class ObjectGroups:
    """Groups of a scene's tracks, numbered by track, then key frame: only key frames that a track may have points in."""

    starts: Int64
    """(T + 1,) int64: number of each track's first group."""
    first_frame: NDArray[np.int64]
    """(T,) int64: key frame of that group, -1 where the track has one for all. Raises ComputeError for more than keys can hold."""

    def __post_init__(self) -> None:
        if self.starts[-1] > 1 << GROUP_BITS:
            raise ComputeError(
                "people and cyclists are seen in too many key frames for one scene", found=f"{self.starts[-1]} in all",
                expected=f"at most {1 << GROUP_BITS}", fix="give the log in shorter scenes",
            )  # fmt: skip

    @classmethod
    def of(cls, tables: SceneTables, tracks: Sequence[Track], motion: Sequence[Motion], reach_s: float) -> ObjectGroups:
        """``reach_s``: how long before a track's first box, and after its last, a key frame may still hold its points."""
        key_times = tables.timestamps_ns[tables.key_sweeps]
        reach = round(reach_s * 1e9)
        counts, first = np.ones(len(tracks), dtype=np.int64), np.full(len(tracks), -1, dtype=np.int64)
        for i, (track, moves) in enumerate(zip(tracks, motion, strict=True)):
            if moves == Motion.DEFORMING:
                ends = track.timestamps_ns[[0, -1]] + np.array([-reach, reach])
                first[i] = np.searchsorted(key_times, ends[0])
                counts[i] = np.searchsorted(key_times, ends[1], side="right") - first[i]
        return cls(np.append(0, np.cumsum(counts)).astype(np.int64), first)

    def number(self, track: int, frame: int) -> int:
        """Of a track's points in a key frame; of a rigid track the same for all."""
        first = int(self.first_frame[track])
        return int(self.starts[track]) + (0 if first < 0 else frame - first)

    def tracks_and_frames(self, numbers: Int64) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(N,) int32 each: track, and key frame or -1, of groups (N,)."""
        track = np.searchsorted(self.starts, numbers, side="right") - 1
        first = self.first_frame[track]
        frame = np.where(first < 0, -1, first + numbers - self.starts[track])
        return track.astype(np.int32), frame.astype(np.int32)
