"""The static world of a scene, thinned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .product import Array, Product, array
from .validity import AtLeast, ClassIds, Finite, Indexes, Offsets

NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class StaticMap(Product):
    """Points of the static world, one per occupied cell of a hash grid, grouped in square blocks for partial reads.

    A log that comes back to a place has the block again for each visit. A point stands at the mean of its cell's returns. Coordinates are relative to ``origin_m`` in the world frame.
    """

    name: ClassVar[str] = "static_map"
    schema_version: ClassVar[int] = 2

    points: Array = array("point", "xyz", dtype="float32", fill=NAN, valid=[Finite()], xyz=3)
    """(N, 3) float32, metres, relative to ``origin_m``; sorted by block, visit, then cell."""
    sweep: Array = array("point", dtype="int32", fill=-1, valid=[Indexes("sweep")])
    """(N,) int32: the sweep that saw the cell from nearest; its sensor's position orients the normal."""
    returns: Array = array("point", dtype="uint16", fill=0, valid=[AtLeast(1)])
    """(N,) uint16: how many returns fell into the cell, saturating."""
    labels: Array = array("point", dtype="uint8", fill=255, valid=[ClassIds()])
    """(N,) uint8: most frequent class among the cell's labelled returns (ties: lowest id), the parked object's class
    where there are none; 255 without either."""
    tracks: Array = array("point", dtype="int32", fill=-2, valid=[AtLeast(-1)])
    """(N,) int32: the parked object the point belongs to, -1 for none."""
    blocks: Array = array("block", "xy", dtype="int32", fill=-1, xy=2)
    """(M, 2) int32: index of each block, floor((x, y) / block_m), in order; once for each visit that saw something."""
    block_sweeps: Array = array("block", "span", dtype="int32", fill=-1, valid=[Indexes("sweep")], span=2)
    """(M, 2) int32: first and last sweep that this visit to the block stands for."""
    block_offsets: Array = array("block_bound", dtype="int64", fill=-1, valid=[Offsets("point")])
    """(M + 1,) int64: rows of each block in the point arrays."""
    sensor_positions: Array = array("sweep", "xyz", dtype="float32", fill=NAN, valid=[Finite()], xyz=3)
    """(S, 3) float32: where the sensor stood in each sweep, relative to ``origin_m``."""

    origin_m: list[float]
    """World coordinates of the local origin."""
    block_m: float
    """Edge of a block, metres."""
    cell_m: float
    """Edge of a cell of the hash grid, metres."""
    dropped: dict[str, int]
    """Returns left out, by reason."""
