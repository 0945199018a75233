"""Triangle meshes with a label per triangle, and the simple shapes that everything in the street is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]


@dataclass(frozen=True)
class Mesh:
    """A bag of triangles: surfaces only, seen from either side."""

    vertices: Float64
    """(V, 3) float64, metres."""
    triangles: Int32
    """(F, 3) int32."""
    labels: NDArray[np.uint8]
    """(F,) uint8: lidarseg number."""
    materials: NDArray[np.uint8]
    """(F,) uint8: what cameras see, a number of :mod:`.materials`; 0 for what is usual for the label."""
    tints: NDArray[np.uint8]
    """(F,) uint8: which variant of the material."""
    kinds: NDArray[np.uint8]
    """(F,) uint8: what it is more finely than its label says, a number of :mod:`.kinds`."""
    uv: Float64
    """(V, 2) float64: texture coordinates, metres along and up a wall or the like; NaN where textures go by place."""

    @property
    def corners(self) -> Float64:
        """(F, 3, 3) float64, metres: the corners of every triangle."""
        return self.vertices[self.triangles]

    @property
    def bounds(self) -> tuple[Float64, Float64]:
        """Lower and upper corner, (3,) each, metres."""
        return self.vertices.min(axis=0), self.vertices.max(axis=0)

    def moved(self, target_SE3_mesh: Float64) -> Mesh:
        """The mesh in another frame; ``target_SE3_mesh``: (4, 4)."""
        return replace(self, vertices=self.vertices @ target_SE3_mesh[:3, :3].T + target_SE3_mesh[:3, 3])

    def made_of(self, material: int, tint: int = 0) -> Mesh:
        """The mesh in one material."""
        count = len(self.triangles)
        return replace(
            self, materials=np.full(count, material, dtype=np.uint8), tints=np.full(count, tint, dtype=np.uint8)
        )

    def known_as(self, kind: int) -> Mesh:
        """The mesh as one kind of thing, a number of :mod:`.kinds`."""
        return replace(self, kinds=np.full(len(self.triangles), kind, dtype=np.uint8))

    def only(self, kept: NDArray[np.bool_]) -> Mesh:
        """The triangles that ``kept`` (F,) names; vertices stay."""
        return replace(
            self,
            triangles=self.triangles[kept],
            labels=self.labels[kept],
            materials=self.materials[kept],
            tints=self.tints[kept],
            kinds=self.kinds[kept],
        )

    def shifted(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """The mesh moved along the axes, metres."""
        return replace(self, vertices=self.vertices + np.array([x, y, z]))


def mesh(vertices: ArrayLike, triangles: ArrayLike, label: int) -> Mesh:
    """A mesh of one label."""
    faces = np.asarray(triangles, dtype=np.int32).reshape(-1, 3)
    points = np.asarray(vertices, dtype=np.float64).reshape(-1, 3)
    plain = np.zeros(len(faces), dtype=np.uint8)
    numbers = np.full(len(faces), label, dtype=np.uint8)
    return Mesh(points, faces, numbers, plain, plain, plain, np.full((len(points), 2), np.nan))


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """All triangles of several meshes."""
    offsets = np.cumsum([0, *(len(part.vertices) for part in meshes)])
    return Mesh(
        np.concatenate([part.vertices for part in meshes]),
        np.concatenate([part.triangles + np.int32(offset) for part, offset in zip(meshes, offsets[:-1], strict=True)]),
        np.concatenate([part.labels for part in meshes]),
        np.concatenate([part.materials for part in meshes]),
        np.concatenate([part.tints for part in meshes]),
        np.concatenate([part.kinds for part in meshes]),
        np.concatenate([part.uv for part in meshes]),
    )


def quads(corners: ArrayLike, label: int, uv: ArrayLike | None = None) -> Mesh:
    """Quadrangles (N, 4, 3), each as two triangles; ``uv``: texture coordinates (N, 4, 2) of their corners."""
    points = np.asarray(corners, dtype=np.float64).reshape(-1, 4, 3)
    first = np.arange(len(points))[:, None] * 4
    faces = np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])], axis=1)
    sheet = mesh(points, faces, label)
    return sheet if uv is None else replace(sheet, uv=np.asarray(uv, dtype=np.float64).reshape(-1, 2))


def patch(points: Float64, label: int) -> Mesh:
    """A sheet through a lattice of points (R, C, 3)."""
    return quads(np.stack([points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]], axis=2), label)


def box(low: Sequence[float], high: Sequence[float], label: int, without: str = "") -> Mesh:
    """An axis-aligned box; ``without`` names faces to leave out: ``x`` the lower one along x, ``X`` the upper one."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    faces = {
        "x": [(x0, y1, z0), (x0, y0, z0), (x0, y0, z1), (x0, y1, z1)],
        "X": [(x1, y0, z0), (x1, y1, z0), (x1, y1, z1), (x1, y0, z1)],
        "y": [(x0, y0, z0), (x1, y0, z0), (x1, y0, z1), (x0, y0, z1)],
        "Y": [(x1, y1, z0), (x0, y1, z0), (x0, y1, z1), (x1, y1, z1)],
        "z": [(x0, y1, z0), (x1, y1, z0), (x1, y0, z0), (x0, y0, z0)],
        "Z": [(x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)],
    }
    return quads([face for name, face in faces.items() if name not in without], label)


def loft(rings: Float64, label: int, *, first_cap: bool = True, last_cap: bool = True) -> Mesh:
    """A skin over closed rings of points (R, K, 3), its ends closed by fans unless told otherwise."""
    count, size = rings.shape[:2]
    closed = np.concatenate([rings, rings[:, :1]], axis=1)
    parts = [patch(closed, label)]
    fan = np.array([(0, k, k + 1) for k in range(1, size - 1)])
    if first_cap:
        parts.append(mesh(rings[0], fan[:, ::-1], label))
    if last_cap:
        parts.append(mesh(rings[count - 1], fan, label))
    return merge(parts)


def tube(
    start: ArrayLike,
    end: ArrayLike,
    radius: float,
    label: int,
    *,
    end_radius: float | None = None,
    sides: int = 8,
    caps: bool = True,
) -> Mesh:
    """A cylinder or cone between two points, as a prism."""
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    axis = (b - a) / np.linalg.norm(b - a)
    across = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    angles = np.arange(sides) * (2 * np.pi / sides)
    circle = np.cos(angles)[:, None] * across + np.sin(angles)[:, None] * np.cross(axis, across)
    return loft(
        np.stack([a + radius * circle, b + (radius if end_radius is None else end_radius) * circle]),
        label,
        first_cap=caps,
        last_cap=caps,
    )


def wheel(x: float, y: float, radius: float, width: float, label: int, sides: int = 14) -> Mesh:
    """A disc that stands on z = 0 and rolls along x; ``y`` is its middle. Its texture coordinates are parts of its radius."""
    disc = tube((x, y - width / 2, radius), (x, y + width / 2, radius), radius, label, sides=sides)
    return replace(disc, uv=(disc.vertices[:, [0, 2]] - [x, radius]) / radius)
