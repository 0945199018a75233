"""Irregular polyhedra: foliage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .meshes import Float64, Mesh, mesh


@lru_cache(maxsize=4)
def sphere(subdivisions: int) -> tuple[Float64, NDArray[np.int64]]:
    """Unit directions (V, 3) and triangles (F, 3) of an icosahedron divided ``subdivisions`` times."""
    golden = (1 + 5**0.5) / 2
    corners = [(i, j * golden, 0.0) for i in (-1, 1) for j in (-1, 1)]
    turned = [corner[k:] + corner[:k] for k in range(3) for corner in corners]
    points = np.array(turned, dtype=np.float64) / np.sqrt(1 + golden**2)
    edge = 2 / np.sqrt(1 + golden**2)
    near = np.abs(np.linalg.norm(points[:, None] - points[None], axis=2) - edge) < 1e-9
    faces = [
        (a, b, c)
        for a in range(12)
        for b in range(a + 1, 12)
        for c in range(b + 1, 12)
        if near[a, b] and near[b, c] and near[a, c]
    ]
    table = [tuple(p) for p in points]
    for _ in range(subdivisions):
        halves: dict[tuple[int, int], int] = {}

        def half(a: int, b: int, halves: dict[tuple[int, int], int] = halves) -> int:
            key = (min(a, b), max(a, b))
            if key not in halves:
                middle = np.array(table[a]) + np.array(table[b])
                table.append(tuple(middle / np.linalg.norm(middle)))
                halves[key] = len(table) - 1
            return halves[key]

        faces = [
            t
            for a, b, c in faces
            for ab, bc, ca in ((half(a, b), half(b, c), half(c, a)),)
            for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))
        ]
    return np.array(table), np.array(faces, dtype=np.int64)


@dataclass(frozen=True)
class Blob:
    """A lumpy ellipsoid, star-shaped about its centre."""

    centre: Float64
    """(3,) metres."""
    radii: Float64
    """(3,) metres."""
    waves: Float64
    """(W, 4): direction of each lump (unit) and its height as a part of the radius."""

    @classmethod
    def random(
        cls, rng: np.random.Generator, centre: Float64, radii: Float64, rough: float = 0.18, lumps: int = 9
    ) -> Blob:
        """A blob with random lumps and dents."""
        directions = rng.normal(size=(lumps, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return cls(centre, radii, np.column_stack([directions, rng.uniform(-rough, rough, lumps)]))

    def swell(self, directions: Float64) -> Float64:
        """(N,): radius along unit directions (N, 3) of the unit sphere, as a part of the ellipsoid's."""
        lumps = np.exp(6.0 * (directions @ self.waves[:, :3].T - 1.0)) @ self.waves[:, 3]
        return np.maximum(0.5, 1.0 + lumps)

    def contains(self, points: Float64) -> NDArray[np.bool_]:
        """(N,) bool: which points (N, 3) lie inside."""
        local = (points - self.centre) / self.radii
        length = np.linalg.norm(local, axis=1)
        return length < self.swell(local / np.maximum(length, 1e-9)[:, None])

    def surface(self, label: int, subdivisions: int = 2) -> Mesh:
        """Its skin."""
        directions, faces = sphere(subdivisions)
        return mesh(self.centre + self.radii * directions * self.swell(directions)[:, None], faces, label)


def union(blobs: list[Blob], label: int, subdivisions: int = 2) -> list[Mesh]:
    """Skins of overlapping blobs without the triangles that lie inside another one: no surface that does not exist."""
    skins: list[Mesh] = []
    for i, blob in enumerate(blobs):
        skin = blob.surface(label, subdivisions)
        hidden = np.zeros(len(skin.vertices), dtype=np.bool_)
        for j, other in enumerate(blobs):
            if j != i:
                hidden |= other.contains(skin.vertices)
        keep = ~hidden[skin.triangles].all(axis=1)
        skins.append(skin.only(keep))
    return skins
