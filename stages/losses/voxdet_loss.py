"""What VoxDet is trained to make small, from labels alone (Eq. 5, 7 and 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from ...schemas.taxonomy import NO_LABEL
from ..networks.blocks import at_least_single
from ..networks.outputs import Outputs
from .classification import cross_entropy, geometric_affinity, semantic_affinity
from .offset_targets import normalised, offset_targets
from .regression import Reduction, offset_loss


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Weights and choices of :class:`VoxDetLoss`. The defaults are the paper's. Raises ValueError for what cannot be."""

    classes: int
    """K: logits per voxel, free space among them."""
    free: int = 0
    """Which of them is free space."""
    class_weights: tuple[float, ...] | None = None
    """Of cross-entropy, K of them; see :func:`~occ_pipeline.stages.losses.classification.class_weights`. None: all 1."""
    cross_entropy: float = 1.0
    """Weight of cross-entropy."""
    semantic: float = 1.0
    """Weight of semantic affinity."""
    geometric: float = 1.0
    """Weight of geometric affinity."""
    regression: float = 1.0
    """Lambda_reg (Table 12)."""
    auxiliary: float = 0.2
    """Lambda of Eq. 8 (Table 11): of the three terms on the auxiliary logits, each weighing 1 there."""
    reduction: Reduction = "masked"
    """How the L1 loss is averaged; ``released`` as in the released code."""
    regressed: tuple[int, ...] | None = None
    """Classes whose offsets are regressed (Table 8), all of them by default."""

    def __post_init__(self) -> None:
        if self.classes < 2 or not 0 <= self.free < self.classes:
            raise ValueError(f"free must be one of at least 2 classes, found {self.free} of {self.classes}")
        if self.class_weights is not None and len(self.class_weights) != self.classes:
            raise ValueError(f"there must be {self.classes} class weights, found {len(self.class_weights)}")
        if min(self.class_weights or (0,)) < 0:
            raise ValueError(f"class weights must not be negative, found {self.class_weights}")
        factors = (self.cross_entropy, self.semantic, self.geometric, self.regression, self.auxiliary)
        if min(factors) < 0:
            raise ValueError(f"weights of terms must not be negative, found {factors}")
        if self.regressed is not None and not set(self.regressed) <= set(range(self.classes)):
            raise ValueError(f"regressed classes must be 0 to {self.classes - 1}, found {self.regressed}")

    @classmethod
    def published(cls, of: Literal["lidar", "camera", "kitti360"], class_weights: tuple[float, ...]) -> LossConfig:
        """What the released configurations train with: SemanticKITTI by either sensor, or KITTI-360 by camera."""
        kitti = cls(classes=len(class_weights), class_weights=class_weights, reduction="released", cross_entropy=3.0)
        if of == "lidar":
            return replace(kitti, geometric=5.0, auxiliary=0.5)
        return replace(kitti, cross_entropy=4.0, semantic=4.0, geometric=4.0) if of == "kitti360" else kitti


class Losses(NamedTuple):
    """Scalars. ``terms`` are weighed already: they add up to ``total``."""

    total: Tensor
    terms: Mapping[str, Tensor]


class VoxDetLoss(nn.Module):
    """Classification, regression and auxiliary loss of a network's outputs against labels."""

    weights: Tensor | None
    is_regressed: Tensor

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config
        weights = None if config.class_weights is None else torch.tensor(config.class_weights, dtype=torch.float32)
        self.register_buffer("weights", weights, persistent=False)
        chosen = torch.zeros(256, dtype=torch.bool)
        chosen[list(range(config.classes) if config.regressed is None else config.regressed)] = True
        self.register_buffer("is_regressed", chosen, persistent=False)

    def forward(
        self, outputs: Outputs, labels: Tensor, offsets: Tensor | None = None, run_labels: Tensor | None = None
    ) -> Losses:
        """``labels`` (B, X, Y, Z), integers 0 to K - 1 or 255: ignored.

        ``offsets`` (B, 6, x, y, z), voxels: targets as the store keeps them, sampled as coarsely as the network predicts. Without
        them they are made from ``run_labels`` (B, X, Y, Z), by default ``labels``; the released code trains classes on cleaned
        labels and offsets on uncleaned ones. Raises ValueError where shapes do not go together.
        """
        labels = labels.long()
        if outputs.logits.shape[2:] != labels.shape[1:]:
            raise ValueError(
                f"logits are of {tuple(outputs.logits.shape[2:])} voxels, labels of {tuple(labels.shape[1:])}"
            )
        c = self.config
        terms = {
            name: factor * term
            for (name, term), factor in zip(
                self._classification(outputs.logits, labels).items(),
                (c.cross_entropy, c.semantic, c.geometric),
                strict=True,
            )
        }
        if outputs.offsets is not None:
            terms["regression"] = c.regression * self._regression(outputs.offsets, labels, offsets, run_labels)
        if outputs.auxiliary is not None:
            auxiliary = self._classification(outputs.auxiliary, labels)
            terms |= {f"auxiliary_{name}": c.auxiliary * term for name, term in auxiliary.items()}
        return Losses(torch.stack(list(terms.values())).sum(), terms)

    def _classification(self, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = at_least_single(logits)
        probabilities = logits.softmax(dim=1)
        weights = None if self.weights is None else self.weights.to(logits.dtype)
        return {
            "cross_entropy": cross_entropy(logits, labels, weights),
            "semantic": semantic_affinity(probabilities, labels),
            "geometric": geometric_affinity(probabilities, labels, self.config.free),
        }

    def _regression(
        self, predicted: Tensor, labels: Tensor, offsets: Tensor | None, run_labels: Tensor | None
    ) -> Tensor:
        x, y, z = labels.shape[1:]
        stride = -(-x // predicted.shape[2])
        if offsets is None:
            offsets = offset_targets(labels if run_labels is None else run_labels, stride)
        if offsets.shape != predicted.shape:
            raise ValueError(
                f"offsets are predicted at {tuple(predicted.shape)}, targets given at {tuple(offsets.shape)}"
            )
        at = labels[:, ::stride, ::stride, ::stride]
        predicted = at_least_single(predicted)
        target = normalised(offsets, (x, y, z)).to(predicted.dtype)
        return offset_loss(predicted, target, self.is_regressed[at], at != NO_LABEL, self.config.reduction)
