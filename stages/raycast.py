"""Ray casting of all returns of a scene through the world: what was looked through, and what was hit (Occ3D, Alg. 2)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.parameters import Count, NotNegative, Positive
from ..schemas.product import Array, Blocks, Product
from ..schemas.ray_counts import BLOCK_CELLS, LEVEL_OF_COUNT, RayCounts
from ..schemas.refined_poses import RefinedPoses
from ..schemas.scene import SceneTables, SweepPoints
from .estimate import BASE_MIB, Estimate, SceneSize
from .kernels.rays import cast
from .kernels.split import transform
from .stage import Needs, Part, PartResult, SceneView, Stage
from .visits import near_square, visit_spans

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Raycast(Stage):
    """Counts, in cells fixed in the world, the rays that crossed each and the returns in it; no grid involved."""

    name: ClassVar[str] = "raycast"
    version: ClassVar[int] = 2
    writes: ClassVar[tuple[type[Product], ...]] = (RayCounts,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy")

    cell_m: Positive = 0.2
    """Edge of a cell, metres."""
    range_m: Positive = 65.0
    """Returns farther from the sensor than this are left out, metres."""
    below_m: NotNegative = 6.0
    """Rays are followed down to this far below the lowest ego position nearby, metres."""
    above_m: NotNegative = 10.0
    """The same upwards, from the highest ego position."""
    clear_of_sensor_m: NotNegative = 2.5
    """The first metres of a ray tell nothing, and returns this near are the ego vehicle's own."""
    clear_of_return_m: NotNegative = 0.3
    """The last metres before a return tell nothing: range noise and grazing rays would eat surfaces."""
    revisit_s: Positive = 20.0
    """As the parameter of separate: rays of another visit tell nothing of this one."""
    blocks_per_tile: Count = 16
    """Edge of the tiles that are cast side by side, in blocks of 32 cells."""

    def reads(self) -> tuple[type[Product], ...]:
        return (RefinedPoses,)

    def reads_sweeps(self) -> bool:
        return True

    def estimate(self, size: SceneSize) -> Estimate:
        tile_m = self._block_m * self.blocks_per_tile
        cells = (tile_m / self.cell_m) ** 2 * (self.below_m + self.above_m + 4.0) / self.cell_m
        tiles = (size.path_m + 2 * self.range_m) * 2 * self.range_m / tile_m**2 + 1.0
        seconds = size.returns * (0.45e-6 * 0.2 / self.cell_m + 0.17e-6 * tiles * 0.6)
        return Estimate(0.5 + seconds, BASE_MIB + 7.0 * cells / 2**20, size.strip_m2 * 900.0 * (0.2 / self.cell_m) ** 3)

    @property
    def _block_m(self) -> float:
        return BLOCK_CELLS * self.cell_m

    def _origin(self, tables: SceneTables) -> Float64:
        """The first ego position, rounded down to a whole block in the world."""
        return np.floor(tables.world_SE3_ego[0, :3, 3] / self._block_m) * self._block_m

    def parts(self, scene: SceneView) -> list[Part]:
        tile_m = self._block_m * self.blocks_per_tile
        places = scene.tables.world_SE3_ego[:, :3, 3] - self._origin(scene.tables)
        low = np.floor((places[:, :2].min(axis=0) - self.range_m) / tile_m).astype(int)
        high = np.floor((places[:, :2].max(axis=0) + self.range_m) / tile_m).astype(int)
        parts: list[Part] = []
        for x, y in itertools.product(range(low[0], high[0] + 1), range(low[1], high[1] + 1)):
            near = self._sees(places, x, y)
            for first, last in visit_spans(near, scene.tables.timestamps_ns, self.revisit_s).tolist():
                sweeps = int(near[first : last + 1].sum())
                if sweeps:
                    args = {"x": x, "y": y, "first": first, "last": last}
                    parts.append(Part(f"tile-{len(parts):05d}", cost=sweeps, args=args))
        return parts

    def _sees(self, places: Float64, x: int, y: int) -> NDArray[np.bool_]:
        """(S,) bool: sweeps of which some ray may meet a tile."""
        tile_m = self._block_m * self.blocks_per_tile
        return near_square(places[:, :2], np.array([x, y]) * tile_m, tile_m, self.range_m)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        tables = scene.tables
        x, y = int(part.args["x"]), int(part.args["y"])
        origin = self._origin(tables)
        places = tables.world_SE3_ego[:, :3, 3] - origin
        first, last = int(part.args["first"]), int(part.args["last"])
        sweeps = first + np.flatnonzero(self._sees(places[first : last + 1], x, y))
        bottom, top = places[sweeps, 2].min() - self.below_m, places[sweeps, 2].max() + self.above_m
        block = np.array([x * self.blocks_per_tile, y * self.blocks_per_tile, int(np.floor(bottom / self._block_m))])
        layers = int(np.floor(top / self._block_m)) + 1 - block[2]
        shape = (self.blocks_per_tile * BLOCK_CELLS, self.blocks_per_tile * BLOCK_CELLS, layers * BLOCK_CELLS)
        crossed, hits = np.zeros(shape, dtype=np.uint16), np.zeros(shape, dtype=np.uint16)
        cell_SE3_world = np.diag([1 / self.cell_m, 1 / self.cell_m, 1 / self.cell_m, 1.0])
        cell_SE3_world[:3, 3] = -(origin + block * self._block_m) / self.cell_m
        for sweep in sweeps.tolist():
            cell_SE3_lidar = cell_SE3_world @ tables.world_SE3_lidar(sweep)
            returns = transform(self._kept(scene.sweep(sweep)), cell_SE3_lidar)
            clear = self.clear_of_sensor_m / self.cell_m, self.clear_of_return_m / self.cell_m
            cast(crossed, hits, np.ascontiguousarray(cell_SE3_lidar[:3, 3]), returns, *clear)
        made = _blocks(block, crossed, hits)
        spans = np.tile(np.array([first, last], np.int32), (len(made["blocks"]), 1))
        return {**made, "block_sweeps": spans}

    def _kept(self, cloud: SweepPoints) -> NDArray[np.float32]:
        """Returns that are not of the ego vehicle, nor too far, (N, 3) float32, LiDAR frame."""
        distance = np.linalg.norm(cloud.points, axis=1)
        kept = (distance > self.clear_of_sensor_m) & (distance <= self.range_m)
        return cloud.points[kept if cloud.is_ego is None else kept & ~cloud.is_ego]

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        def joined(name: str) -> Array:
            count = sum(len(r["blocks"]) for r in results)
            return Blocks.of((count, *(BLOCK_CELLS,) * 3), "uint8", [lambda r=r: r[name] for r in results])

        yield RayCounts(
            blocks=np.concatenate([np.zeros((0, 3), np.int32), *(r["blocks"] for r in results)]),
            block_sweeps=np.concatenate([np.zeros((0, 2), np.int32), *(r["block_sweeps"] for r in results)]),
            crossed=joined("crossed"),
            hits=joined("hits"),
            origin_m=self._origin(scene.tables).tolist(),
            cell_m=self.cell_m,
        )


def _blocks(first: Int64, crossed: NDArray[np.uint16], hits: NDArray[np.uint16]) -> PartResult:
    """Blocks of a tile that hold any count, in order, as levels. ``first``: (3,) index of the tile's first block."""
    n = BLOCK_CELLS
    counts = tuple(size // n for size in crossed.shape)
    used: list[tuple[int, ...]] = []
    levels: dict[str, list[NDArray[np.uint8]]] = {"crossed": [], "hits": []}
    for index in itertools.product(*map(range, counts)):
        cut = tuple(slice(i * n, i * n + n) for i in index)
        if crossed[cut].any() or hits[cut].any():
            used.append(index)
            levels["crossed"].append(LEVEL_OF_COUNT[crossed[cut]])
            levels["hits"].append(LEVEL_OF_COUNT[hits[cut]])
    none = np.zeros((0, n, n, n), dtype=np.uint8)
    return {
        "blocks": (np.array(used, dtype=np.int64).reshape(-1, 3) + first).astype(np.int32),
        **{name: np.stack(found) if found else none for name, found in levels.items()},
    }
