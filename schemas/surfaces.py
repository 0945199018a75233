"""Reconstructed surfaces of a scene, free of any grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .product import Array, Product, array
from .validity import AtLeast, ClassIds, Finite, Indexes, Offsets

NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class Surfaces(Product):
    """Triangle meshes: one piece per tile of the static world and visit to it, and one per rigid object, a class per triangle.

    Static pieces are relative to ``origin_m`` in the world frame, object pieces in their box frame.
    """

    name: ClassVar[str] = "surfaces"
    schema_version: ClassVar[int] = 2

    vertices: Array = array("vertex", "xyz", dtype="float32", fill=NAN, valid=[Finite()], xyz=3)
    """(V, 3) float32, metres; grouped by piece."""
    triangles: Array = array("triangle", "corner", dtype="int32", fill=-1, valid=[Indexes("vertex")], corner=3)
    """(F, 3) int32: vertices of each triangle, counted from its piece's first; seen from outside anticlockwise."""
    labels: Array = array("triangle", dtype="uint8", fill=255, valid=[ClassIds()])
    """(F,) uint8: class id, 255 where no labelled point is near."""
    piece_track: Array = array("piece", dtype="int32", fill=-2, valid=[AtLeast(-1)])
    """(M,) int32: the rigid object a piece shows, -1 for a tile of the static world."""
    piece_sweeps: Array = array("piece", "span", dtype="int32", fill=-1, valid=[AtLeast(0)], span=2)
    """(M, 2) int32: first and last sweep that a piece stands for: its visit to the tile, all of an object's scene."""
    piece_vertices: Array = array("piece_bound", dtype="int64", fill=-1, valid=[Offsets("vertex")])
    """(M + 1,) int64: rows of each piece in ``vertices``."""
    piece_triangles: Array = array("piece_bound", dtype="int64", fill=-1, valid=[Offsets("triangle")])
    """(M + 1,) int64: rows of each piece in ``triangles``."""
    piece_bounds: Array = array("piece", "bound", dtype="float32", fill=NAN, valid=[Finite()], bound=6)
    """(M, 6) float32: x0, y0, z0, x1, y1, z1 of each piece's vertices."""

    origin_m: list[float]
    """World coordinates of the static pieces' origin."""
