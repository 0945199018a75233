"""Features of one task from shared ones, in the three planes of a volume (VoxDet, Sec. 4.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import ConvNorm3d
from .deformable import DeformableConv2d

_AXES = (4, 2, 3)
"""Of (B, C, X, Y, Z): what is summed over for planes xy, yz, xz, in the order of the released weights' channels."""


def project(volume: Tensor, scores: Tensor) -> list[Tensor]:
    """Planes xy (B, C, X, Y), yz (B, C, Y, Z) and xz (B, C, X, Z) of ``volume`` (B, C, X, Y, Z): Eq. 1.

    ``scores`` (B, 3, X, Y, Z): softmax of a plane's scores along the axis that it lacks weighs the cells that are summed.
    """
    return [(volume * scores[:, i : i + 1].softmax(dim=axis)).sum(dim=axis) for i, axis in enumerate(_AXES)]


class PlaneDecoupling(nn.Module):
    """What a task takes from a shared volume: planes (Eq. 1), refined (Eq. 2), deformed (Eq. 3), and laid back onto the volume.

    Every task weighs cells for itself, as in the released code; Eq. 2 writes one projection for both. ``learned``: weights of
    Eq. 1, else the mean. ``deformable``: Eq. 3, else plain convolutions (Table 5).
    """

    def __init__(self, channels: int, groups: int, learned: bool = True, deformable: bool = True) -> None:
        super().__init__()
        self.scores = nn.Conv3d(channels, 3, 1, bias=False) if learned else None
        self.planes = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 1),
                nn.ReLU(),
                DeformableConv2d(channels, channels)
                if deformable
                else nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                nn.GroupNorm(groups, channels),
                nn.ReLU(),
            )
            for _ in _AXES
        )
        self.fuse = ConvNorm3d(channels, channels, 1, groups)

    def forward(self, volume: Tensor) -> Tensor:
        """(B, C, X, Y, Z) to the same."""
        scores = self.scores(volume) if self.scores is not None else torch.zeros_like(volume[:, :3])
        planes = project(volume, scores)
        laid = [plane.unsqueeze(axis) for plane, axis in zip(self._refined(planes), _AXES, strict=True)]
        return volume + self.fuse(laid[0] + laid[1] + laid[2])

    def _refined(self, planes: list[Tensor]) -> list[Tensor]:
        return [refine(plane) for refine, plane in zip(self.planes, planes, strict=True)]
