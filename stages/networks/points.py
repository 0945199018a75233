"""A point cloud as a dense volume of features: the points of each cell through a small network, the largest of each channel kept.

After VoxelNet (Zhou and Tuzel 2018).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import Pyramid3d, ResidualEncoder3d
from .config import VoxDetConfig
from .outputs import Batch

_SPREAD = 2654435761
"""Odd, about 2**32 over the golden ratio: its multiples visit 2**32 numbers in an order without clumps (Knuth, 6.4)."""
_WIDTH = 64
_FEATURES = 11


def point_cells(points: Tensor, counts: Tensor, low: Tensor, size_m: float, shape: tuple[int, int, int]) -> Tensor:
    """(N,) int64: cell of each of ``points`` (N, 3+) in metres, B x X x Y x Z of them row by row; that number where outside.

    ``counts`` (B,): points of each frame; ``low`` (3,): the grid's lower corner. A cell's upper bound is the next one's. O(N).
    """
    x, y, z = shape
    frame = torch.repeat_interleave(
        torch.arange(len(counts), device=points.device), counts, output_size=points.shape[0]
    )
    index = ((points[:, :3] - low) / size_m).floor()
    inside = ((index >= 0) & (index < index.new_tensor(shape))).all(dim=1)
    i, j, k = index.where(inside[:, None], 0).long().unbind(dim=1)
    cells = ((frame * x + i) * y + j) * z + k
    return cells.where(inside, len(counts) * x * y * z)


def chosen(cells: Tensor, counts: Tensor, most: int) -> Tensor:
    """(N,) bool: at most ``most`` points of each of ``cells`` (N,), spread over each frame's order, the same every time.

    Which ones does not depend on the other frames. O(N log N).
    """
    order = torch.arange(len(cells), device=cells.device)
    first = torch.repeat_interleave(counts.cumsum(0) - counts, counts, output_size=len(cells))
    mixed = ((order - first) * _SPREAD & 0xFFFFFFFF).argsort(stable=True)
    sorted_by_cell = mixed[cells[mixed].argsort(stable=True)]
    own = cells[sorted_by_cell].contiguous()
    rank = order - torch.searchsorted(own, own)
    return torch.zeros_like(cells, dtype=torch.bool).scatter(0, sorted_by_cell, rank < most)


class PointEncoder(nn.Module):
    """Points to the volume V: features of points, their maximum in each cell, and a residual network on the dense grid.

    A point's features: offsets from its cell's middle and from the mean of the cell's points in cells, place in the grid from 0
    to 1, intensity, time. The released code gives the first, x, y and intensity. The paper's "3D ResNet-50" is told no further;
    here the same three residual levels as in the shared encoder and a pyramid back to the finest.
    """

    low: Tensor

    def __init__(self, config: VoxDetConfig) -> None:
        super().__init__()
        self.shape = config.volume_shape
        self.size_m = config.grid.voxel_m * config.volume_stride
        self.most = config.points_per_cell
        self.register_buffer("low", torch.tensor(config.grid.min_m, dtype=torch.float32), persistent=False)
        self.each = nn.Sequential(
            nn.Linear(_FEATURES, _WIDTH), nn.LayerNorm(_WIDTH), nn.ReLU(), nn.Linear(_WIDTH, config.channels), nn.ReLU()
        )
        self.trunk = ResidualEncoder3d(config.channels, config.groups, config.trunk_blocks, config.drop_path)
        self.pyramid = Pyramid3d(config.channels, config.groups, len(config.trunk_blocks))

    def forward(self, batch: Batch) -> Tensor:
        """(B, C, X, Y, Z) from ``points`` (N, 5) and ``point_counts`` (B,)."""
        return self.pyramid(self.trunk(self.scattered(batch["points"], batch["point_counts"])))

    def scattered(self, points: Tensor, counts: Tensor) -> Tensor:
        """(B, C, X, Y, Z): the largest value of each channel among a cell's points; 0 in cells without any."""
        total = len(counts) * self.shape[0] * self.shape[1] * self.shape[2]
        cells = point_cells(points, counts, self.low, self.size_m, self.shape)
        cells = cells.where(chosen(cells, counts, self.most), total)
        # Of points that are not looked at, one that is no number would make gradients none.
        features = self.each(self.features(points, cells, total).where((cells < total)[:, None], 0))
        # ReLU leaves nothing below the zeros that empty cells have.
        volume = features.new_zeros(total + 1, features.shape[1])
        volume = volume.scatter_reduce(0, cells[:, None].expand_as(features), features, "amax")
        return volume[:total].view(len(counts), *self.shape, -1).movedim(4, 1).contiguous()

    def features(self, points: Tensor, cells: Tensor, total: int) -> Tensor:
        """(N, 11) of ``points`` (N, 5) in ``cells`` (N,) out of ``total``."""
        place = (points[:, :3] - self.low) / self.size_m
        one = torch.cat([place, torch.ones_like(place[:, :1])], dim=1)
        sums = one.new_zeros(total + 1, 4).index_add(0, cells, one)[cells]
        mean = sums[:, :3] / sums[:, 3:]
        share = place / place.new_tensor(self.shape)
        return torch.cat([place - place.floor() - 0.5, place - mean, share, points[:, 3:5]], dim=1)
