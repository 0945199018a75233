"""How well predicted voxels match labels: a confusion matrix that adds up over batches, and the ratios made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from ..schemas.taxonomy import NO_LABEL


@dataclass(frozen=True)
class Ratios:
    """None where there is nothing to judge."""

    iou: float | None
    """Occupied voxels predicted as such, over those that are, or are predicted, occupied (completion)."""
    miou: float | None
    """Mean over classes but free space that a label or a prediction has."""
    per_class: tuple[float | None, ...]
    """IoU of each of K classes."""
    precision: float | None
    """Of voxels predicted occupied, the share that is."""
    recall: float | None
    """Of occupied voxels, the share predicted occupied."""
    voxels: int
    """Judged."""


class Confusion:
    """Counts of voxels by label and prediction, exact; kept on the device of what is added, and added up over batches."""

    def __init__(self, classes: int, free: int = 0) -> None:
        """``classes``: K, 2 to 254, ``free`` one of them. Raises ValueError for others."""
        if not 2 <= classes < NO_LABEL or not 0 <= free < classes:
            raise ValueError(f"free must be one of 2 to 254 classes, found {free} of {classes}")
        self.classes, self.free = classes, free
        self.counts = torch.zeros(classes, classes, dtype=torch.int64)
        """(K, K) int64: labels down, predictions across."""

    def add(self, predicted: Tensor, labels: Tensor, mask: Tensor | None = None) -> None:
        """Counts voxels of ``predicted`` and ``labels``, integers 0 to K - 1 of one shape.

        Left out: ``labels`` 255, and where ``mask`` (the same shape, bool or 0 and 1) is not set. Raises ValueError for others.
        """
        if predicted.shape != labels.shape or (mask is not None and mask.shape != labels.shape):
            shapes = [tuple(t.shape) for t in (predicted, labels, *([] if mask is None else [mask]))]
            raise ValueError(f"predictions, labels and mask must have one shape, found {shapes}")
        judged = labels != NO_LABEL if mask is None else (labels != NO_LABEL) & mask.bool()
        of, as_ = labels[judged].long(), predicted[judged].long()
        for name, found in (("labels", of), ("predictions", as_)):
            if found.numel() and not 0 <= int(found.min()) <= int(found.max()) < self.classes:
                raise ValueError(
                    f"{name} must be 0 to {self.classes - 1}, found {int(found.min())} to {int(found.max())}"
                )
        counted = torch.bincount(of * self.classes + as_, minlength=self.classes**2).view(self.classes, -1)
        self.counts = self.counts.to(counted.device) + counted

    def ratios(self) -> Ratios:
        """Of all that was added."""
        counts = cast("list[list[int]]", self.counts.tolist())
        labelled, met = [sum(row) for row in counts], [sum(column) for column in zip(*counts, strict=True)]
        per_class = tuple(_ratio(counts[c][c], labelled[c] + met[c] - counts[c][c]) for c in range(self.classes))
        judged = [iou for c, iou in enumerate(per_class) if c != self.free and iou is not None]
        total = sum(labelled)
        is_, claimed = total - labelled[self.free], total - met[self.free]
        either = total - counts[self.free][self.free]
        hit = is_ + claimed - either
        return Ratios(
            iou=_ratio(hit, either),
            miou=_ratio(sum(judged), len(judged)),
            per_class=per_class,
            precision=_ratio(hit, claimed),
            recall=_ratio(hit, is_),
            voxels=total,
        )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
