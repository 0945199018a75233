"""Offset targets from labels where they are trained on: what the ``voxnt`` stage stores, in torch (VoxDet, Algorithm 1)."""

from __future__ import annotations

import torch
from torch import Tensor


def offset_targets(labels: Tensor, stride: int = 1) -> Tensor:
    """(B, 6, x, y, z) int32, voxels from every ``stride``-th of ``labels`` (B, X, Y, Z), integers, to the end of its run.

    Itself counted, channels x+, x-, y+, y-, z+, z-: what ``sampled(instance_offsets(labels), stride)`` of
    :mod:`~occ_pipeline.stages.voxnt` gives. Every value makes runs, ignored ones too: unknown voxels and those without a class,
    which the stage tells apart, are one if both are 255. Rows that no sample lies in are not looked at:
    O(B X Y Z / stride ** 2). Raises ValueError for other tensors.
    """
    if labels.ndim != 4 or labels.is_floating_point() or min(labels.shape[1:]) < 1:
        raise ValueError(f"labels must be integers (B, X, Y, Z), found {labels.dtype} {tuple(labels.shape)}")
    if stride < 1:
        raise ValueError(f"stride must be at least 1, found {stride}")
    found: list[Tensor] = []
    for dim in (1, 2, 3):
        rows = labels
        for other in {1, 2, 3} - {dim}:
            rows = rows[_every(other, stride)]
        found += [run[_every(dim, stride)] for run in _runs(rows, dim)]
    return torch.stack(found, dim=1)


def normalised(offsets: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """(B, 6, x, y, z) float32 in (0, 1]: offsets in voxels over the ``shape`` of the whole grid along their axis (App. B)."""
    x, y, z = shape
    sizes = torch.tensor([x, x, y, y, z, z], dtype=torch.float32, device=offsets.device)
    return offsets.to(torch.float32) / sizes.view(6, 1, 1, 1)


def _every(dim: int, stride: int) -> tuple[slice, ...]:
    return (*[slice(None)] * dim, slice(None, None, stride))


def _runs(labels: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """int32, forth and back along ``dim``: how many voxels there are from each to the last, and the first, of its run."""
    return _back(labels.flip(dim), dim).flip(dim), _back(labels, dim)


def _back(labels: Tensor, dim: int) -> Tensor:
    length = labels.shape[dim]
    index = torch.arange(length, dtype=torch.int32, device=labels.device)
    index = index.view([length if d == dim else 1 for d in range(labels.ndim)])
    begins = torch.ones_like(labels, dtype=torch.bool)
    begins.narrow(dim, 1, length - 1).copy_(labels.narrow(dim, 1, length - 1) != labels.narrow(dim, 0, length - 1))
    first = index.expand(labels.shape).where(begins, 0).cummax(dim).values
    return index - first + 1
