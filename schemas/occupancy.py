"""Voxel labels of key frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from .product import Array, Product, array
from .taxonomy import NO_LABEL
from .validity import AtLeast, ClassIds, FixedWhere, NotWhere, OneOf, Poses


class State(IntEnum):
    """What is known of a voxel."""

    UNKNOWN = 0
    FREE = 1
    OCCUPIED = 2


class Body(IntEnum):
    """What kind of thing occupies a voxel."""

    NONE = 0
    STATIC = 1
    RIGID = 2
    """A moving object that keeps its shape."""
    DEFORMING = 3
    """A moving object that does not: a person, a cyclist."""


NO_CLASS_UNLESS_OCCUPIED = FixedWhere(NO_LABEL, "state", (State.OCCUPIED,), "255 where state is not occupied")
NO_BODY_UNLESS_OCCUPIED = FixedWhere(Body.NONE, "state", (State.OCCUPIED,), "0 where state is not occupied")
A_BODY_WHERE_OCCUPIED = NotWhere(Body.NONE, "state", State.OCCUPIED, "a body where state is occupied")


@dataclass(frozen=True, kw_only=True)
class SurfaceOccupancy(Product):
    """Occupied voxels of every key frame. What is not occupied is unknown here: free space is told by visibility.

    Indexed [frame, x, y, z]; the grid moves with the key frame's ego or LiDAR frame, as ``grid`` says.
    """

    name: ClassVar[str] = "surface_occupancy"

    state: Array = array("frame", "x", "y", "z", dtype="uint8", fill=255, valid=[OneOf.enum(State)])
    """(K, X, Y, Z) uint8: :class:`State`."""
    semantics: Array = array(
        "frame", "x", "y", "z", dtype="uint8", fill=254, valid=[ClassIds(), NO_CLASS_UNLESS_OCCUPIED]
    )
    """(K, X, Y, Z) uint8: class id where occupied, 255 where it has none."""
    body: Array = array(
        "frame",
        "x",
        "y",
        "z",
        dtype="uint8",
        fill=255,
        valid=[OneOf.enum(Body), NO_BODY_UNLESS_OCCUPIED, A_BODY_WHERE_OCCUPIED],
    )
    """(K, X, Y, Z) uint8: :class:`Body`."""
    world_SE3_grid: Array = array(
        "frame", "row", "column", dtype="float64", fill=float("nan"), valid=[Poses()], row=4, column=4
    )
    """(K, 4, 4) float64: pose of the grid's frame."""

    grid: dict[str, Any]
    """The grid as JSON: min_m, voxel_m, shape, frame."""
    taxonomy: str
    frame_tokens: list[str]
    """The dataset's own name of each key frame."""


@dataclass(frozen=True, kw_only=True)
class CarvedOccupancy(SurfaceOccupancy):
    """The same voxels, with what rays tell: free space known as such, and ghosts gone. What no ray tells of is unknown.

    Indexed [frame, x, y, z], on the grid of the :class:`SurfaceOccupancy` it was made from.
    """

    name: ClassVar[str] = "carved_occupancy"

    mask_lidar: Array = array("frame", "x", "y", "z", dtype="uint8", fill=255, valid=[OneOf((0, 1))])
    """(K, X, Y, Z) uint8: 1 where a ray crossed the voxel or a return fell into it; 0 where a surface is all there is."""
    mask_camera: Array = array("frame", "x", "y", "z", dtype="uint8", fill=255, valid=[OneOf((0, 1))])
    """(K, X, Y, Z) uint8: 1 where the voxel is known, free or occupied, and some camera of the key frame sees a place of it that
    no surface hides; 0 everywhere where the key frame has no camera."""


@dataclass(frozen=True, kw_only=True)
class RefinedOccupancy(CarvedOccupancy):
    """The same voxels without those that images look through, which are free, or unknown where hidden. ``mask_lidar`` is as it was.

    Indexed [frame, x, y, z], on the grid of the :class:`CarvedOccupancy` it was made from.
    """

    name: ClassVar[str] = "refined_occupancy"


