"""Poses of tracked objects at any time, and how each object moves.

The nuScenes devkit gives no box between two key frames for an object that the later one lacks; here every track is
interpolated by itself, both ways, and carried on at its ends.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from ..schemas.object_clouds import Motion
from ..schemas.scene import SceneTables

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """One object's annotated boxes in order of time."""

    timestamps_ns: NDArray[np.int64]
    """(B,) int64."""
    centres: Float64
    """(B, 3) float64, world, metres."""
    rotations: Float64
    """(B, 3, 3) float64, ``world_SO3_box``."""
    sizes_m: Float64
    """(B, 3) float64: length, width, height."""
    class_id: int

    @property
    def size_m(self) -> Float64:
        """(3,) float64: the median over the track."""
        return np.median(self.sizes_m, axis=0)

    def travel_m(self) -> float:
        """How far the boxes' centres get from their median, horizontally: heights of parked cars drift in nuScenes."""
        horizontal = self.centres[:, :2]
        return float(np.linalg.norm(horizontal - np.median(horizontal, axis=0), axis=1).max())

    def poses(self, timestamps_ns: NDArray[np.int64], carry_s: float) -> Float64:
        """``world_SE3_box`` (N, 4, 4) at times (N,), NaN where the object is absent.

        Between boxes the centre moves on a straight line and the rotation on the shortest arc. Before the first and
        after the last box the object goes on at its last velocity for up to ``carry_s``; a single box stands still.
        """
        times = (self.timestamps_ns - self.timestamps_ns[0]).astype(np.float64) * 1e-9
        now = (timestamps_ns - self.timestamps_ns[0]).astype(np.float64) * 1e-9
        poses = np.full((len(now), 4, 4), np.nan)
        carry_ns = round(carry_s * 1e9)
        first, last = self.timestamps_ns[0] - carry_ns, self.timestamps_ns[-1] + carry_ns
        present = (timestamps_ns >= first) & (timestamps_ns <= last)
        if not present.any():
            return poses
        poses[present] = np.eye(4)
        if len(times) == 1:
            poses[present, :3, :3], poses[present, :3, 3] = self.rotations[0], self.centres[0]
            return poses
        now = now[present]
        after = np.clip(np.asarray(np.searchsorted(times, now, side="right"), np.int64), 1, len(times) - 1)
        share = (now - times[after - 1]) / (times[after] - times[after - 1])
        poses[present, :3, 3] = (1 - share)[:, None] * self.centres[after - 1] + share[:, None] * self.centres[after]
        turns = Slerp(times, Rotation.from_matrix(self.rotations))
        poses[present, :3, :3] = turns(np.clip(now, times[0], times[-1])).as_matrix()
        return poses


def box_poses(tracks: list[Track], timestamps_ns: NDArray[np.int64], carry_s: float) -> Float64:
    """``world_SE3_box`` (N, T, 4, 4) of all tracks at times (N,), NaN where a track is absent."""
    poses = np.full((len(timestamps_ns), len(tracks), 4, 4), np.nan)
    for index, track in enumerate(tracks):
        poses[:, index] = track.poses(timestamps_ns, carry_s)
    return poses


def scene_tracks(tables: SceneTables) -> list[Track]:
    """All tracks of a scene, by index."""
    bounds = np.searchsorted(tables.box_track, np.arange(len(tables.track_tokens) + 1))
    tracks: list[Track] = []
    for index, (start, stop) in enumerate(itertools.pairwise(bounds.tolist())):
        poses = tables.world_SE3_box[start:stop]
        tracks.append(
            Track(
                tables.box_timestamps_ns[start:stop],
                poses[:, :3, 3],
                poses[:, :3, :3],
                tables.box_size_m[start:stop],
                tables.track_classes[index],
            )
        )
    return tracks


def classify_motion(track: Track, moving_m: float, deforming: frozenset[int], limbed: frozenset[int]) -> Motion:
    """How a track moves, from the travel of its boxes.

    ``deforming``: class ids whose objects deform when they move (cyclists); ``limbed``: those that deform even where
    they stand (people). A single box says nothing of motion: it is treated as moving, so that it leaves no trace.
    """
    if track.class_id in limbed:
        return Motion.DEFORMING
    if len(track.centres) > 1 and track.travel_m() <= moving_m:
        return Motion.PARKED
    return Motion.DEFORMING if track.class_id in deforming else Motion.RIGID
