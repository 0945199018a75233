"""Levels and their pyramid, restated with plain calls."""

from __future__ import annotations

import torch
from occ_pipeline.stages.networks.blocks import Pyramid3d, ResidualBlock3d, ResidualEncoder3d, resized
from torch.nn import functional


def test_a_residual_block_as_defined() -> None:
    torch.manual_seed(0)
    volume = torch.rand(1, 4, 5, 4, 3)
    for stride, resample in ((1, False), (2, True)):
        block = ResidualBlock3d(4, 2, stride, resample)
        first, second = block.first[0].weight, block.second[0].weight
        own = torch.relu(functional.group_norm(functional.conv3d(volume, first, stride=stride, padding=1), 2))
        own = functional.group_norm(functional.conv3d(own, second, padding=1), 2)
        past = functional.conv3d(volume, block.past.weight, stride=stride, padding=1) if resample else volume
        assert torch.allclose(block(volume), torch.relu(past + own), atol=1e-6)


def test_each_level_is_half_as_fine() -> None:
    levels = ResidualEncoder3d(4, 2, (1, 2, 1))(torch.rand(2, 4, 10, 6, 3))
    assert [tuple(level.shape) for level in levels] == [(2, 4, 10, 6, 3), (2, 4, 5, 3, 2), (2, 4, 3, 2, 1)]


def test_coarse_levels_go_into_fine_ones() -> None:
    torch.manual_seed(0)
    levels = [torch.rand(1, 4, 8, 6, 4), torch.rand(1, 4, 4, 3, 2), torch.rand(1, 4, 2, 2, 1)]
    pyramid = Pyramid3d(4, 2, 3)
    middle = pyramid.merges[0](torch.cat([levels[1], resized(levels[2], (4, 3, 2))], dim=1))
    want = pyramid.merges[1](torch.cat([levels[0], resized(middle, (8, 6, 4))], dim=1))
    assert torch.equal(pyramid(levels), want)


def test_resized_cells_cover_the_same_space() -> None:
    volume = torch.rand(1, 1, 4, 6, 2)
    half = resized(volume, (2, 3, 1))
    assert torch.allclose(half, functional.avg_pool3d(volume, 2)), "the mean of the eight cells within"
    row = torch.tensor([0.0, 4.0]).view(1, 1, 2, 1, 1)
    assert resized(row, (4, 1, 1)).flatten().tolist() == [0, 1, 3, 4]
