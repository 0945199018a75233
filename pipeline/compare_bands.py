"""Voxels by their distance from the sensor and by their height, to judge them apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..schemas.grid import VoxelGrid

Limits = tuple[float, float]
"""From and to, metres, the latter excluded, and infinity where there is no end."""
DISTANCES_M = (0.0, 10.0, 20.0, 30.0, 40.0, math.inf)
HEIGHT_M = 1.0


@dataclass(frozen=True)
class Bands:
    """A grid's voxels in bands: each belongs where its centre lies."""

    limits: tuple[Limits, ...]
    numbers: NDArray[np.uint8]
    """(X, Y, Z) uint8: which of them; a view, as most axes change nothing."""


def distance_bands(grid: VoxelGrid) -> Bands:
    """By horizontal distance from the origin of the grid's frame, the ego vehicle's or the LiDAR's. Bands without voxels are left out."""
    x, y, _ = _centres(grid)
    return _bands(grid, np.hypot(x[:, None], y[None, :])[:, :, None], np.array(DISTANCES_M))


def height_bands(grid: VoxelGrid) -> Bands:
    """By height in the grid's frame, a metre each."""
    _, _, z = _centres(grid)
    first, last = math.floor(z[0] / HEIGHT_M), math.floor(z[-1] / HEIGHT_M)
    return _bands(grid, z[None, None, :], np.arange(first, last + 2, dtype=np.float64) * HEIGHT_M)


KINDS = MappingProxyType({"distance": distance_bands, "height": height_bands})
"""What voxels may be told apart by, as users name it."""


def _centres(grid: VoxelGrid) -> list[NDArray[np.float64]]:
    """Centres along each axis, metres; rounded, so that 0.1 + 0.2 lies where 0.3 does."""
    sides = zip(grid.min_m, grid.shape, strict=True)
    return [(low + (np.arange(count) + 0.5) * grid.voxel_m).round(9) for low, count in sides]


def _bands(grid: VoxelGrid, values_m: NDArray[np.float64], edges_m: NDArray[np.float64]) -> Bands:
    numbers = np.searchsorted(edges_m, values_m, side="right") - 1
    used = np.unique(numbers)
    limits = tuple((float(edges_m[number]), float(edges_m[number + 1])) for number in used)
    return Bands(limits, np.broadcast_to(np.searchsorted(used, numbers).astype(np.uint8), grid.shape))


def limits_words(limits: Limits) -> str:
    """``10 to 20 m``."""
    low, high = limits
    return f"{low:g} m and more" if math.isinf(high) else f"{low:g} to {high:g} m"


def limits_json(limits: Limits) -> Mapping[str, float | None]:
    """``from_m`` and ``to_m``, None where there is no end."""
    low, high = limits
    return {"from_m": low, "to_m": None if math.isinf(high) else high}
