"""How often rays crossed each cell of the world, and how often one ended there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .product import Array, Product, array
from .validity import AtLeast, AtMost

BLOCK_CELLS = 32
"""Cells along each edge of a block."""
MOST = 65_535
"""Larger counts are kept as this."""


def _thresholds() -> list[int]:
    """The least count of every level from 1 on: the whole numbers from the square roots of powers of two, each once."""
    least: list[int] = []
    power = 1
    while (root := int(np.ceil(np.sqrt(power)))) <= MOST:
        if not least or root > least[-1]:
            least.append(root)
        power *= 2
    return least


LEAST_OF_LEVEL: NDArray[np.int64] = np.array([0, *_thresholds()], dtype=np.int64)
"""(L,) int64: the least count that a level stands for; levels lie a factor of the square root of two apart."""
LEVEL_OF_COUNT: NDArray[np.uint8] = (np.searchsorted(LEAST_OF_LEVEL, np.arange(MOST + 1), side="right") - 1).astype(
    np.uint8
)
"""(65536,) uint8: the level of every count."""
LEVELS = len(LEAST_OF_LEVEL)


@dataclass(frozen=True, kw_only=True)
class RayCounts(Product):
    """Counts of the rays of a scene's returns on a grid of cells that is fixed in the world, in blocks that hold any.

    Counts are kept as levels, :data:`LEAST_OF_LEVEL`: what they decide is whether few or many, and most or hardly any.
    A log that comes back to a place counts each visit by itself, in blocks of its own.
    """

    name: ClassVar[str] = "ray_counts"
    schema_version: ClassVar[int] = 2

    blocks: Array = array("block", "xyz", dtype="int32", fill=-(2**31), xyz=3)
    """(M, 3) int32: floor((x, y, z) / block edge) of each block, relative to ``origin_m``."""
    block_sweeps: Array = array("block", "span", dtype="int32", fill=-1, valid=[AtLeast(0)], span=2)
    """(M, 2) int32: first and last sweep that this visit to the block stands for."""
    crossed: Array = array(
        "block", "x", "y", "z", dtype="uint8", fill=255, valid=[AtMost(LEVELS - 1)], rows=16,
        x=BLOCK_CELLS, y=BLOCK_CELLS, z=BLOCK_CELLS,
    )  # fmt: skip
    """(M, 32, 32, 32) uint8: level of the number of rays that crossed the cell on their way to a return beyond it."""
    hits: Array = array(
        "block", "x", "y", "z", dtype="uint8", fill=255, valid=[AtMost(LEVELS - 1)], rows=16,
        x=BLOCK_CELLS, y=BLOCK_CELLS, z=BLOCK_CELLS,
    )  # fmt: skip
    """(M, 32, 32, 32) uint8: level of the number of returns in the cell, of whatever, moving objects included."""

    origin_m: list[float]
    """World coordinates of the corner of block (0, 0, 0)."""
    cell_m: float
    """Edge of a cell, metres."""
