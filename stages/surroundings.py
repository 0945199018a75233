"""Surfaces and points around some key frames, read once for all of them and drawn for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.grid import VoxelGrid
from ..schemas.occupancy import Body
from ..schemas.product import ProductReader
from ..schemas.static_map import StaticMap
from ..schemas.surfaces import Surfaces
from ..schemas.taxonomy import NO_LABEL
from .grid_frames import grid_reach
from .kernels.neighbours import Buckets
from .kernels.split import transform
from .kernels.voxelise import Canvas
from .map_reading import Corner, MapPoints, blocks_touched, map_points
from .shapes import Shapes, visits_near
from .stage import SceneView
from .visits import runs_alike

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Surroundings:
    """Surfaces and points around some key frames. Static coordinates are relative to the shapes' origin."""

    shapes: Shapes
    cell_m: float
    cloud: MapPoints

    @classmethod
    def of(cls, scene: SceneView, grid: VoxelGrid, frames: range, poses: list[Float64]) -> Surroundings:
        """Reads what the grid may touch in key frames for which the same visits stand, at ``poses`` (4, 4), ``world_SE3_grid``."""
        static_map, shapes = scene.product(StaticMap), Shapes.of(scene, grid, frames, poses)
        sweep = int(scene.tables.key_sweeps[frames.start])
        cloud = map_points(static_map, *_rectangle(static_map, grid, poses), sweep)
        return cls(shapes, float(static_map.attribute("cell_m")), cloud)

    @property
    def origin_m(self) -> Float64:
        """(3,) float64, world, metres."""
        return self.shapes.origin_m

    def draw_surfaces(self, canvas: Canvas, voxel_SE3_world: Float64, frame: int) -> None:
        """Static triangles, and rigid objects at this frame's pose."""
        for (track, vertices, triangles, labels), matrix in self.shapes.placed(voxel_SE3_world, frame):
            body = Body.STATIC if track < 0 else Body.RIGID
            canvas.triangles(transform(vertices, matrix), triangles, labels, int(body))

    def draw_points(self, canvas: Canvas, voxel_SE3_world: Float64, frame: int) -> None:
        """Returns of the static world, and of the objects at this frame's pose."""
        cloud = self.cloud
        places = transform(cloud.points, self.shapes.from_local(voxel_SE3_world))
        canvas.points(places, cloud.returns, cloud.labels, self.cell_m, int(Body.STATIC))
        for mine, matrix in self.shapes.placed_points(voxel_SE3_world, frame):
            places = transform(mine.points, matrix)
            canvas.points(places, mine.returns, mine.labels, self.cell_m / 2, int(mine.body))

    def vote(self, points: NDArray[np.float32], k: int, limit_m: float) -> NDArray[np.uint8]:
        """Majority label of the labelled static points nearest to each point (N, 3), relative to the origin."""
        known = self.cloud.labels != NO_LABEL
        if not known.any():
            return np.full(len(points), NO_LABEL, dtype=np.uint8)
        return Buckets.of(self.cloud.points[known], limit_m / 2).vote(points, self.cloud.labels[known], k, limit_m)


def runs_of(scene: SceneView, grid: VoxelGrid, frames: range, poses: list[Float64]) -> list[range]:
    """Some key frames, cut where another visit to a place that the grid may touch begins."""
    static_map = scene.product(StaticMap)
    blocks = static_map.read("block_sweeps")[blocks_touched(static_map, *_rectangle(static_map, grid, poses))]
    sweeps = scene.tables.key_sweeps[frames.start : frames.stop]
    return runs_alike(frames, sweeps, blocks, visits_near(scene.product(Surfaces), grid, poses))


def _rectangle(static_map: ProductReader, grid: VoxelGrid, poses: list[Float64]) -> tuple[Corner, Corner]:
    """What the grid may touch at some poses, metres relative to the map's origin."""
    low, high = grid_reach(grid, poses, np.array(static_map.attribute("origin_m")))
    return (float(low[0]), float(low[1])), (float(high[0]), float(high[1]))
