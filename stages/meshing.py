"""From oriented points to a trimmed, labelled mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csgraph

from .kernels.neighbours import Buckets
from .kernels.normals import oriented_normals
from .kernels.poisson import Backend, Mesh, reconstruct
from .supervised import NATIVE

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

_NORMAL_RADII = (3.0, 6.0, 12.0)
_NORMAL_NEIGHBOURS = 6


@dataclass(frozen=True, kw_only=True)
class Trim:
    """What is kept of a Poisson surface."""

    support_m: float
    """A triangle is kept when its centre lies this near to a point, metres."""
    density_quantile: float
    """The share of vertices with the lowest density that is cut off."""
    least_area_m2: float
    """Connected pieces smaller than this are removed, square metres."""


def surface(points: Float32, sensors: Float32, spacing_m: float, cell_m: float, trim: Trim, backend: Backend) -> Mesh:
    """The trimmed surface through points; empty where they are too few or too scattered for normals.

    points: (N, 3) float32, metres, about ``spacing_m`` apart. sensors: (N, 3) float32, where each was seen from.
    Raises ComputeError when the library crashes.
    """
    normals = oriented_normals(points, sensors, tuple(r * spacing_m for r in _NORMAL_RADII), _NORMAL_NEIGHBOURS)
    smooth = normals.any(axis=1)
    if np.count_nonzero(smooth) < 3 * _NORMAL_NEIGHBOURS:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros(0, np.float32)
    vertices, triangles, density = NATIVE.call(reconstruct, points[smooth], normals[smooth], cell_m, backend)
    keep = Buckets.of(points, trim.support_m).near(centres(vertices, triangles), trim.support_m)
    if trim.density_quantile > 0 and len(density):
        dense = density >= np.quantile(density, trim.density_quantile)
        keep &= dense[triangles].all(axis=1)
    triangles = _without_small_pieces(vertices, triangles[keep], trim.least_area_m2)
    return compact(vertices, triangles, density)


def centres(vertices: Float32, triangles: Int32) -> Float32:
    """(F, 3) float32: centre of each triangle."""
    return vertices[triangles].mean(axis=1, dtype=np.float32)


def areas(vertices: Float32, triangles: Int32) -> NDArray[np.float64]:
    """(F,) float64: area of each triangle, square metres."""
    a, b, c = (vertices[triangles[:, corner]].astype(np.float64) for corner in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def compact(vertices: Float32, triangles: Int32, density: Float32) -> Mesh:
    """The mesh without vertices that no triangle uses."""
    used = np.zeros(len(vertices), dtype=np.bool_)
    used[triangles] = True
    place = (np.cumsum(used) - 1).astype(np.int32)
    return vertices[used], place[triangles], density[used]


def _without_small_pieces(vertices: Float32, triangles: Int32, least_area_m2: float) -> Int32:
    if len(triangles) == 0:
        return triangles
    a, b = triangles[:, [0, 1]].ravel(), triangles[:, [1, 2]].ravel()
    graph = coo_matrix((np.ones(len(a), dtype=np.bool_), (a, b)), shape=(len(vertices), len(vertices)))
    components = cast("tuple[int, Int32]", csgraph.connected_components(graph, directed=False))
    piece: Int32 = components[1][triangles[:, 0]]
    area = np.bincount(piece, weights=areas(vertices, triangles))
    return triangles[area[piece] >= least_area_m2]
