"""The counts of rays around some voxel grids, read and judged once, and asked about their voxels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.grid import VoxelGrid
from ..schemas.product import ProductReader
from ..schemas.ray_counts import BLOCK_CELLS, LEAST_OF_LEVEL, LEVELS
from .grid_frames import grid_reach
from .kernels.openings import CROSSED, HIT, OPEN, SOLID, find_open, judge, question
from .visits import standing

Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
_PLACES_A_CELL = 2
"""Places along a cell's edge that a voxel is asked at: fewer pass by cells that only reach into it."""
_MOST_STEPS = 8


@dataclass(frozen=True)
class Rules:
    """When a cell is open, and when it is solid. Shares are of all rays that came to it, to end there or beyond."""

    votes: int
    """An open cell was crossed by at least this many rays."""
    most_hits: float
    """And returns in it are at most this share."""
    many: int
    """Rays that speak against what is said to be there."""
    solid_hits: float
    """Returns in a solid cell are more than this share."""

    def table(self) -> UInt8:
        """(L * L,) uint8: bits of a cell by ``LEVELS * crossed + hits``."""
        crossed, hits = LEAST_OF_LEVEL[:, None], LEAST_OF_LEVEL[None, :]
        rays = crossed + hits
        bits = np.where((crossed >= self.votes) & (hits <= self.most_hits * rays), OPEN, 0)
        bits |= np.where(hits > 0, HIT, 0) | np.where(hits > self.solid_hits * rays, SOLID, 0)
        return (bits | np.where(crossed >= self.many, CROSSED, 0)).astype(np.uint8).ravel()


@dataclass(frozen=True)
class Rays:
    """Judged cells of the blocks that some grids touch."""

    grid: VoxelGrid
    rows: NDArray[np.int32]
    """(X, Y, Z) int32: row of each block, -1 for none."""
    cells: UInt8
    """(M, 32, 32, 32) uint8: bits."""
    cell_SE3_world: Float64
    """(4, 4) float64: to cells of the first block."""
    cell_m: float

    @classmethod
    def around(cls, counts: ProductReader, grid: VoxelGrid, poses: Sequence[Float64], sweep: int, rules: Rules) -> Rays:
        """Reads only blocks that the grid may touch, at ``world_SE3_grid`` (4, 4) of some key frames.

        Of each place, the visit that stands for a sweep.
        """
        cell_m, origin = float(counts.attribute("cell_m")), np.array(counts.attribute("origin_m"))
        low, high = _reach(counts, grid, poses)
        blocks = counts.read("blocks")
        chosen = np.flatnonzero(_touched(blocks, low, high) & standing(counts.read("block_sweeps"), sweep))
        rows = np.full(high - low, -1, dtype=np.int32)
        rows[tuple((blocks[chosen] - low).T)] = np.arange(len(chosen))
        cell_SE3_world = np.diag([1 / cell_m, 1 / cell_m, 1 / cell_m, 1.0])
        cell_SE3_world[:3, 3] = -origin / cell_m - low * BLOCK_CELLS
        return cls(grid, rows, _judged(counts, chosen, rules), cell_SE3_world, cell_m)

    def free(self, world_SE3_grid: Float64, asked: Bool, share: float) -> Bool:
        """(X, Y, Z) bool: which of the voxels ``asked`` were looked through, by :func:`find_open`."""
        found = np.zeros(self.grid.shape, dtype=np.bool_)
        find_open(
            self.rows, self.cells, self._from_voxels(world_SE3_grid), self._steps, self._places(share), asked, found
        )
        return found

    def question(self, world_SE3_grid: Float64, voxels: NDArray[np.int64], share: float) -> tuple[Bool, Bool]:
        """(N,) bool each: which of ``voxels`` (N, 3) hold a return, and which are empty, by :func:`question`."""
        hit, empty = np.zeros(len(voxels), dtype=np.bool_), np.zeros(len(voxels), dtype=np.bool_)
        matrix = self._from_voxels(world_SE3_grid)
        question(self.rows, self.cells, matrix, self._steps, self._places(share), voxels, hit, empty)
        return hit, empty

    def pierced(self, places: Float64) -> Bool:
        """(N,) bool: which places (N, 3), metres, world, lie where many rays passed and hardly any ended."""
        bits = np.empty(len(places), dtype=np.uint8)
        judge(self.rows, self.cells, self.cell_SE3_world, places, bits)
        through: Bool = (bits & (CROSSED | SOLID)) == CROSSED
        return through

    @property
    def _steps(self) -> int:
        """Places along a voxel's edge."""
        return min(_PLACES_A_CELL * math.ceil(self.grid.voxel_m / self.cell_m - 1e-9), _MOST_STEPS)

    def _places(self, share: float) -> int:
        return math.ceil(share * self._steps**3 - 1e-9)

    def _from_voxels(self, world_SE3_grid: Float64) -> Float64:
        metres = np.diag([self.grid.voxel_m, self.grid.voxel_m, self.grid.voxel_m, 1.0])
        metres[:3, 3] = self.grid.min_m
        return self.cell_SE3_world @ world_SE3_grid @ metres


def visits_near(counts: ProductReader, grid: VoxelGrid, poses: Sequence[Float64]) -> NDArray[np.int32]:
    """(M, 2) int32: first and last sweep of every visit to a block that the grid may touch at some poses."""
    spans: NDArray[np.int32] = counts.read("block_sweeps")[
        _touched(counts.read("blocks"), *_reach(counts, grid, poses))
    ]
    return spans


def _reach(
    counts: ProductReader, grid: VoxelGrid, poses: Sequence[Float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Blocks (3,) from the first that the grid may touch at some poses to the one after the last."""
    block_m = float(counts.attribute("cell_m")) * BLOCK_CELLS
    low, high = grid_reach(grid, poses, np.array(counts.attribute("origin_m")))
    return np.floor(low / block_m).astype(np.int64), np.floor(high / block_m).astype(np.int64) + 1


def _touched(blocks: NDArray[np.int32], low: NDArray[np.int64], high: NDArray[np.int64]) -> Bool:
    touched: Bool = np.all((blocks >= low) & (blocks < high), axis=1)
    return touched


def _judged(counts: ProductReader, chosen: NDArray[np.intp], rules: Rules) -> UInt8:
    """Bits of some blocks' cells; those that lie side by side are read at once."""
    table = rules.table()
    judged = np.empty((len(chosen), BLOCK_CELLS, BLOCK_CELLS, BLOCK_CELLS), dtype=np.uint8)
    filled = 0
    for run in np.split(chosen, np.flatnonzero(np.diff(chosen) != 1) + 1):
        if len(run):
            crossed, hits = (counts.rows(name, int(run[0]), int(run[-1]) + 1) for name in ("crossed", "hits"))
            judged[filled : filled + len(run)] = table[crossed.astype(np.uint16) * LEVELS + hits]
            filled += len(run)
    return judged
