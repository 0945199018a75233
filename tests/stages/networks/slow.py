"""Slow, plain restatements of what the networks compute, in loops of float64."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np


def read(volume: np.ndarray, place: Sequence[float], border: bool) -> np.ndarray:
    """(C,): ``volume`` (C, *shape) at a fractional index, linear in each axis; beyond it, its border or zero."""
    shape = volume.shape[1:]
    if border:
        place = [min(max(p, 0.0), n - 1) for p, n in zip(place, shape, strict=True)]
    total = np.zeros(len(volume))
    for corner in itertools.product(*((math.floor(p), math.floor(p) + 1) for p in place)):
        if all(0 <= c < n for c, n in zip(corner, shape, strict=True)):
            total += volume[(slice(None), *corner)] * math.prod(
                1 - abs(p - c) for p, c in zip(place, corner, strict=True)
            )
    return total


def deformable(features: np.ndarray, offsets: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(D, H, W): of one image, features (C, H, W), offsets (2 k k, H, W), weight (D, C, k, k)."""
    _, height, width = features.shape
    k = weight.shape[2]
    out = np.zeros((len(weight), height, width))
    for row, column, i, j in itertools.product(range(height), range(width), range(k), range(k)):
        down, right = offsets[2 * (i * k + j) : 2 * (i * k + j) + 2, row, column]
        at = (row + i - k // 2 + down, column + j - k // 2 + right)
        out[:, row, column] += weight[:, :, i, j] @ read(features, at, border=False)
    return out


def planes(volume: np.ndarray, scores: np.ndarray) -> list[np.ndarray]:
    """Eq. 1 of one volume (C, X, Y, Z) under scores (3, X, Y, Z): planes xy, yz, xz."""
    c, nx, ny, nz = volume.shape
    xy, yz, xz = np.zeros((c, nx, ny)), np.zeros((c, ny, nz)), np.zeros((c, nx, nz))
    e = np.exp(scores)
    for x, y, z in itertools.product(range(nx), range(ny), range(nz)):
        here = volume[:, x, y, z]
        xy[:, x, y] += here * e[0, x, y, z] / e[0, x, y].sum()
        yz[:, y, z] += here * e[1, x, y, z] / e[1, :, y, z].sum()
        xz[:, x, z] += here * e[2, x, y, z] / e[2, x, :, z].sum()
    return [xy, yz, xz]


def released_place(place: Sequence[float], shape: Sequence[int]) -> list[float]:
    """Index that the released code reads for a place (x, y, z): scaled for corners, read for faces, axes the other way round."""
    scaled = [2 * p / (n - 1) - 1 for p, n in zip(place, shape, strict=True)]
    return [((scaled[2 - axis] + 1) * n - 1) / 2 for axis, n in enumerate(shape)]


def border_place(index: Sequence[int], offsets: np.ndarray, direction: int, scale: float) -> list[float]:
    """Where one of the six offsets (6, X, Y, Z) of a cell leads, within the grid."""
    shape = offsets.shape[1:]
    axis, sign = direction // 2, 1 if direction % 2 == 0 else -1
    place = [float(i) for i in index]
    place[axis] += sign * scale * offsets[(direction, *index)] * (shape[axis] - 1)
    return [min(max(p, 0.0), n - 1.0) for p, n in zip(place, shape, strict=True)]


def attention(query: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(C,): Eq. 6's sum for one cell, query (C,), keys and values (6, C)."""
    scores = np.exp([query @ key / math.sqrt(len(query)) for key in keys])
    return sum(s * v for s, v in zip(scores / scores.sum(), values, strict=True))
