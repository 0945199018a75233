"""How tracked objects move from key frame to key frame, and with them every place on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..schemas.product import ProductReader
from ..schemas.scene import SceneTables

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class TrackMotion:
    """Boxes of all tracks in consecutive key frames, and which of them tell motion."""

    first: int
    """The first of these key frames."""
    times_s: Float64
    """(K,) float64, from the scene's first one: the same numbers however it is cut."""
    world_SE3_box: Float64
    """(K, T, 4, 4) float64, NaN where absent."""
    tells: Bool
    """(K, T) bool: the object is there, and was annotated more than once: a single box stands still for want of another."""
    longest_gap_s: float

    @classmethod
    def of(cls, tables: SceneTables, clouds: ProductReader, frames: range, longest_gap_s: float) -> TrackMotion:
        """What tells motion in some key frames: they and their neighbours."""
        first, stop = max(frames.start - 1, 0), min(frames.stop + 1, len(tables.key_sweeps))
        stamps = tables.timestamps_ns[tables.key_sweeps]
        boxes: Float64 = clouds.rows("frame_boxes", first, stop)
        annotated = np.bincount(tables.box_track, minlength=boxes.shape[1])
        tells = np.isfinite(boxes).all(axis=(2, 3)) & (annotated > 1)
        return cls(first, (stamps[first:stop] - stamps[:1]) * 1e-9, boxes, tells, longest_gap_s)

    def displacement(self, frame: int, tracks: NDArray[np.int32], places: Float64) -> tuple[Float64, Bool]:
        """Where places (N, 3), metres, world, on objects ``tracks`` (N,) go until the next key frame.

        Returns (N, 3) float64 metres, world axes, 0 where not known; and (N,) bool where it is. Track -1 is never known.
        """
        frame -= self.first
        there = self._step(frame, frame + 1)
        moved = np.zeros_like(places)
        for track in np.unique(tracks[tracks >= 0]).tolist():
            if there[track]:
                mine = tracks == track
                now: Float64 = self.world_SE3_box[frame, track]
                step: Float64 = self.world_SE3_box[frame + 1, track] @ np.linalg.inv(now)
                moved[mine] = places[mine] @ step[:3, :3].T + step[:3, 3] - places[mine]
        return moved, (tracks >= 0) & there[tracks]

    def velocity(self, frame: int, tracks: NDArray[np.int32], places: Float64) -> tuple[Float64, Bool]:
        """Velocity of places (N, 3), metres, world, on objects ``tracks`` (N,).

        Slopes to the key frames before and after, each weighted with the other's length in time: exact for a constant
        acceleration, whatever the spacing. Where one is missing the other stands alone. Returns (N, 3) float64 metres per
        second, world axes, 0 where not known; and (N,) bool where it is.
        """
        frame -= self.first
        before, after = self._step(frame - 1, frame), self._step(frame, frame + 1)
        velocity = np.zeros_like(places)
        for track in np.unique(tracks[tracks >= 0]).tolist():
            neighbours = [k for k, there in ((frame - 1, before[track]), (frame + 1, after[track])) if there]
            if neighbours:
                mine = tracks == track
                linear, angular = self._rates(frame, track, neighbours)
                arm = places[mine] - self.world_SE3_box[frame, track, :3, 3]
                velocity[mine] = linear + np.cross(angular, arm)
        return velocity, (tracks >= 0) & (before | after)[tracks]

    def _step(self, first: int, second: int) -> Bool:
        """(T,) bool: which objects tell motion between two key frames; none where one is outside the scene."""
        if first < 0 or second >= len(self.times_s) or self.times_s[second] - self.times_s[first] > self.longest_gap_s:
            return np.zeros(self.tells.shape[1], dtype=np.bool_)
        both: Bool = self.tells[first] & self.tells[second]
        return both

    def _rates(self, frame: int, track: int, neighbours: list[int]) -> tuple[Float64, Float64]:
        """Linear (3,) and angular (3,) velocity of a box, world axes, from one or two neighbouring key frames."""
        gaps = np.array([self.times_s[k] - self.times_s[frame] for k in neighbours])
        here = self.world_SE3_box[frame, track]
        others = self.world_SE3_box[neighbours, track]
        slopes = (others[:, :3, 3] - here[:3, 3]) / gaps[:, None]
        turns = Rotation.from_matrix(others[:, :3, :3] @ here[:3, :3].T).as_rotvec() / gaps[:, None]
        weights = np.abs(gaps)[::-1] / np.abs(gaps).sum()
        return weights @ slopes, weights @ turns
