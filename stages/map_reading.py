"""Reads of part of a static map, by place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.product import Array, ProductReader
from .row_reading import rows_of
from .visits import standing

Corner = tuple[float, float]


@dataclass(frozen=True)
class MapPoints:
    """Points of the static map within a rectangle."""

    points: NDArray[np.float32]
    """(N, 3) float32, metres, relative to the map's origin."""
    sweep: NDArray[np.int32]
    returns: NDArray[np.uint16]
    labels: NDArray[np.uint8]
    tracks: NDArray[np.int32]


def blocks_touched(static_map: ProductReader, low: Corner, high: Corner) -> NDArray[np.bool_]:
    """(M,) bool: blocks, of whatever visit, that a rectangle touches, metres relative to the map's origin."""
    blocks, block_m = static_map.read("blocks"), float(static_map.attribute("block_m"))
    touched: NDArray[np.bool_] = np.all((blocks + 1) * block_m > low, axis=1) & np.all(blocks * block_m < high, axis=1)
    return touched


def map_points(static_map: ProductReader, low: Corner, high: Corner, sweep: int) -> MapPoints:
    """Points with low <= (x, y) < high, metres relative to the map's origin, of the visits that stand for a sweep.

    Reads only the blocks that touch it.
    """
    offsets = static_map.read("block_offsets")
    touched = blocks_touched(static_map, low, high) & standing(static_map.read("block_sweeps"), sweep)
    starts, stops = offsets[:-1][touched], offsets[1:][touched]

    def column(name: str) -> Array:
        return rows_of(static_map, name, starts, stops)

    points = column("points")
    inside = np.all((points[:, :2] >= low) & (points[:, :2] < high), axis=1)
    return MapPoints(points[inside], *(column(name)[inside] for name in ("sweep", "returns", "labels", "tracks")))
