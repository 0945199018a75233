"""Loss on offsets: L1 (VoxDet, Eq. 5)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

Reduction = Literal["masked", "released"]


def offset_loss(
    predicted: Tensor, target: Tensor, regressed: Tensor, valid: Tensor, reduction: Reduction = "masked"
) -> Tensor:
    """Half the sum over six directions of abs(predicted - target), its mean over voxels; 0 of none.

    ``predicted``, ``target`` (B, 6, x, y, z) in 0..1. ``regressed`` (B, x, y, z) bool: of a class that is regressed;
    ``valid`` (B, x, y, z) bool: not ignored. ``masked``: over voxels that are both. ``released``: what the released code comes
    to, the sum over ``regressed`` voxels, ignored ones among them, over the number of valid ones. The two are equal where
    nothing is ignored.
    """
    kept = regressed & valid
    differences = (predicted - target).abs().sum(dim=1)
    summed = differences * (kept if reduction == "masked" else regressed | ~valid)
    counted = kept if reduction == "masked" else valid
    return summed.sum() / (2 * counted.sum()).clamp(min=1)
