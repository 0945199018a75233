"""Instance-level aggregation: each voxel asks the ends of its instance what it is (VoxDet, Eq. 6)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from .blocks import ConvNorm3d, at_least_single, resized

PLACES = 6
"""Looked at by each cell: one in each direction."""


def cell_indices(like: Tensor) -> Tensor:
    """(3, X, Y, Z): each cell's own index along x, y, z, for a tensor (..., X, Y, Z), in its dtype."""
    axes = [torch.arange(n, device=like.device, dtype=like.dtype) for n in like.shape[-3:]]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def border_places(offsets: Tensor, scale: float = 1.0) -> Tensor:
    """(B, 6, 3, X, Y, Z), cells: where the six ``offsets`` (B, 6, X, Y, Z) of each cell lead, one coordinate moved each.

    Offsets are shares of the grid; as in the released code the whole of it is from the first cell's index to the last's.
    Places beyond the grid are at its border. ``scale``: alpha of Fig. 5.
    """
    shape = offsets.shape[2:]
    last = offsets.new_tensor([n - 1 for n in shape])
    steps = offsets.new_zeros(PLACES, 3)
    for direction in range(PLACES):
        steps[direction, direction // 2] = scale * (1 - 2 * (direction % 2))
    moved = offsets.unsqueeze(2) * (steps * last).view(1, PLACES, 3, 1, 1, 1)
    return _within(cell_indices(offsets) + moved)


def _within(places: Tensor) -> Tensor:
    last = places.new_tensor([n - 1 for n in places.shape[3:]]).view(3, 1, 1, 1)
    return torch.minimum(places.clamp(min=0), last)


def look_at(volume: Tensor, places: Tensor, released: bool = False) -> Tensor:
    """(B, C, P, X, Y, Z): ``volume`` (B, C, X, Y, Z), trilinear, at ``places`` (B, P, 3, X, Y, Z), cells along x, y, z.

    ``released``: what VoxDet's code reads instead. It hands (x, y, z) to a function that takes (z, y, x), and scales them for
    corners at -1 and 1 where that function takes cells' outer faces to be there, with zeros beyond.
    """
    batch, count, _, *shape = places.shape
    sizes = places.new_tensor(shape).view(3, 1, 1, 1)
    grid = 2 * places / (sizes - 1).clamp(min=1) - 1 if released else ((2 * places + 1) / sizes - 1).flip(2)
    rows = grid.permute(0, 1, 3, 4, 5, 2).reshape(batch, count * shape[0], shape[1], shape[2], 3)
    padding = "zeros" if released else "border"
    read = functional.grid_sample(volume, rows, padding_mode=padding, align_corners=False)
    return read.view(batch, volume.shape[1], count, *shape)


class LearnedPlaces(nn.Module):
    """Six places of each cell, learned from its features alone: deformable self-attention (Table 5). Begins with neighbours."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shifts = nn.Conv3d(channels, 3 * PLACES, 1)
        nn.init.zeros_(self.shifts.weight)
        first = torch.zeros(PLACES, 3)
        for direction in range(PLACES):
            first[direction, direction // 2] = 1 - 2 * (direction % 2)
        with torch.no_grad():
            assert self.shifts.bias is not None
            self.shifts.bias.copy_(first.flatten())

    def forward(self, volume: Tensor) -> Tensor:
        """(B, C, X, Y, Z) to places (B, 6, 3, X, Y, Z)."""
        batch, _, *shape = volume.shape
        shifts = at_least_single(self.shifts(volume)).view(batch, PLACES, 3, *shape)
        return _within(cell_indices(shifts) + shifts)


class InstanceAggregation(nn.Module):
    """One layer: Norm(W(sum of weighted values at six places, fine again, + x)).

    Queries, keys and values are normalised and the sum goes through a convolution, as in the released code; Eq. 6 has neither.
    ``weights``: the places are weighed from the voxel alone, without keys (Table 5).
    """

    def __init__(
        self, channels: int, groups: int, fusion: Literal["attention", "weights"] = "attention", released: bool = False
    ) -> None:
        super().__init__()
        self.released = released
        self.values = ConvNorm3d(channels, channels, 1, groups, active=False)
        attentive = fusion == "attention"
        self.queries = ConvNorm3d(channels, channels, 1, groups, active=False) if attentive else None
        self.keys = ConvNorm3d(channels, channels, 1, groups, active=False) if attentive else None
        self.weights = None if attentive else nn.Conv3d(channels, PLACES, 1)
        self.out = ConvNorm3d(channels, channels, 1, groups, active=False)

    def forward(self, volume: Tensor, places: Tensor) -> Tensor:
        """``volume`` (B, C, X, Y, Z) and ``places`` (B, 6, 3, x, y, z), cells of the coarser grid, to the shape of ``volume``."""
        coarse = resized(volume, places.shape[3:])
        values = look_at(self.values(coarse), places, self.released)
        weights = self._scores(coarse, places).softmax(dim=1).unsqueeze(1)
        return self.out(resized((weights * values).sum(dim=2), volume.shape[2:]) + volume)

    def _scores(self, coarse: Tensor, places: Tensor) -> Tensor:
        if self.queries is None or self.keys is None:
            assert self.weights is not None
            return self.weights(coarse)
        keys = look_at(self.keys(coarse), places, self.released)
        return (self.queries(coarse).unsqueeze(2) * keys).sum(dim=1) / math.sqrt(coarse.shape[1])
