"""Neighbour searches over points sorted into a dense grid of buckets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
UInt8 = NDArray[np.uint8]

MAX_BUCKETS = 1 << 27


@kernel
def fill_buckets(
    points: Float32, low: Float32, edge: float, shape: tuple[int, int, int]
) -> tuple[Int32, Float32, Int32]:
    """Counting sort of points into buckets: starts (buckets + 1,), points in bucket order, their original rows. O(N)."""
    nx, ny, nz = shape
    bucket = np.empty(len(points), dtype=np.int32)
    starts = np.zeros(nx * ny * nz + 1, dtype=np.int32)
    for i in range(len(points)):
        x = min(max(int((points[i, 0] - low[0]) / edge), 0), nx - 1)
        y = min(max(int((points[i, 1] - low[1]) / edge), 0), ny - 1)
        z = min(max(int((points[i, 2] - low[2]) / edge), 0), nz - 1)
        bucket[i] = (x * ny + y) * nz + z
        starts[bucket[i] + 1] += 1
    for b in range(nx * ny * nz):
        starts[b + 1] += starts[b]
    place = starts[:-1].copy()
    ordered = np.empty_like(points)
    rows = np.empty(len(points), dtype=np.int32)
    for i in range(len(points)):
        at = place[bucket[i]]
        place[bucket[i]] += 1
        ordered[at] = points[i]
        rows[at] = i
    return starts, ordered, rows


@kernel
def vote_nearest(
    queries: Float32,
    starts: Int32,
    points: Float32,
    rows: Int32,
    labels: UInt8,
    low: Float32,
    edge: float,
    shape: tuple[int, int, int],
    k: int,
    limit: float,
) -> UInt8:
    """Majority label of the k nearest points within ``limit`` metres, ties to the lowest id, 255 where none is near.

    Equal distances go to the lower row. O(queries x points within the k-th distance).
    """
    nx, ny, nz = shape
    winner = np.full(len(queries), 255, dtype=np.uint8)
    distance = np.empty(k)
    row = np.empty(k, dtype=np.int64)
    votes = np.zeros(256, dtype=np.int32)
    reach = int(np.ceil(limit / edge))
    for q in range(len(queries)):
        found = 0
        x, y, z = queries[q, 0] - low[0], queries[q, 1] - low[1], queries[q, 2] - low[2]
        cx, cy, cz = int(np.floor(x / edge)), int(np.floor(y / edge)), int(np.floor(z / edge))
        for ring in range(reach + 1):
            # No point of this ring or beyond is nearer than ring - 1 whole buckets.
            if found == k and distance[k - 1] <= (max(ring - 1, 0) * edge) ** 2:
                break
            for bx in range(max(cx - ring, 0), min(cx + ring, nx - 1) + 1):
                for by in range(max(cy - ring, 0), min(cy + ring, ny - 1) + 1):
                    shell = abs(bx - cx) == ring or abs(by - cy) == ring
                    step = 1 if shell or ring == 0 else 2 * ring
                    for bz in range(cz - ring, cz + ring + 1, step):
                        if bz < 0 or bz >= nz:
                            continue
                        bucket = (bx * ny + by) * nz + bz
                        for i in range(starts[bucket], starts[bucket + 1]):
                            d = (
                                (points[i, 0] - queries[q, 0]) ** 2
                                + (points[i, 1] - queries[q, 1]) ** 2
                                + (points[i, 2] - queries[q, 2]) ** 2
                            )
                            if d > limit * limit:
                                continue
                            last = found == k
                            if last and (d > distance[k - 1] or (d == distance[k - 1] and rows[i] > row[k - 1])):
                                continue
                            at = k - 1 if last else found
                            while at > 0 and (
                                distance[at - 1] > d or (distance[at - 1] == d and row[at - 1] > rows[i])
                            ):
                                distance[at], row[at] = distance[at - 1], row[at - 1]
                                at -= 1
                            distance[at], row[at] = d, rows[i]
                            found = min(found + 1, k)
        best = 0
        for i in range(found):
            label = labels[row[i]]
            votes[label] += 1
            if votes[label] > best or (votes[label] == best and label < winner[q]):
                best, winner[q] = votes[label], label
        for i in range(found):
            votes[labels[row[i]]] = 0
    return winner


@kernel
def any_within(
    queries: Float32,
    starts: Int32,
    points: Float32,
    low: Float32,
    edge: float,
    shape: tuple[int, int, int],
    limit: float,
) -> NDArray[np.bool_]:
    """Whether a point lies within ``limit`` (at most one bucket edge) of each query. O(queries x 27 buckets)."""
    nx, ny, nz = shape
    near = np.zeros(len(queries), dtype=np.bool_)
    for q in range(len(queries)):
        cx = int(np.floor((queries[q, 0] - low[0]) / edge))
        cy = int(np.floor((queries[q, 1] - low[1]) / edge))
        cz = int(np.floor((queries[q, 2] - low[2]) / edge))
        for bx in range(max(cx - 1, 0), min(cx + 1, nx - 1) + 1):
            for by in range(max(cy - 1, 0), min(cy + 1, ny - 1) + 1):
                first, last = max(cz - 1, 0), min(cz + 1, nz - 1)
                if near[q] or first > last:
                    continue
                base = (bx * ny + by) * nz
                for i in range(starts[base + first], starts[base + last + 1]):
                    d = (
                        (points[i, 0] - queries[q, 0]) ** 2
                        + (points[i, 1] - queries[q, 1]) ** 2
                        + (points[i, 2] - queries[q, 2]) ** 2
                    )
                    if d <= limit * limit:
                        near[q] = True
                        break
    return near


@dataclass(frozen=True)
class Buckets:
    """Points (N, 3) float32, metres, sorted into cubic buckets; shared by all searches over the same points."""

    starts: Int32
    points: Float32
    rows: Int32
    low: Float32
    edge_m: float
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, points: Float32, edge_m: float) -> Buckets:
        """Raises ValueError when the points' extent needs more than :data:`MAX_BUCKETS` buckets."""
        low = points.min(axis=0) if len(points) else np.zeros(3, dtype=np.float32)
        high = points.max(axis=0) if len(points) else low
        counts: list[int] = [int(n) for n in np.floor((high - low) / edge_m).astype(np.int64) + 1]
        if int(np.prod(counts)) > MAX_BUCKETS:
            raise ValueError(f"{counts} buckets of {edge_m} m are too many: points reach from {low} to {high}")
        shape = (counts[0], counts[1], counts[2])
        starts, ordered, rows = fill_buckets(points, low, edge_m, shape)
        return cls(starts, ordered, rows, low, edge_m, shape)

    def vote(self, queries: Float32, labels: UInt8, k: int, limit_m: float) -> UInt8:
        """(Q,) uint8: majority label of the k nearest points within a distance, 255 where none is near."""
        return vote_nearest(
            queries, self.starts, self.points, self.rows, labels, self.low, self.edge_m, self.shape, k, limit_m
        )

    def near(self, queries: Float32, limit_m: float) -> NDArray[np.bool_]:
        """(Q,) bool: whether a point lies within a distance of at most one bucket edge."""
        if limit_m > self.edge_m:
            raise ValueError(f"a search of {limit_m} m needs buckets at least as wide, these have {self.edge_m} m")
        return any_within(queries, self.starts, self.points, self.low, self.edge_m, self.shape, limit_m)
