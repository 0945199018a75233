"""A box for every sighting of a moving object: one size for all, headed the way it moves, laid against the sides that were seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .object_sightings import Sighting, axes

Float64 = NDArray[np.float64]
_MOVED_M = 0.7
"""An object's heading is known from where it was to where it got, at least this far away, metres."""
_SIZE_SHARE = 95.0
"""Percentile of the extents seen that is an object's size: the greatest may hold a stray point."""
_LEAST_SIZE_M = 0.3
_AROUND_S = 0.8
"""Sightings this long before and after are those that a box's place is smoothed over, seconds, at constant acceleration."""
_OFF_M = 0.1
_ROUNDS = 3


@dataclass(frozen=True)
class Boxes:
    """Of one track."""

    world_SE3_box: Float64
    """(N, 4, 4) float64."""
    size_m: Float64
    """(3,) float64: length, width, height."""


def fit_boxes(track: Sequence[Sighting], times_s: Float64, sensors: Float64) -> Boxes:
    """Boxes of an object in each of its sightings.

    ``times_s``: (N,) float64; ``sensors``: (N, 2) float64, where the LiDAR was, metres, world. One sees the sides of an object that
    are turned to the sensor, so the box's nearer sides lie where the points end, and the farther ones a size away. Where the
    middle of what is seen goes tells roughly where the object is headed, and where the boxes' centres then go tells it well.
    """
    heights = np.array([s.high_m - s.low_m for s in track])
    centres, size, yaw = np.array([s.middle for s in track]), np.zeros(2), np.zeros(len(track))
    for _ in range(_ROUNDS):
        yaw = headings(centres)
        reach = [s.reach(turn) for s, turn in zip(track, yaw.tolist(), strict=True)]
        size = np.maximum(np.percentile([high - low for low, high in reach], _SIZE_SHARE, axis=0), _LEAST_SIZE_M)
        for k, (low, high) in enumerate(reach):
            frame = axes(float(yaw[k]))
            centres[k] = _against(low, high, frame @ sensors[k], size) @ frame
        centres = smoothed(times_s, centres)
    height = max(float(np.percentile(heights, _SIZE_SHARE)), _LEAST_SIZE_M)
    # Roofs are seen from afar, wheels are not.
    tops = smoothed(times_s, np.array([[s.high_m] for s in track]))
    boxes = np.tile(np.eye(4), (len(track), 1, 1))
    for k, turn in enumerate(yaw.tolist()):
        boxes[k, :2, :2] = axes(turn).T
    boxes[:, :2, 3], boxes[:, 2, 3] = centres, tops[:, 0] - height / 2
    return Boxes(boxes, np.append(size, height))


def _against(low: Float64, high: Float64, sensor: Float64, size: Float64) -> Float64:
    """(2,) centre of a box of some size, in its own axes: its side towards the sensor lies where the points end."""
    middle = (low + high) / 2
    return np.where(sensor > high, high - size / 2, np.where(sensor < low, low + size / 2, middle))


def headings(middles: Float64) -> Float64:
    """(N,) float64 radians: the way an object moves at each of its places (N, 2), that of the nearest in order where it stands."""
    count = len(middles)
    known, left = np.full(count, np.nan), np.arange(count)
    for around in range(1, count):
        way = middles[np.minimum(left + around, count - 1)] - middles[np.maximum(left - around, 0)]
        far = np.hypot(way[:, 0], way[:, 1]) >= _MOVED_M
        known[left[far]] = np.arctan2(way[far, 1], way[far, 0])
        left = left[~far]
        if len(left) == 0:
            break
    there = np.flatnonzero(np.isfinite(known))
    if len(there) == 0:
        return np.zeros(count)
    # Of two as near, the earlier.
    after = np.minimum(np.searchsorted(there, np.arange(count)), len(there) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(there[before] - np.arange(count)) <= np.abs(there[after] - np.arange(count))
    return known[there[np.where(nearer, before, after)]]


def smoothed(times_s: Float64, places: Float64) -> Float64:
    """(N, D): each place on the parabola in time that fits those around it best; what lies far off counts little."""
    result = places.copy()
    for k in range(len(places)):
        some = np.abs(times_s - times_s[k]) <= _AROUND_S
        t = times_s[some] - times_s[k]
        degree = min(2, (len(t) - 1) // 3)
        design = np.stack([t**power for power in range(degree + 1)], axis=1)
        fit = _solved(design, places[some])
        for _ in range(2):
            off = np.linalg.norm(places[some] - design @ fit, axis=1)
            root = np.sqrt(1.0 / (1.0 + (off / _OFF_M) ** 2))[:, None]
            fit = _solved(design * root, places[some] * root)
        result[k] = fit[0]
    return result


def _solved(design: Float64, values: Float64) -> Float64:
    """Least squares."""
    found: Float64 = np.linalg.lstsq(design, values, rcond=None)[0]
    return found
