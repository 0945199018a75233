"""What a network is given and what it gives: the contract by which any published network takes a place here.

A network is a ``torch.nn.Module`` whose ``forward`` takes a :data:`Batch` and returns :class:`Outputs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

Batch = Mapping[str, Tensor]
"""Inputs of B frames. A network reads the keys that it needs and no others.

| key | shape, dtype | what |
|---|---|---|
| ``points`` | (N, 5) float32 | x, y, z in metres of the grid's frame, intensity in 0..1, seconds from the key frame; frame after frame |
| ``point_counts`` | (B,) int64 | how many of ``points`` each frame has |
| ``images`` | (B, M, 3, H, W) float32 | red, green, blue in 0..1 of M cameras |
| ``camera_SE3_grid`` | (B, M, 4, 4) float32 | from the grid's frame to each camera's: x right, y down, z ahead |
| ``intrinsics`` | (B, M, 3, 3) float32 | camera coordinates to pixels of ``images``; pixel (i, j) covers [i, i + 1) x [j, j + 1) |
"""


class Outputs(NamedTuple):
    """Predictions of B frames on a grid of X x Y x Z voxels, K classes."""

    logits: Tensor
    """(B, K, X, Y, Z): of classes, before softmax."""
    offsets: Tensor | None = None
    """(B, 6, x, y, z) in 0..1: to the ends of each voxel's run, x+, x-, y+, y-, z+, z-, over the grid's size; coarser, or not at all."""
    auxiliary: Tensor | None = None
    """(B, K, X, Y, Z): logits of the features that the network refines, where it is trained on those too."""
