"""Bounding volume hierarchies over triangles and closest-hit queries, several trees packed into one set of arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .jit import inlined, kernel
from .meshes import Float64

LEAF = 4
BINS = 16
DEPTH = 96
"""No tree grows deeper; a query holds one node per level."""
Int64 = NDArray[np.int64]


class Forest(NamedTuple):
    """Trees over triangles. A leaf holds ``leaf`` triangles from ``first``; an inner node's children are ``first`` and ``first + 1``."""

    bounds: Float64
    """(N, 6) lower and upper corner of every node."""
    first: Int64
    """(N,)"""
    leaf: Int64
    """(N,) 0 for inner nodes."""
    triangles: Float64
    """(F, 9): a corner and two edges, in the order of the leaves."""
    order: Int64
    """(F,) which triangle of its mesh each one is."""
    roots: Int64
    """(T,) root node of every tree."""


def plant(corners: list[Float64]) -> Forest:
    """Trees over meshes, each given as corners (F, 3, 3)."""
    trees = [_build(np.ascontiguousarray(c, dtype=np.float64)) for c in corners]
    nodes = np.cumsum([0, *(len(tree[0]) for tree in trees)])
    faces = np.cumsum([0, *(len(c) for c in corners)])
    first = [np.where(count > 0, start + faces[k], start + nodes[k]) for k, (_, start, count, _) in enumerate(trees)]
    packed = [
        np.concatenate([c[o, 0], c[o, 1] - c[o, 0], c[o, 2] - c[o, 0]], axis=1)
        for c, (_, _, _, o) in zip(corners, trees, strict=True)
    ]
    return Forest(
        np.concatenate([tree[0] for tree in trees]),
        np.concatenate(first),
        np.concatenate([tree[2] for tree in trees]),
        np.concatenate(packed),
        np.concatenate([tree[3] for tree in trees]),
        nodes[:-1].astype(np.int64),
    )


@kernel
def _build(corners: Float64) -> tuple[Float64, Int64, Int64, Int64]:
    """Top down, split by the surface-area heuristic over :data:`BINS` bins of the widest axis of centroids."""
    total = len(corners)
    low, high, middle = np.empty((total, 3)), np.empty((total, 3)), np.empty((total, 3))
    for i in range(total):
        for axis in range(3):
            a, b, c = corners[i, 0, axis], corners[i, 1, axis], corners[i, 2, axis]
            low[i, axis], high[i, axis] = min(a, b, c), max(a, b, c)
            middle[i, axis] = 0.5 * (low[i, axis] + high[i, axis])
    order = np.arange(total)
    bounds, first, count = np.empty((2 * total, 6)), np.zeros(2 * total, np.int64), np.zeros(2 * total, np.int64)
    stack = [(0, 0, total, 0)]
    used = 1
    while len(stack) > 0:
        node, start, stop, depth = stack.pop()
        for axis in range(3):
            bounds[node, axis], bounds[node, 3 + axis] = np.inf, -np.inf
        centre_low, centre_high = np.full(3, np.inf), np.full(3, -np.inf)
        for k in range(start, stop):
            i = order[k]
            for axis in range(3):
                bounds[node, axis] = min(bounds[node, axis], low[i, axis])
                bounds[node, 3 + axis] = max(bounds[node, 3 + axis], high[i, axis])
                centre_low[axis] = min(centre_low[axis], middle[i, axis])
                centre_high[axis] = max(centre_high[axis], middle[i, axis])
        axis = int(np.argmax(centre_high - centre_low))
        span = centre_high[axis] - centre_low[axis]
        if stop - start <= LEAF or span <= 0.0 or depth > DEPTH - 4:
            first[node], count[node] = start, stop - start
            continue
        split = _split(order, start, stop, low, high, middle, axis, centre_low[axis], span)
        first[node] = used
        stack.append((used, start, split, depth + 1))
        stack.append((used + 1, split, stop, depth + 1))
        used += 2
    return bounds[:used], first[:used], count[:used], order


