"""Deformable convolution against its definition in loops."""

from __future__ import annotations

import numpy as np
import torch
from occ_pipeline.stages.networks.deformable import DeformableConv2d, deformable_convolution
from occ_pipeline.tests.stages.networks import slow
from torch.nn import functional


def drawn(*shape: int, scale: float = 1.0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(sum(shape)).normal(0, scale, shape))


def test_as_defined() -> None:
    for height, width, k in ((5, 4, 3), (1, 6, 3), (4, 1, 1), (3, 3, 5)):
        features, weight = drawn(2, 3, height, width), drawn(2, 3, k, k)
        offsets = drawn(2, 2 * k * k, height, width, scale=2.0)
        found = deformable_convolution(features, offsets, weight)
        for frame in range(2):
            want = slow.deformable(features[frame].numpy(), offsets[frame].numpy(), weight.numpy())
            assert np.allclose(found[frame], want, atol=1e-12)


def test_without_offsets_a_plain_convolution() -> None:
    torch.manual_seed(0)
    layer = DeformableConv2d(3, 2).double()
    features = drawn(1, 3, 6, 5)
    assert torch.allclose(layer(features), functional.conv2d(features, layer.weight, padding=1))


def test_gradients() -> None:
    inputs = [drawn(1, 2, 3, 4), drawn(1, 18, 3, 4, scale=0.7), drawn(2, 2, 3, 3)]
    assert torch.autograd.gradcheck(deformable_convolution, [i.requires_grad_() for i in inputs])
