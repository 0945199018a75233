"""What 3D networks here are made of: convolution with group normalisation, residual levels, a feature pyramid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def resized(volume: Tensor, shape: Sequence[int]) -> Tensor:
    """(B, C, *shape): a volume (B, C, X, Y, Z), trilinear; cells of both cover the same space."""
    return functional.interpolate(volume, size=tuple(shape), mode="trilinear", align_corners=False)


def at_least_single(tensor: Tensor) -> Tensor:
    """In float32 where autocast made it shorter: eight bits do not tell places in a grid apart, nor sums over one."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


class ConvNorm3d(nn.Sequential):
    """Convolution without bias, group normalisation and, unless ``active`` is False, ReLU: (B, C, X, Y, Z) to (B, D, ...)."""

    def __init__(self, inputs: int, outputs: int, size: int, groups: int, stride: int = 1, active: bool = True) -> None:
        layers: list[nn.Module] = [
            nn.Conv3d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.GroupNorm(groups, outputs),
        ]
        super().__init__(*layers, *([nn.ReLU()] if active else []))


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): in training a frame's branch is left out with probability ``rate``, else scaled up."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """The same shape as ``branch`` (B, ...)."""
        if not self.training or not self.rate:
            return branch
        keep = branch.new_empty(branch.shape[0], *[1] * (branch.ndim - 1)).bernoulli_(1 - self.rate)
        return branch * keep / (1 - self.rate)


class ResidualBlock3d(nn.Module):
    """ReLU(x + conv(conv(x))), 3 x 3 x 3 (He et al. 2016). ``resample``: x goes through a convolution of its own, with ``stride``."""

    def __init__(self, channels: int, groups: int, stride: int = 1, resample: bool = False, drop: float = 0.0) -> None:
        super().__init__()
        self.past = nn.Conv3d(channels, channels, 3, stride, 1, bias=False) if resample else nn.Identity()
        self.first = ConvNorm3d(channels, channels, 3, groups, stride)
        self.second = ConvNorm3d(channels, channels, 3, groups, active=False)
        self.drop = DropPath(drop)

    def forward(self, volume: Tensor) -> Tensor:
        """(B, C, X, Y, Z) to (B, C, X / stride, ...), rounded up."""
        return torch.relu(self.past(volume) + self.drop(self.second(self.first(volume))))


class ResidualEncoder3d(nn.Module):
    """Levels of residual blocks, each level after the first half as fine as the one before."""

    def __init__(self, channels: int, groups: int, blocks: Sequence[int], drop: float = 0.0) -> None:
        super().__init__()
        rates = [drop * i / max(sum(blocks) - 1, 1) for i in range(sum(blocks))]
        self.levels = nn.ModuleList()
        for level, count in enumerate(blocks):
            some = [rates.pop(0) for _ in range(count)]
            first = ResidualBlock3d(channels, groups, stride=2 if level else 1, resample=True, drop=some[0])
            self.levels.append(nn.Sequential(first, *(ResidualBlock3d(channels, groups, drop=r) for r in some[1:])))

    def forward(self, volume: Tensor) -> list[Tensor]:
        """(B, C, X, Y, Z) to as many volumes as there are levels, the finest first."""
        found: list[Tensor] = []
        for level in self.levels:
            volume = level(volume)
            found.append(volume)
        return found


class Pyramid3d(nn.Module):
    """Carries coarse levels into fine ones (Lin et al. 2017), by concatenation and two convolutions a level, as VoxDet does."""

    def __init__(self, channels: int, groups: int, levels: int) -> None:
        super().__init__()
        self.merges = nn.ModuleList(
            nn.Sequential(
                ConvNorm3d(2 * channels, channels, 1, groups),
                ConvNorm3d(channels, channels, 3, groups),
            )
            for _ in range(levels - 1)
        )

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Volumes (B, C, ...), the finest first, to one of the finest's shape."""
        volume = levels[-1]
        for finer, merge in zip(levels[-2::-1], self.merges, strict=True):
            volume = merge(torch.cat([finer, resized(volume, finer.shape[2:])], dim=1))
        return volume
