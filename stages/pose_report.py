"""How well poses agree with scans: residuals between pairs of them, and the thickness of the map that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from .pose_graph import between

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
THICKNESS_CELL_M = 0.4
"""Edge of the columns whose heights are compared, metres."""
_LEAST_RETURNS = 5
_MOST_POINTS = 1500
"""Points of a scan that are asked for their distance."""
_GROUND_RANGE_M = 25.0
_GROUND_BAND_M = (-1.5, 1.0)
"""Heights of ground in the ego frame, metres."""
_UPRIGHT = 0.97
"""Cosine of the angle between up and a normal of level ground."""


@dataclass(frozen=True)
class Surface:
    """Points of a scan with the normals of the surface around them, in the ego frame."""

    points: Float32
    """(N, 3) float32, metres."""
    normals: Float32
    """(N, 3) float32."""

    def ground(self) -> Float32:
        """Points of level ground near the vehicle, (M, 3) float32."""
        x, y, z = self.points.T
        low, high = _GROUND_BAND_M
        near = (np.hypot(x, y) < _GROUND_RANGE_M) & (z > low) & (z < high)
        return self.points[near & (np.abs(self.normals[:, 2]) > _UPRIGHT)]


class Residuals:
    """Distances between scans at any poses."""

    def __init__(self, surfaces: Sequence[Surface], pairs: Sequence[tuple[int, int]], reach_m: float) -> None:
        self._surfaces, self._pairs, self._reach_m = surfaces, pairs, reach_m
        self._trees = {i: KDTree(surfaces[i].points) for i, _ in pairs if len(surfaces[i].points)}

    def of(self, poses: Float64) -> Float32:
        """(N,) float32, metres: median distance of points to the surfaces of scans paired with theirs, NaN without any.

        ``poses``: (N, 4, 4). Of a scan's points those count whose nearest neighbour in the other lies within reach.
        """
        found: list[list[Float64]] = [[] for _ in poses]
        for i, j in self._pairs:
            if i in self._trees and len(self._surfaces[j].points):
                distances = self._distances(i, j, between(poses[i], poses[j]))
                found[i].append(distances)
                found[j].append(distances)
        medians = [np.median(np.concatenate(rows)) if sum(map(len, rows)) else np.nan for rows in found]
        return np.array(medians, dtype=np.float32)

    def _distances(self, i: int, j: int, i_SE3_j: Float64) -> Float64:
        target, source = self._surfaces[i], self._surfaces[j]
        some = source.points[:: max(len(source.points) // _MOST_POINTS, 1)].astype(np.float64)
        moved = some @ i_SE3_j[:3, :3].T + i_SE3_j[:3, 3]
        tree: Any = self._trees[i]
        away, neighbour = tree.query(moved, distance_upper_bound=self._reach_m)
        there: NDArray[np.bool_] = np.isfinite(away)
        nearest: NDArray[np.int64] = neighbour[there]
        offsets = moved[there] - target.points[nearest]
        distances: Float64 = np.abs((offsets * target.normals[nearest]).sum(axis=1))
        return distances


def ground_thickness(surfaces: Sequence[Surface], poses: Float64) -> float | None:
    """:func:`map_thickness` of the ground that scans saw at poses (N, 4, 4)."""
    ground = [surface.ground().astype(np.float64) for surface in surfaces]
    points = [g @ pose[:3, :3].T + pose[:3, 3] for g, pose in zip(ground, poses, strict=True)]
    scans = np.repeat(np.arange(len(ground)), [len(g) for g in ground])
    return map_thickness(np.concatenate([np.zeros((0, 3)), *points]), scans)


def map_thickness(points: Float64, scans: NDArray[np.integer[Any]], cell_m: float = THICKNESS_CELL_M) -> float | None:
    """Median over cells of the standard deviation of height, metres; None where no cell has points of two scans.

    points: (N, 3) float64, metres, of the ground, world. scans: (N,) integers: which scan saw each. Cells are columns of edge
    ``cell_m``; those count that hold five points or more, of two scans or more. O(N log N).
    """
    if len(points) == 0:
        return None
    columns = np.floor((points[:, :2] - points[:, :2].min(axis=0)) / cell_m).astype(np.int64)
    keys = columns[:, 0] * (columns[:, 1].max() + 1) + columns[:, 1]
    order = np.lexsort((scans, keys))
    keys, height, scan = keys[order], points[order, 2] - points[:, 2].mean(), np.asarray(scans)[order]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    counts = np.diff(np.append(starts, len(keys)))
    means = np.add.reduceat(height, starts) / counts
    variance = np.add.reduceat((height - np.repeat(means, counts)) ** 2, starts) / counts
    seen_by = np.add.reduceat(np.append(True, scan[1:] != scan[:-1]).astype(np.int64), starts)
    # A cell's first point is a new scan even where the cell before ended with the same one.
    first_again = np.append(False, scan[1:] == scan[:-1])[starts]
    judged = (counts >= _LEAST_RETURNS) & (seen_by + first_again >= 2)
    return float(np.median(np.sqrt(variance[judged]))) if judged.any() else None
