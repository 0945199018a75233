"""Deformable 2D convolution (Dai et al. 2017): each tap of the kernel reads where the features themselves say."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .blocks import at_least_single


def deformable_convolution(features: Tensor, offsets: Tensor, weight: Tensor) -> Tensor:
    """(B, D, H, W): ``features`` (B, C, H, W) under a kernel ``weight`` (D, C, k, k), k odd, of displaced taps; stride 1.

    ``offsets`` (B, 2 k k, H, W), pixels: down and right of each tap, row by row of the kernel, as torchvision's
    ``deform_conv2d`` takes them. Reads are bilinear, and zero outside. O(B H W C k k (4 + D)).
    """
    batch, channels, height, width = features.shape
    outputs, _, k, _ = weight.shape
    tap = torch.arange(k, device=offsets.device, dtype=offsets.dtype) - k // 2
    rows = torch.arange(height, device=offsets.device, dtype=offsets.dtype)
    columns = torch.arange(width, device=offsets.device, dtype=offsets.dtype)
    moved = offsets.view(batch, k, k, 2, height, width)
    y = moved[:, :, :, 0] + tap[:, None, None, None] + rows[:, None]
    x = moved[:, :, :, 1] + tap[:, None, None] + columns
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    read = functional.grid_sample(
        features, grid.view(batch, k * k * height, width, 2), padding_mode="zeros", align_corners=False
    )
    taps = read.view(batch, channels * k * k, height * width)
    return (weight.reshape(outputs, channels * k * k) @ taps).view(batch, outputs, height, width)


class DeformableConv2d(nn.Module):
    """Deformable convolution whose offsets a plain convolution of the same features gives. Begins as a plain convolution."""

    def __init__(self, inputs: int, outputs: int, size: int = 3) -> None:
        super().__init__()
        kept = nn.Conv2d(inputs, outputs, size, bias=False)
        self.weight = kept.weight
        self.offsets = nn.Conv2d(inputs, 2 * size * size, size, padding=size // 2)
        nn.init.zeros_(self.offsets.weight)
        assert self.offsets.bias is not None
        nn.init.zeros_(self.offsets.bias)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D, H, W)."""
        return deformable_convolution(features, at_least_single(self.offsets(features)), self.weight)