@kernel
def _split(
    order: Int64,
    start: int,
    stop: int,
    low: Float64,
    high: Float64,
    middle: Float64,
    axis: int,
    origin: float,
    span: float,
) -> int:
    """Partitions ``order[start:stop]`` in place and returns where the second part begins."""
    filled = np.zeros(BINS, np.int64)
    box = np.empty((BINS, 6))
    box[:, :3], box[:, 3:] = np.inf, -np.inf
    for k in range(start, stop):
        i = order[k]
        b = min(BINS - 1, int((middle[i, axis] - origin) / span * BINS))
        filled[b] += 1
        for a in range(3):
            box[b, a], box[b, 3 + a] = min(box[b, a], low[i, a]), max(box[b, 3 + a], high[i, a])
    best, border = np.inf, 0
    for edge in range(1, BINS):
        cost = 0.0
        for begin, end in ((0, edge), (edge, BINS)):
            number = 0
            x0, y0, z0, x1, y1, z1 = np.inf, np.inf, np.inf, -np.inf, -np.inf, -np.inf
            for b in range(begin, end):
                number += filled[b]
                x0, y0, z0 = min(x0, box[b, 0]), min(y0, box[b, 1]), min(z0, box[b, 2])
                x1, y1, z1 = max(x1, box[b, 3]), max(y1, box[b, 4]), max(z1, box[b, 5])
            if number == 0:
                cost = np.inf
            else:
                cost += number * ((x1 - x0) * (y1 - y0) + (y1 - y0) * (z1 - z0) + (z1 - z0) * (x1 - x0))
        if cost < best:
            best, border = cost, edge
    left, right = start, stop - 1
    while left <= right:
        i = order[left]
        if min(BINS - 1, int((middle[i, axis] - origin) / span * BINS)) < border:
            left += 1
        else:
            order[left], order[right] = order[right], i
            right -= 1
    return left


@inlined
def _enter(
    bounds: Float64, node: int, ox: float, oy: float, oz: float, ix: float, iy: float, iz: float, far: float
) -> float:
    """Distance at which a ray enters a node's box, infinity if it does not before ``far``; ``ix`` is 1 / direction."""
    t0, t1 = (bounds[node, 0] - ox) * ix, (bounds[node, 3] - ox) * ix
    enter, leave = min(t0, t1), max(t0, t1)
    t0, t1 = (bounds[node, 1] - oy) * iy, (bounds[node, 4] - oy) * iy
    enter, leave = max(enter, min(t0, t1)), min(leave, max(t0, t1))
    t0, t1 = (bounds[node, 2] - oz) * iz, (bounds[node, 5] - oz) * iz
    enter, leave = max(enter, min(t0, t1)), min(leave, max(t0, t1))
    # A flat box's two distances differ by rounding: give way by a hair.
    return enter if leave * (1 + 1e-12) >= max(enter, 0.0) and enter < far else np.inf


@kernel
def closest(
    forest: Forest,
    root: int,
    origin: tuple[float, float, float],
    ray: tuple[float, float, float],
    far: float,
    stack: Int64,
    reach: Float64,
) -> tuple[float, int]:
    """Distance along a unit ray to the nearest triangle of one tree before ``far``, and its place in the forest; -1 for none.

    ``stack`` and ``reach``: :data:`DEPTH` entries of scratch each.
    """
    bounds, first, count, triangles = forest.bounds, forest.first, forest.leaf, forest.triangles
    ox, oy, oz = origin
    dx, dy, dz = ray
    tiny = 1e-300
    ix, iy, iz = 1.0 / (dx if dx != 0.0 else tiny), 1.0 / (dy if dy != 0.0 else tiny), 1.0 / (dz if dz != 0.0 else tiny)
    best, hit = far, -1
    enter = _enter(bounds, root, ox, oy, oz, ix, iy, iz, best)
    if enter == np.inf:
        return best, hit
    stack[0], reach[0], top = root, enter, 1
    while top > 0:
        top -= 1
        if reach[top] >= best:
            continue
        node = stack[top]
        if count[node] == 0:
            a = int(first[node])
            b = a + 1
            ta, tb = _enter(bounds, a, ox, oy, oz, ix, iy, iz, best), _enter(bounds, b, ox, oy, oz, ix, iy, iz, best)
            if ta > tb:
                a, b, ta, tb = b, a, tb, ta
            if tb < np.inf:
                stack[top], reach[top] = b, tb
                top += 1
            if ta < np.inf:
                stack[top], reach[top] = a, ta
                top += 1
            continue
        for k in range(first[node], first[node] + count[node]):
            # Moeller and Trumbore, 1997; both faces of a triangle stop a beam.
            e1x, e1y, e1z, e2x, e2y, e2z = (
                triangles[k, 3],
                triangles[k, 4],
                triangles[k, 5],
                triangles[k, 6],
                triangles[k, 7],
                triangles[k, 8],
            )
            px, py, pz = dy * e2z - dz * e2y, dz * e2x - dx * e2z, dx * e2y - dy * e2x
            volume = e1x * px + e1y * py + e1z * pz
            if volume == 0.0:
                continue
            sx, sy, sz = ox - triangles[k, 0], oy - triangles[k, 1], oz - triangles[k, 2]
            u = (sx * px + sy * py + sz * pz) / volume
            if u < -1e-12 or u > 1.0 + 1e-12:
                continue
            qx, qy, qz = sy * e1z - sz * e1y, sz * e1x - sx * e1z, sx * e1y - sy * e1x
            v = (dx * qx + dy * qy + dz * qz) / volume
            if v < -1e-12 or u + v > 1.0 + 1e-12:
                continue
            t = (e2x * qx + e2y * qy + e2z * qz) / volume
            if 1e-6 < t < best:
                best, hit = t, k
    return best, hit
