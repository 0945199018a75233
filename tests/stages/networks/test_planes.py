"""Planes of a volume against Eq. 1 in loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from occ_pipeline.stages.networks.planes import PlaneDecoupling, project
from occ_pipeline.tests.stages.networks import slow


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def test_as_written() -> None:
    volume, scores = drawn(2, 3, 4, 5, 2), drawn(2, 3, 4, 5, 2, seed=1)
    found = project(volume, scores)
    for frame in range(2):
        for plane, want in zip(found, slow.planes(volume[frame].numpy(), scores[frame].numpy()), strict=True):
            assert np.allclose(plane[frame], want)


def test_without_learned_weights_the_mean() -> None:
    volume = drawn(1, 4, 3, 4, 5)
    found = project(volume, torch.zeros(1, 3, 3, 4, 5, dtype=torch.float64))
    for plane, axis in zip(found, (4, 2, 3), strict=True):
        assert torch.allclose(plane, volume.mean(dim=axis))


@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("deformable", [True, False])
def test_each_plane_is_laid_back_along_the_axis_it_lacks(learned: bool, deformable: bool) -> None:
    torch.manual_seed(0)
    layer = PlaneDecoupling(4, 2, learned, deformable).double()
    volume = drawn(1, 4, 3, 4, 5)
    xy, yz, xz = project(volume, torch.zeros_like(volume[:, :3]) if layer.scores is None else layer.scores(volume))
    xy, yz, xz = (refine(plane) for refine, plane in zip(layer.planes, (xy, yz, xz), strict=True))
    laid = torch.zeros(1, 4, 3, 4, 5, dtype=torch.float64)
    for x in range(3):
        for y in range(4):
            for z in range(5):
                laid[..., x, y, z] = xy[..., x, y] + yz[..., y, z] + xz[..., x, z]
    assert torch.allclose(layer(volume), volume + layer.fuse(laid))


def test_gradients() -> None:
    inputs = [drawn(1, 2, 2, 3, 2).requires_grad_(), drawn(1, 3, 2, 3, 2, seed=1).requires_grad_()]
    assert torch.autograd.gradcheck(lambda v, s: tuple(project(v, s)), inputs)
