"""VoxDet's task-decoupled dense predictor: offsets, and classes that look where the offsets lead (Sec. 4.3)."""

from __future__ import annotations

from torch import Tensor, nn

from .aggregation import InstanceAggregation, LearnedPlaces, border_places
from .blocks import ConvNorm3d, at_least_single, resized
from .config import VoxDetConfig


class Head(nn.Sequential):
    """Conv 3 x 3 x 3 to half the channels, GroupNorm, ReLU, Conv 1 x 1 x 1: (B, C, X, Y, Z) to (B, D, X, Y, Z)."""

    def __init__(self, channels: int, groups: int, outputs: int) -> None:
        super().__init__(
            ConvNorm3d(channels, channels // 2, 3, groups), nn.Conv3d(channels // 2, outputs, 1, bias=False)
        )


class TaskDecoupledPredictor(nn.Module):
    """Regresses offsets (Eq. 4), refines class features at the borders they tell (Eq. 6), and predicts classes.

    Offsets are not detached: what classes need moves them too.
    """

    def __init__(self, config: VoxDetConfig) -> None:
        super().__init__()
        self.config = config
        channels, groups = config.channels, config.groups
        self.offsets = Head(channels, groups, 6) if config.regression else None
        self.places = LearnedPlaces(channels) if config.aggregation == "learned" else None
        layers = 0 if config.aggregation == "none" else config.aggregation_layers
        self.layers = nn.ModuleList(
            InstanceAggregation(channels, groups, config.fusion, config.released_sampling) for _ in range(layers)
        )
        self.classes = Head(channels, groups, config.classes)

    def forward(self, classes: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor | None]:
        """V_cls and V_reg (B, C, X, Y, Z) to logits (B, K, X, Y, Z) and offsets (B, 6, x, y, z) in 0..1, coarser, or None."""
        coarse = self.config.offset_shape
        regressed = None if self.offsets is None else at_least_single(resized(self.offsets(offsets), coarse)).sigmoid()
        places = None
        if self.places is not None:
            places = self.places(resized(classes, coarse))
        elif regressed is not None:
            places = border_places(regressed, self.config.offset_scale)
        for layer in self.layers:
            classes = layer(classes, places)
        return self.classes(classes), regressed
