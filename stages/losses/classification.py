"""Losses on classes of voxels: weighted cross-entropy, and MonoScene's affinity losses (VoxDet, Eq. 7)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ...schemas.taxonomy import NO_LABEL

_EPSILON = 1e-5


def class_weights(voxels: Sequence[int]) -> list[float]:
    """1 / ln(f + 0.001) of each class's number of ``voxels`` f in the training set (LMSCNet, Roldao et al. 2020).

    The formula is for large f: below e it would grow without bound and turn negative, so f counts as e at least. Classes
    without a voxel weigh nothing.
    """
    return [1 / math.log(max(f, math.e) + 0.001) if f else 0.0 for f in voxels]


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean of -log p(label) over voxels that are not 255, each with its class's share of ``weights`` (K,); 0 of no voxel.

    ``logits`` (B, K, X, Y, Z); ``labels`` (B, X, Y, Z) int64.
    """
    total = functional.cross_entropy(logits, labels, weights, ignore_index=NO_LABEL, reduction="sum")
    valid = labels != NO_LABEL
    weighed = valid if weights is None else weights[labels.where(valid, 0)] * valid
    return total / weighed.sum().clamp(min=torch.finfo(total.dtype).tiny)


def semantic_affinity(probabilities: Tensor, labels: Tensor) -> Tensor:
    """-log of precision, recall and specificity of each class, summed; mean over classes that ``labels`` have, free too.

    ``probabilities`` (B, K, X, Y, Z), ``labels`` (B, X, Y, Z) int64, 255 left out (Cao and de Charette 2022, Eq. 5 and 6:
    ``sem_scal``). Over the whole batch. A class that fills it has no specificity. 0 where all is ignored.
    """
    classes = probabilities.shape[1]
    valid = labels != NO_LABEL
    of = labels.where(valid, 0)
    own = (probabilities.gather(1, of.unsqueeze(1)).squeeze(1) * valid).flatten()
    hit = own.new_zeros(classes).index_add(0, of.flatten(), own)
    count = own.new_zeros(classes).index_add(0, of.flatten(), valid.flatten().to(own.dtype))
    total = (probabilities * valid.unsqueeze(1)).sum(dim=(0, 2, 3, 4))
    others = valid.sum() - count
    terms = _cost(hit, total) + _cost(hit, count) + _cost(others - (total - hit), others)
    present = count > 0
    return terms.where(present, 0).sum() / present.sum().clamp(min=1)


def geometric_affinity(probabilities: Tensor, labels: Tensor, free: int) -> Tensor:
    """-log of precision, recall and specificity of "not ``free``", summed (MonoScene's ``geo_scal``); shapes as above.

    VoxDet's code adds 1e-5 to the three denominators, in voxels; so does this. Precision and recall are left out where nothing
    is taken, specificity where nothing is free: there the released code adds constants.
    """
    valid = labels != NO_LABEL
    empty = probabilities[:, free]
    taken = ((labels != free) & valid).to(empty.dtype)
    open_ = ((labels == free) & valid).to(empty.dtype)
    hit, count, free_count = ((1 - empty) * taken).sum(), taken.sum(), open_.sum()
    claimed = ((1 - empty) * valid).sum()
    positive = _cost(hit, claimed + _EPSILON) + _cost(hit, count + _EPSILON)
    negative = _cost((empty * open_).sum(), free_count + _EPSILON)
    return positive.where(count > 0, 0) + negative.where(free_count > 0, 0)


def _cost(part: Tensor, whole: Tensor) -> Tensor:
    """-log(part / whole), 0 where the whole is; at most what the dtype's smallest number costs, where a logarithm has no end."""
    some = whole > 0
    share = part.where(some, 1) / whole.where(some, 1)
    return -share.clamp(min=torch.finfo(share.dtype).tiny).log()
