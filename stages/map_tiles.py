"""Tiles of a static map, each of one visit: what is reconstructed side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..schemas.product import ProductReader
from .map_reading import Corner
from .visits import standing


@dataclass(frozen=True)
class MapTile:
    """A square of the map in some sweeps, for which the same visits stand in all of it."""

    x: int
    y: int
    """Its place, counted in tiles from the map's origin."""
    edge_m: float
    first: int
    last: int
    """Sweeps."""
    points: int

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> MapTile:
        """From what a part carries."""
        return cls(**args)

    def to_args(self) -> dict[str, Any]:
        """What a part carries."""
        return asdict(self)

    def grown(self, by_m: float) -> tuple[Corner, Corner]:
        """Least and greatest corner, metres relative to the map's origin, of the tile with a margin."""
        low, high = (
            (self.x * self.edge_m, self.y * self.edge_m),
            ((self.x + 1) * self.edge_m, (self.y + 1) * self.edge_m),
        )
        return (low[0] - by_m, low[1] - by_m), (high[0] + by_m, high[1] + by_m)

    def middle_sweep(self, static_map: ProductReader) -> int:
        """The sweep that was taken nearest to the tile's middle: what stands then is what stands around the tile."""
        middle = (np.array([self.x, self.y]) + 0.5) * self.edge_m
        places = static_map.read("sensor_positions")[self.first : self.last + 1, :2]
        return self.first + int(np.argmin(np.linalg.norm(places - middle, axis=1)))


def map_tiles(static_map: ProductReader, tile_m: float) -> Iterator[MapTile]:
    """All tiles that hold points, about ``tile_m`` wide, in order of place and time."""
    blocks, counts = static_map.read("blocks"), np.diff(static_map.read("block_offsets"))
    spans: NDArray[np.int32] = static_map.read("block_sweeps")
    block_m = float(static_map.attribute("block_m"))
    per_tile = max(round(tile_m / block_m), 1)
    places, tile = np.unique(blocks // per_tile, axis=0, return_inverse=True)
    for number, (x, y) in enumerate(places.tolist()):
        mine = np.flatnonzero(tile.ravel() == number)
        begins = np.unique(np.concatenate([spans[mine, 0], spans[mine, 1] + 1]))
        for first, after in zip(begins[:-1].tolist(), begins[1:].tolist(), strict=True):
            points = int(counts[mine][standing(spans[mine], first)].sum())
            if points:
                yield MapTile(x, y, per_tile * block_m, first, after - 1, points)