@dataclass(frozen=True, kw_only=True)
class RefinedLabels(SurfaceOccupancy):
    """The same voxels, where doubtful ones are unknown, for training to ignore: VoxDet's 255 (Eq. 12).

    Indexed [frame, x, y, z], on the grid of the labels it was made from. The masks are of the classes that may be cleaned.
    """

    name: ClassVar[str] = "refined_labels"

    mask_min: Array = array("frame", "x", "y", "z", dtype="uint8", fill=255, valid=[OneOf((0, 1))])
    """(K, X, Y, Z) uint8: 1 where the instance is too small along all axes (Eq. 10)."""
    mask_max: Array = array("frame", "x", "y", "z", dtype="uint8", fill=255, valid=[OneOf((0, 1))])
    """(K, X, Y, Z) uint8: 1 where it is too large along some axis (Eq. 11)."""
    mask_outside: Array = array("frame", "x", "y", "z", dtype="uint8", fill=255, valid=[OneOf((0, 1))])
    """(K, X, Y, Z) uint8: 1 where the voxel lies in no tracked object's box; 0 everywhere where boxes were not asked."""

    labels: str
    """Name of the product of voxel labels these were made from."""
    evidence: str
    """What was asked: scale, tracks or both."""
    ignored: dict[str, dict[str, int]]
    """Class to reason (small, large, outside) to the number of its voxels that are ignored for it."""


@dataclass(frozen=True, kw_only=True)
class ReferenceOccupancy(CarvedOccupancy):
    """Voxel labels taken over from a published format, on that format's grid.

    Indexed [frame, x, y, z]. Free is what the format calls free and one of its masks has observed; what it calls free and none
    observed is unknown; what it gives a class is occupied, observed or not. Formats do not tell what moves: ``body`` is static
    wherever a voxel is occupied. Both masks are the format's own.
    """

    name: ClassVar[str] = "reference_occupancy"


@dataclass(frozen=True, kw_only=True)
class VotedOccupancy(CarvedOccupancy):
    """Voxels as SemanticKITTI's own labels are made: scans laid over each other, most returns win, nothing that moves apart.

    Indexed [frame, x, y, z]. Occupied is what a return of any scan fell into, so what moves is a trail; unknown is what is hidden
    from all scans by occupied voxels, free what is not. The recipe knows no bodies and no cameras: ``body`` is static wherever a
    voxel is occupied, and both masks are 1 wherever one is known.
    """

    name: ClassVar[str] = "voted_occupancy"

    occluded: Array = array("frame", "x", "y", "z", dtype="uint8", fill=255, valid=[OneOf((0, 1))])
    """(K, X, Y, Z) uint8: 1 where the key frame's own sensor does not see the voxel's centre, occupied voxels among them."""


@dataclass(frozen=True, kw_only=True)
class PredictedOccupancy(CarvedOccupancy):
    """What a trained network makes of a key frame's points and images, on the grid that it was trained on.

    Indexed [frame, x, y, z]. A network tells of every voxel: none is unknown, every occupied one has a class, and both masks are 1.
    It does not tell what moves: ``body`` is static wherever a voxel is occupied.
    """

    name: ClassVar[str] = "predicted_occupancy"

    confidence: Array = array("frame", "x", "y", "z", dtype="uint8", fill=0, valid=[AtLeast(1)])
    """(K, X, Y, Z) uint8: the network's probability of what it chose, free space or a class, times 255, 1 at least."""


OccupancyName = Literal[
    "surface_occupancy",
    "carved_occupancy",
    "refined_occupancy",
    "refined_labels",
    "reference_occupancy",
    "voted_occupancy",
]
"""A parameter that names the voxel labels to work on: what stages make. Predictions are shown and measured, and no stage's input."""
MADE_HERE: tuple[type[SurfaceOccupancy], ...] = (SurfaceOccupancy, CarvedOccupancy, RefinedOccupancy)
"""Voxel labels that are made from a log, each more refined than the one before. What training ignores is no better knowledge
of the street, another recipe's labels are there to compare with, and predictions to be judged: :class:`RefinedLabels`,
:class:`VotedOccupancy` and :class:`PredictedOccupancy` are shown and measured only where they are named."""
OCCUPANCIES: Mapping[str, type[SurfaceOccupancy]] = MappingProxyType(
    {
        product.name: product
        for product in (*MADE_HERE, RefinedLabels, ReferenceOccupancy, VotedOccupancy, PredictedOccupancy)
    }
)
"""All products of voxel labels by name."""
