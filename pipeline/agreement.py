"""3D-2D consistency as ratios: how often the first voxel on a pixel's ray has the pixel's class (Occ3D).

Judged are pixels that have a 2D label and whose ray meets an occupied voxel. What lies beyond the grid has pixels and no
voxels, so a ray that meets none is nobody's error here: ``met`` says how many do, and falls where true surfaces are eaten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..schemas.product import ProductReader

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Pixels:
    """Numbers of pixels, as :class:`Consistency` has them, that add up."""

    confusion: Int64
    """(L, L + 2) int64."""
    unlabelled: int
    through_unknown: int

    @classmethod
    def of(cls, consistency: ProductReader) -> Pixels:
        """Of all key frames and cameras of a scene."""
        confusion, unlabelled, unknown = (
            consistency.read(name) for name in ("confusion", "unlabelled", "through_unknown")
        )
        return cls(confusion.sum(axis=(0, 1)), int(unlabelled.sum()), int(unknown.sum()))

    def __add__(self, other: Pixels) -> Pixels:
        return Pixels(
            self.confusion + other.confusion,
            self.unlabelled + other.unlabelled,
            self.through_unknown + other.through_unknown,
        )


@dataclass(frozen=True)
class ClassAgreement:
    """Of one class. None where there is nothing to judge."""

    iou: float | None
    """Pixels of the class that meet it, over those that have it, or meet it, or both."""
    precision: float | None
    """Of pixels that meet the class, the share that have it."""
    recall: float | None
    """Of pixels that have the class, the share that meet it."""
    labelled: int
    met: int


@dataclass(frozen=True)
class Agreement:
    """The ratios of some pixels. None where there is nothing to judge."""

    miou: float | None
    """Mean over classes that some judged pixel has."""
    agree: float | None
    """Share of judged pixels that meet their own class."""
    met: float | None
    """Share of labelled pixels that are judged."""
    through_unknown: float | None
    """Share of labelled pixels whose ray crosses unknown voxels first."""
    labelled: float | None
    """Share of pixels with a 2D label."""
    per_class: Mapping[str, ClassAgreement]
    """Classes that some judged pixel has or meets, in the taxonomy's order."""

    @classmethod
    def of(cls, pixels: Pixels, names: Sequence[str]) -> Agreement:
        """``names``: of the taxonomy's classes."""
        judged = pixels.confusion[:, :-1]
        hits, labelled, met = np.diag(judged), judged.sum(axis=1), judged[:, : len(names)].sum(axis=0)
        per_class = {
            name: ClassAgreement(
                _ratio(hit, has + meets - hit), _ratio(hit, meets), _ratio(hit, has), int(has), int(meets)
            )
            for name, hit, has, meets in zip(names, hits.tolist(), labelled.tolist(), met.tolist(), strict=True)
            if has or meets
        }
        ious = [found.iou or 0.0 for found in per_class.values() if found.labelled]
        total, asked = int(judged.sum()), int(pixels.confusion.sum())
        return cls(
            miou=_ratio(sum(ious), len(ious)),
            agree=_ratio(int(hits.sum()), total),
            met=_ratio(total, asked),
            through_unknown=_ratio(pixels.through_unknown, asked),
            labelled=_ratio(asked, asked + pixels.unlabelled),
            per_class=per_class,
        )

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return vars(self) | {"per_class": {name: dict(vars(found)) for name, found in self.per_class.items()}}


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def worst_image(consistency: ProductReader) -> tuple[int, int]:
    """Key frame and camera with the most judged pixels that meet another class than theirs.

    A count and not a share: an image of which five pixels are judged tells little.
    """
    judged = consistency.read("confusion")[..., :-1]
    agree = np.trace(judged[..., : judged.shape[2]], axis1=2, axis2=3)
    wrong = judged.sum(axis=(2, 3)) - agree
    frame, camera = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return int(frame), int(camera)
