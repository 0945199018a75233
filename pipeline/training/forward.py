"""A trained network's word on each voxel, and how sure of it it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ...schemas.errors import ComputeError, UsageError
from ...stages.networks.outputs import Outputs

Precision = Literal["float32", "bfloat16"]
_OF_LABELS = frozenset({"labels", "state", "offsets"})
"""Keys of a training batch that a network must do without where there are no labels."""


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """The context of a network's forward pass."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")


def logits_of(network: nn.Module, batch: Mapping[str, Any], precision: Precision) -> Tensor:
    """(B, K, X, Y, Z): what a network in evaluation mode says of a batch, without gradients."""
    device = next(value for value in batch.values() if isinstance(value, Tensor)).device
    with torch.no_grad(), autocast(device, precision):
        return Outputs(*network(batch)).logits


def chosen(
    network: nn.Module, batch: Mapping[str, Any], shape: tuple[int, int, int, int], precision: Precision
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Classes (B, X, Y, Z) uint8 with the largest logits, and their probabilities times 255, the same shape, uint8, 1 at least.

    ``shape``: classes, X, Y, Z. Raises UsageError for a network that gives others, or reads labels; ComputeError where its logits
    are no numbers. O(logits).
    """
    try:
        logits = logits_of(network, batch, precision)
    except KeyError as error:
        if error.args[0] not in _OF_LABELS:
            raise
        raise UsageError(
            "the network reads what only labelled key frames have", found=f"batch[{error.args[0]!r}]",
            expected="points, images and poses", fix="change it: what predicts must do without labels",
        ) from error  # fmt: skip
    wanted = (len(batch["frame"]), *shape)
    if tuple(logits.shape) != wanted:
        raise UsageError(
            "the network's logits have another shape", found=str(tuple(logits.shape)),
            expected=f"{wanted}: key frames, classes, X, Y, Z", fix="correct its forward",
        )  # fmt: skip
    classes = logits.argmax(dim=1)
    largest = logits.gather(1, classes[:, None])[:, 0].float()
    probability = (largest - logits.float().logsumexp(dim=1)).exp()
    if not bool(probability.isfinite().all()):
        raise ComputeError(
            "the network's logits are no numbers", frame=batch["frame"][0], expected="finite logits",
            fix="take another checkpoint, or predict in float32",
        )  # fmt: skip
    return classes.to(torch.uint8), (probability * 255).round().clamp(1, 255).to(torch.uint8)
