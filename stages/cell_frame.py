"""The hash grids that a scene's returns are thinned on: cells, blocks of them, and their integer keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.scene import SceneTables
from .kernels.cells import quantise

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

BLOCK_BITS, VISIT_BITS, XY_BITS, Z_BITS = 12, 4, 7, 13
OBJECT_CELL_BITS = 11
GROUP_SHIFT = 3 * OBJECT_CELL_BITS


@dataclass(frozen=True)
class CellFrame:
    """The hash grid of a scene's static world: a local origin, square blocks, cells in them, and their int64 keys.

    A key is block x, block y (12 bits each), the visit to it (4 bits), cell x, cell y in the block (7 bits), cell z (13 bits),
    so keys sort by block and visit; with ``key << 8 | label`` it has 63 bits.
    """

    origin_m: tuple[float, float, float]
    cell_m: float
    cells_per_block: int

    def __post_init__(self) -> None:
        if not 1 <= self.cells_per_block <= 1 << XY_BITS:
            raise ValueError(f"a block must be 1 to {1 << XY_BITS} cells wide, found {self.cells_per_block}")

    @classmethod
    def of(cls, tables: SceneTables, cell_m: float, block_m: float) -> CellFrame:
        """The frame of a scene: its origin is the first ego position, rounded down to a whole block in the world."""
        block = round(block_m / cell_m) * cell_m
        start = tables.world_SE3_ego[0, :3, 3]
        x, y, z = (float(v) for v in np.floor(start / block) * block)
        return cls((x, y, z), cell_m, round(block_m / cell_m))

    @property
    def block_m(self) -> float:
        """Edge of a block, metres."""
        return self.cells_per_block * self.cell_m

    @property
    def local_SE3_world(self) -> Float64:
        """(4, 4) float64: subtracts the origin."""
        matrix = np.eye(4)
        matrix[:3, 3] = np.negative(self.origin_m)
        return matrix

    def keys(self, points: Float64, visits: Callable[[Int64], Int64]) -> tuple[Int64, Int64]:
        """Keys (N,) and quantised offsets (N, 3) of points (N, 3) float64, metres, relative to the origin.

        ``visits`` tells the visit (N,) of points in blocks (N, 2).
        """
        cells, offsets = quantise(points, self.cell_m)
        block = cells[:, :2] // self.cells_per_block
        inside = cells[:, :2] - block * self.cells_per_block
        visit = visits(block)
        block = block + (1 << (BLOCK_BITS - 1))
        height = cells[:, 2] + (1 << (Z_BITS - 1))
        keys = block[:, 0]
        for bits, value in (
            (BLOCK_BITS, block[:, 1]),
            (VISIT_BITS, visit),
            (XY_BITS, inside[:, 0]),
            (XY_BITS, inside[:, 1]),
            (Z_BITS, height),
        ):
            keys = keys << bits | value
        return keys, offsets

    def cells(self, keys: Int64) -> tuple[Int64, Int64, Int64]:
        """Blocks (N, 2), visits (N,), and cells (N, 3), counted from the origin, of keys."""
        height = (keys & ((1 << Z_BITS) - 1)) - (1 << (Z_BITS - 1))
        rest = keys >> Z_BITS
        y, x = rest & ((1 << XY_BITS) - 1), (rest >> XY_BITS) & ((1 << XY_BITS) - 1)
        rest = rest >> (2 * XY_BITS)
        visit, rest = rest & ((1 << VISIT_BITS) - 1), rest >> VISIT_BITS
        block = np.stack([rest >> BLOCK_BITS, rest & ((1 << BLOCK_BITS) - 1)], axis=1) - (1 << (BLOCK_BITS - 1))
        xy = block * self.cells_per_block + np.stack([x, y], axis=1)
        return block, visit, np.concatenate([xy, height[:, None]], axis=1)

    @staticmethod
    def object_keys(points: Float64, cell_m: float, group: int) -> tuple[Int64, Int64]:
        """Keys and quantised offsets of points of one group, of :class:`ObjectGroups`, in its box frame.

        A key is the group (22 bits), then the cell (11 bits an axis); with ``key << 8 | label`` it has 63 bits.
        """
        cells, offsets = quantise(points, cell_m)
        cells = np.clip(cells + (1 << (OBJECT_CELL_BITS - 1)), 0, (1 << OBJECT_CELL_BITS) - 1)
        keys = np.full(len(points), group, dtype=np.int64)
        for axis in range(3):
            keys = keys << OBJECT_CELL_BITS | cells[:, axis]
        return keys, offsets
