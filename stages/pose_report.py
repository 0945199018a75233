"""How well poses agree with scans: residuals between pairs of them, and the thickness of the map that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
THICKNESS_CELL_M = 0.4
_LEAST_RETURNS = 5
_MOST_POINTS = 1500
"""Points of a scan that are asked for their distance."""
_GROUND_RANGE_M = 25.0
_GROUND_BAND_M = (-1.5, 1.0)
_UPRIGHT = 0.97


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
                distances = self._distances(i, j, np.linalg.inv(poses[i]) @ poses[j])
                found[i].append(distances)
                found[j].append(distances)
        medians = [np.median(np.concatenate(rows)) if sum(map(len, rows)) else np.nan for rows in found]
        return np.array(medians, dtype=np.float32)

    def _distances(self, i: int, j: int, i_SE3_j: Float64) -> Float64:
        target, source = self._surfaces[i], self._surfaces[j]
        some = source.points[:: max(len(source.points) // _MOST_POINTS, 1)].astype(np.float64)
        moved = some @ i_SE3_j[:3, :3].T + i_SE3_j[:3, 3]
        away, nearest = self._trees[i].query(moved, distance_upper_bound=self._reach_m)
        there = np.isfinite(away)
        nearest = nearest[there]
        offsets = moved[there] - target.points[nearest]
        distances: Float64 = np.abs((offsets * target.normals[nearest]).sum(axis=1))
        return distances


def ground_thickness(surfaces: Sequence[Surface], poses: Float64) -> float | None:
    """:func:`map_thickness` of the ground that scans saw at poses (N, 4, 4)."""
    ground = [surface.ground().astype(np.float64) for surface in surfaces]
    points = [g @ pose[:3, :3].T + pose[:3, 3] for g, pose in zip(ground, poses, strict=True)]
    scans = np.repeat(np.arange(len(ground)), [len(g) for g in ground])
    return map_thickness(np.concatenate([np.zeros((0, 3)), *points]), scans)


def map_thickness(points: Float64, scans: NDArray[np.integer], cell_m: float = THICKNESS_CELL_M) -> float | None:
    """Median over cells of the standard deviation of height, metres; None where no cell has points of two scans.

    points: (N, 3) float64, metres, of the ground, world. scans: (N,) integers: which scan saw each. Cells are columns of edge
    ``cell_m``; those count that hold five points or more, of two scans or more.
    """
    if len(points) == 0:
        return None
    columns = np.floor((points[:, :2] - points[:, :2].min(axis=0)) / cell_m).astype(np.int64)
    cells, cell = np.unique(columns[:, 0] * (columns[:, 1].max() + 1) + columns[:, 1], return_inverse=True)
    count = np.bincount(cell)
    height = points[:, 2] - points[:, 2].mean()
    mean = np.bincount(cell, height) / count
    variance = np.bincount(cell, (height - mean[cell]) ** 2) / count
    scan_of_cell = np.unique(cell * (int(scans.max()) + 1) + scans) // (int(scans.max()) + 1)
    seen_by = np.bincount(scan_of_cell, minlength=len(cells))
    counts = (count >= _LEAST_RETURNS) & (seen_by >= 2)
    return float(np.median(np.sqrt(variance[counts]))) if counts.any() else None
