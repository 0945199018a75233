"""How well predicted voxels match true ones: counts that add up over frames, and the ratios made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..schemas.taxonomy import NO_LABEL, UNLABELED

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

UNCLASSED = 254
"""In a reference's class ids: occupied, but of no class, so that occupancy alone is judged there."""


@dataclass(frozen=True)
class Predicted:
    """A frame's predicted voxels, (M,) each."""

    occupied: Bool
    """bool: predicted at all, as any kind of body."""
    claimed: Bool
    """bool: predicted as what is being judged; a part of ``occupied``, or the same."""
    classes: UInt8
    """uint8: class id where occupied, 255 without."""

    def some(self, chosen: Bool) -> Predicted:
        """Those of ``chosen``, (M,) bool."""
        return Predicted(self.occupied[chosen], self.claimed[chosen], self.classes[chosen])


@dataclass(frozen=True)
class Tally:
    """Numbers of voxels. ``counts``: (1 + classes, 5) int64, row 0 for occupancy, then one row a class.

    Columns: predicted; true; seen true; predicted and true; seen true and predicted as anything.
    """

    counts: NDArray[np.int64]
    frames: int

    @classmethod
    def none(cls, classes: int) -> Tally:
        """Of no frame."""
        return cls(np.zeros((1 + classes, 5), dtype=np.int64), 0)

    @classmethod
    def of(cls, predicted: Predicted, true: UInt8, seen: Bool, classes: int) -> Tally:
        """Of one frame. ``true``: (M,) uint8 class id, 255 where nothing is, :data:`UNCLASSED`; ``seen``: (M,) bool."""
        is_true = true != NO_LABEL
        seen = seen & is_true
        same = predicted.classes == true
        claimed, found = predicted.claimed, predicted.occupied & seen
        rows = [
            (claimed, predicted.classes),
            (is_true, true),
            (seen, true),
            (claimed & is_true & same, true),
            (found & same, true),
        ]
        totals = (claimed, is_true, seen, claimed & is_true, found)
        counts = np.empty((1 + classes, 5), dtype=np.int64)
        for column, ((chosen, ids), total) in enumerate(zip(rows, totals, strict=True)):
            counts[0, column] = np.count_nonzero(total)
            counts[1:, column] = np.bincount(ids[chosen], minlength=256)[:classes]
        return cls(counts, 1)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.counts + other.counts, self.frames + other.frames)


@dataclass(frozen=True)
class ClassScore:
    """Ratios of one class, or of occupancy. None where there is nothing to judge: nothing seen, nothing predicted."""

    iou: float | None
    precision: float | None
    recall: float | None
    predicted: int
    true: int
    seen: int

    @classmethod
    def of(cls, row: NDArray[np.int64]) -> ClassScore:
        """From a row of a tally: iou = hit / (hit + false + missed), over true voxels for what is predicted, over seen ones for what is missed."""
        predicted, true, seen, hit, found = (int(n) for n in row)
        judged = predicted + seen - found
        # Seen voxels of a moving body may all be predicted, but all as another kind of body: a failure, not a blank.
        iou = hit / judged if judged else (0.0 if seen else None)
        return cls(iou, hit / predicted if predicted else None, found / seen if seen else None, predicted, true, seen)

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return dict(vars(self))


@dataclass(frozen=True)
class Score:
    """Ratios of one set of frames."""

    occupancy: ClassScore
    miou: float | None
    """Mean over classes; None without any."""
    per_class: Mapping[str, ClassScore]
    """Classes that are predicted or true anywhere, in the taxonomy's order; surfaces without a class count as occupancy only."""
    frames: int

    @classmethod
    def of(cls, tally: Tally, names: Sequence[str], *, predicted_only: bool = False) -> Score:
        """The ratios of a tally. ``names``: of its classes.

        The mean is over classes with seen voxels. ``predicted_only``: and over those that are predicted and nowhere true, whose
        IoU is 0, as benchmarks have it.
        """
        rows = {name: row for name, row in zip(names, tally.counts[1:], strict=True) if name != UNLABELED}
        per_class = {name: ClassScore.of(row) for name, row in rows.items() if row.any()}
        judged = [
            score.iou or 0.0 for score in per_class.values() if score.seen or (predicted_only and score.predicted)
        ]
        return cls(
            ClassScore.of(tally.counts[0]), sum(judged) / len(judged) if judged else None, per_class, tally.frames
        )

    def to_json(self) -> dict[str, Any]:
        """``iou``, ``miou``, ``precision``, ``recall``, numbers of voxels, ``frames`` and ``per_class``."""
        whole = self.occupancy.to_json()
        per_class = {name: score.to_json() for name, score in self.per_class.items()}
        return {"iou": whole.pop("iou"), "miou": self.miou, **whole, "frames": self.frames, "per_class": per_class}
