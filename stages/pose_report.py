"""How well poses agree with scans: residuals between pairs of them, and the thickness of the map that they make."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from .kernels.cells import CellTable
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
_HEIGHT_STEP_M = 1e-5
_FAR = 1 << 30
"""Columns on either side of the first."""
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
    """Distances between scans at any poses. Holds few scans at a time, however many there are."""

    def __init__(self, surfaces: Sequence[Surface], pairs: Sequence[tuple[int, int]], reach_m: float) -> None:
        self._surfaces, self._pairs, self._reach_m = surfaces, sorted(pairs), reach_m

    def of(self, *choices: Float64) -> list[Float32]:
        """(N,) float32, metres, for each choice of poses (N, 4, 4): median distance of points to the surfaces of scans paired
        with theirs, NaN without any.

        Of a scan's points those count whose nearest neighbour in the other lies within reach.
        """
        left = Counter(itertools.chain.from_iterable(self._pairs))
        found: dict[int, list[list[Float64]]] = {}
        medians = [np.full(len(poses), np.nan, np.float32) for poses in choices]
        for i, group in itertools.groupby(self._pairs, key=lambda pair: pair[0]):
            target = self._surfaces[i]
            tree = KDTree(target.points) if len(target.points) else None
            for _, j in group:
                source = self._surfaces[j]
                if tree is not None and len(source.points):
                    distances = [self._distances(tree, target, source, between(p[i], p[j])) for p in choices]
                    for node in (i, j):
                        found.setdefault(node, []).append(distances)
                left.subtract((i, j))
                for node in (i, j):
                    if not left[node]:
                        self._settle(node, found.pop(node, []), medians)
        return medians

    @staticmethod
    def _settle(node: int, found: list[list[Float64]], medians: list[Float32]) -> None:
        """Enters a node's medians, from the distances in each of its pairs by choice of poses."""
        for median, rows in zip(medians, zip(*found, strict=True), strict=False):
            if sum(map(len, rows)):
                median[node] = np.median(np.concatenate(rows))

    def _distances(self, tree: Any, target: Surface, source: Surface, i_SE3_j: Float64) -> Float64:
        some = source.points[:: max(len(source.points) // _MOST_POINTS, 1)].astype(np.float64)
        moved = some @ i_SE3_j[:3, :3].T + i_SE3_j[:3, 3]
        away, neighbour = tree.query(moved, distance_upper_bound=self._reach_m)
        there: NDArray[np.bool_] = np.isfinite(away)
        nearest: NDArray[np.int64] = neighbour[there]
        offsets = moved[there] - target.points[nearest]
        distances: Float64 = np.abs((offsets * target.normals[nearest]).sum(axis=1))
        return distances


def ground_thickness(surfaces: Sequence[Surface], poses: Float64) -> float | None:
    """:func:`map_thickness` of the ground that scans saw at poses (N, 4, 4)."""

    def ground(surface: Surface, pose: Float64) -> Float64:
        points: Float64 = surface.ground().astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]
        return points

    return map_thickness(map(ground, surfaces, poses))


def map_thickness(clouds: Iterable[Float64], cell_m: float = THICKNESS_CELL_M) -> float | None:
    """Median over cells of the standard deviation of height, metres; None where no cell has points of two scans.

    clouds: points (N, 3) float64, metres, of the ground that each scan saw, world. Cells are columns of edge ``cell_m``; those
    count that hold five points or more, of two scans or more. Memory grows with the cells, not with the points. O(N).
    """
    cells, origin = CellTable(6), None
    for scan, points in enumerate(clouds):
        if len(points) == 0:
            continue
        origin = points[0] if origin is None else origin
        column = np.floor((points[:, :2] - origin[:2]) / cell_m).astype(np.int64) + _FAR
        height = np.rint((points[:, 2] - origin[2]) / _HEIGHT_STEP_M).astype(np.int64)
        sums = np.stack([height, height**2, np.full_like(height, scan)], axis=1)
        cells.add_returns(column[:, 0] * (2 * _FAR) + column[:, 1], sums, np.full_like(height, scan))
    _, total, squares, scans, count, first = np.moveaxis(cells.sorted_rows(), 1, 0)
    judged = (count >= _LEAST_RETURNS) & (scans != count * first)
    if not judged.any():
        return None
    total, squares, count = total[judged], squares[judged], count[judged]
    # About a whole number near the mean, all integers: where a term overflows the sum comes out right all the same.
    about = total // count
    variance = (squares - 2 * about * total + count * about**2) / count - (total / count - about) ** 2
    spread: Float64 = np.sqrt(np.maximum(variance, 0.0))
    return float(np.median(spread)) * _HEIGHT_STEP_M
