"""What one sweep shows of each moving object: how far it reaches, whichever way it will turn out to be heading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.spatial import ConvexHull, KDTree, QhullError

from ..schemas.scene import PointKind, SweepPoints
from ..schemas.taxonomy import NO_LABEL

Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]
LEAST_POINTS = 5
"""Fewer points show no object."""
_TOUCH_M = 0.7
"""Points without an instance id that lie nearer than this to each other are of one object, metres."""
_STAND_IN_M = 0.15
_FLAT_M = 0.25
_AROUND_M = np.array([0.5, 0.5, 1.0])
"""The ground that an object stands on is looked for this near to it, metres."""


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
    empty_else: float = 1.0
    """Of looks of other sweeps at its points' places, the share that saw nothing there; 1 where labels say that it moves."""

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
        for piece in [own] if instance else [own[touching] for touching in _touching(own)]:
            if len(piece) >= LEAST_POINTS:
                low, high = piece[:, 2].min(), piece[:, 2].max()
                yield Sighting(sweep, class_id, instance, len(piece), outline(piece[:, :2]), float(low), float(high))


def unlabelled_sightings(
    sweep: int, points: Float64, moving: NDArray[np.intp], through: Int16, there: Int16
) -> Iterator[Sighting]:
    """Moving objects of a sweep from those of its returns (N, 3), metres, world, that move, parted where they do not touch.

    What is flat is none: the edge of what a vehicle hides of the road moves with it.

    ``moving``: (M,) indices; ``through`` and ``there``: (N,) int16, how many other sweeps looked through each return's place, and
    how many met something.
    """
    for touching in _touching(points[moving]):
        own = moving[touching]
        piece, looks = points[own], (through[own] + there[own]).sum()
        if len(own) >= LEAST_POINTS and np.ptp(piece[:, 2]) >= _FLAT_M:
            low, high = _foot(points, piece), float(piece[:, 2].max())
            share = float(through[own].sum() / looks)
            yield Sighting(sweep, NO_LABEL, 0, len(own), outline(piece[:, :2]), low, high, share)


def _foot(points: Float64, piece: Float64) -> float:
    """Height of what an object stands on: its own lowest returns are taken for the ground's, as sweeps saw something near them."""
    lowest = float(piece[:, 2].min())
    near = np.all((points >= piece.min(axis=0) - _AROUND_M) & (points <= piece.max(axis=0) + _AROUND_M), axis=1)
    below: Float64 = points[near & (points[:, 2] <= lowest), 2]
    return float(np.percentile(below, 10.0))


def _touching(points: Float64) -> list[NDArray[np.intp]]:
    """Indices of points (N, 3) in groups that do not touch, in the order of their first points.

    One point stands for all in its cell, or a bus nearby would have millions of pairs. O(N log N + pairs of cells).
    """
    import scipy.sparse.csgraph

    cells = np.floor(points / _STAND_IN_M).astype(np.int64)
    _, first, cell = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    tree: Any = KDTree(points[first])
    pairs: NDArray[np.int64] = tree.query_pairs(_TOUCH_M, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs), np.bool_), (pairs[:, 0], pairs[:, 1])), (len(first), len(first)))
    of_cell: NDArray[np.int32] = cast("Any", scipy.sparse.csgraph).connected_components(graph, directed=False)[1]
    groups, begins, group = np.unique(of_cell[cell.ravel()], return_index=True, return_inverse=True)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group, minlength=len(groups)))[:-1])
    return [members[k] for k in np.argsort(begins).tolist()]


def outline(points: Float64) -> Float64:
    """(M, 2) corners of the convex hull of points (N, 2); all of them where they lie on a line."""
    try:
        corners: Float64 = points[ConvexHull(points).vertices]
    except QhullError:
        return np.unique(points, axis=0)
    return corners


def packed(found: Sequence[Sighting]) -> dict[str, NDArray[Any]]:
    """As arrays, which :func:`unpacked` takes."""
    return {
        "facts": np.array([(s.sweep, s.class_id, s.instance, s.points) for s in found], np.int64).reshape(-1, 4),
        "measures": np.array([(s.low_m, s.high_m, s.empty_else) for s in found], np.float64).reshape(-1, 3),
        "corners": np.array([len(s.outline) for s in found], np.int64),
        "outlines": np.concatenate([np.zeros((0, 2)), *(s.outline for s in found)]),
    }


def unpacked(arrays: Mapping[str, NDArray[Any]]) -> Iterator[Sighting]:
    """Sightings from :func:`packed` arrays."""
    ends = np.cumsum(arrays["corners"])
    for k, (sweep, class_id, instance, points) in enumerate(arrays["facts"].tolist()):
        corners = np.array(arrays["outlines"][ends[k] - arrays["corners"][k] : ends[k]])
        low, high, empty_else = arrays["measures"][k].tolist()
        yield Sighting(sweep, class_id, instance, points, corners, low, high, empty_else)
