"""What one sweep shows of each moving object: how far it reaches, whichever way it will turn out to be heading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.spatial import ConvexHull, KDTree, QhullError

from ..schemas.scene import PointKind, SweepPoints
from ..schemas.taxonomy import NO_LABEL

Float64 = NDArray[np.float64]
LEAST_POINTS = 5
"""Fewer points show no object."""
_TOUCH_M = 0.7
"""Points without an instance id that lie nearer than this to each other are of one object, metres."""


@dataclass(frozen=True)
class Sighting:
    """An object in one sweep."""

    sweep: int
    class_id: int
    instance: int
    """As labelled, 0 for none."""
    points: int
    outline: Float64
    """(N, 2) float64: corners of the convex hull of its points seen from above, metres, world."""
    low_m: float
    high_m: float
    """Heights of its lowest and highest point, world."""

    @property
    def middle(self) -> Float64:
        """(2,) float64: the middle of its bounds, metres, world."""
        return (self.outline.min(axis=0) + self.outline.max(axis=0)) / 2

    def reach(self, yaw: float) -> tuple[Float64, Float64]:
        """Least and greatest (2,) coordinate along a heading and to the left of it, metres."""
        along, left = (self.outline @ axis for axis in axes(yaw))
        return np.array([along.min(), left.min()]), np.array([along.max(), left.max()])


def axes(yaw: float) -> Float64:
    """(2, 2) float64: unit vectors along a heading and to the left of it."""
    return np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])


def sightings(sweep: int, cloud: SweepPoints, world_SE3_lidar: Float64) -> Iterator[Sighting]:
    """Moving objects of a labelled sweep, by class and instance; points without an instance are parted where they do not touch."""
    assert cloud.labels is not None
    assert cloud.kinds is not None
    moving = np.flatnonzero((cloud.kinds == PointKind.MOVING) & (cloud.labels != NO_LABEL))
    points = cloud.points[moving].astype(np.float64) @ world_SE3_lidar[:3, :3].T + world_SE3_lidar[:3, 3]
    instances = np.zeros(len(moving), np.int32) if cloud.instances is None else cloud.instances[moving]
    keys = cloud.labels[moving].astype(np.int64) << 32 | instances
    for key in np.unique(keys).tolist():
        own = points[keys == key]
        class_id, instance = key >> 32, key & 0xFFFFFFFF
        for piece in [own] if instance else _touching(own):
            if len(piece) >= LEAST_POINTS:
                low, high = piece[:, 2].min(), piece[:, 2].max()
                yield Sighting(sweep, class_id, instance, len(piece), outline(piece[:, :2]), float(low), float(high))


def _touching(points: Float64) -> list[Float64]:
    """Points (N, 3) in groups that do not touch, in the order of their first points. O(N log N + pairs)."""
    import scipy.sparse.csgraph

    tree: Any = KDTree(points)
    pairs: NDArray[np.int64] = tree.query_pairs(_TOUCH_M, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs), np.bool_), (pairs[:, 0], pairs[:, 1])), (len(points), len(points)))
    group: NDArray[np.int32] = cast("Any", scipy.sparse.csgraph).connected_components(graph, directed=False)[1]
    return [points[group == k] for k in range(int(group.max(initial=-1)) + 1)]


def outline(points: Float64) -> Float64:
    """(M, 2) corners of the convex hull of points (N, 2); all of them where they lie on a line."""
    try:
        corners: Float64 = points[ConvexHull(points).vertices]
    except QhullError:
        return np.unique(points, axis=0)
    return corners
