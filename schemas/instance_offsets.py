"""How far every voxel is from the ends of its run of equal labels: VoxDet's instance-level regression target."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

from .product import Array, Product, array
from .validity import AtLeast, Poses


class Direction(IntEnum):
    """Channels of :class:`InstanceOffsets`."""

    X_FORTH = 0
    X_BACK = 1
    Y_FORTH = 2
    Y_BACK = 3
    Z_FORTH = 4
    Z_BACK = 5


FREE_RUN, UNKNOWN_RUN = 254, 253
"""What free and unknown voxels count as, beside class ids and 255 for occupied voxels without a class: each has runs of its own."""


@dataclass(frozen=True, kw_only=True)
class InstanceOffsets(Product):
    """Voxels from each to the end of its run of equal labels, in six directions, itself counted (VoxDet, Algorithm 1).

    Free, unknown and occupied voxels without a class form runs like any class; the grid's border ends a run. The paper
    divides by the grid's size: :func:`~occ_pipeline.stages.voxnt.normalise` does.
    """

    name: ClassVar[str] = "instance_offsets"

    offsets: Array = array("frame", "direction", "x", "y", "z", dtype="uint16", fill=0, valid=[AtLeast(1)], direction=6)
    """(K, 6, X, Y, Z) uint16, voxels of the labels' grid: channels x+, x-, y+, y-, z+, z-. Sample (i, j, k) is of voxel
    ``every`` times (i, j, k)."""
    world_SE3_grid: Array = array(
        "frame", "row", "column", dtype="float64", fill=float("nan"), valid=[Poses()], row=4, column=4
    )
    """(K, 4, 4) float64: pose of the grid's frame."""

    labels: str
    """Name of the product of voxel labels these were made from."""
    every: int
    """Voxels between samples along each axis, 1 for all of them."""
    grid: dict[str, Any]
    """The labels' grid as JSON."""
    taxonomy: str
    frame_tokens: list[str]
    """The dataset's own name of each key frame."""


@dataclass(frozen=True, kw_only=True)
class RefinedOffsets(InstanceOffsets):
    """Offsets of cleaned labels, where what was doubtful is unknown: VoxDet's released code measures uncleaned ones."""

    name: ClassVar[str] = "refined_offsets"
