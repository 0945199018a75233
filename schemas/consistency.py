"""How voxel labels, seen from the cameras, agree with 2D labels of the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .product import Array, Product, array
from .validity import AtLeast


@dataclass(frozen=True, kw_only=True)
class Consistency(Product):
    """Counts of a scene's label pixels, by what their ray meets first in the voxels. A pixel without a 2D label is in none of them."""

    name: ClassVar[str] = "consistency"

    confusion: Array = array("frame", "camera", "label", "met", dtype="int64", fill=-1, valid=[AtLeast(0)])
    """(K, C, L, L + 2) int64: pixels by their own class and by the class of the first occupied voxel on their ray; the last but
    one is a voxel without a class, the last is none: the ray leaves the grid."""
    unlabelled: Array = array("frame", "camera", dtype="int64", fill=-1, valid=[AtLeast(0)])
    """(K, C) int64: pixels without a 2D label."""
    through_unknown: Array = array("frame", "camera", dtype="int64", fill=-1, valid=[AtLeast(0)])
    """(K, C) int64: labelled pixels whose ray crosses unknown voxels before."""

    judged: str
    """Name of the product of voxel labels."""
    names: list[str]
    """(C) the cameras' names."""
    taxonomy: str
    frame_tokens: list[str]
    """(K) the dataset's own name of each key frame."""
