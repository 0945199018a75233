"""Surfaces of a scene's static world and of each rigid object, by screened Poisson (LOC, step 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.object_clouds import Motion, ObjectClouds
from ..schemas.parameters import Count, NotNegative, Positive, Share
from ..schemas.product import Array, Blocks, Product, ProductReader
from ..schemas.static_map import StaticMap
from ..schemas.surfaces import Surfaces
from ..schemas.taxonomy import NO_LABEL
from .estimate import Estimate, SceneSize, growing_mib
from .kernels.neighbours import Buckets
from .kernels.poisson import Backend, Mesh
from .map_reading import MapPoints, map_points
from .map_tiles import MapTile, map_tiles
from .meshing import Trim, centres, compact, surface
from .stage import Needs, Part, PartResult, SceneView, Stage

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Piece:
    """A mesh that is kept as one."""

    track: int
    """The object it shows, -1 for a tile of the static world."""
    sweeps: tuple[int, int]
    """First and last that it stands for."""
    mesh: Mesh
    labels: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Reconstruct(Stage):
    """Surfaces of a scene's static map in tiles, and of each rigid object, by screened Poisson; no grid involved."""

    name: ClassVar[str] = "reconstruct"
    version: ClassVar[int] = 2
    writes: ClassVar[tuple[type[Product], ...]] = (Surfaces,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.5)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy", "open3d-cpu", "open3d", "pymeshlab", "scipy")

    backend: Backend = "open3d"
    """Library that solves the Poisson equation: open3d, or pymeshlab (GPL-3, extra `meshlab`)."""
    cell_m: Positive = 0.3
    """Edge of the finest octree cell of the static world, metres."""
    tile_m: Positive = 50.0
    """Edge of a tile, metres."""
    least_tile_points: Count = 8000
    """Tiles with fewer points get no surface: their points alone mark voxels."""
    halo_m: NotNegative = 2.0
    """Points this far around a tile shape its surface too, metres."""
    support_m: Positive = 0.35
    """Triangles farther than this from every point are cut off, metres."""
    density_quantile: Share = 0.0
    """The share of vertices with the lowest support that is cut off as well."""
    least_area_m2: NotNegative = 0.1
    """Loose pieces of surface smaller than this are removed, square metres."""
    object_cell_m: Positive = 0.15
    """Edge of the finest octree cell of moving objects, metres."""
    object_support_m: Positive = 0.25
    """The same as support_m for moving objects."""
    least_object_points: Count = 100
    """Objects with fewer points get no surface: their points alone mark voxels."""
    knn: Count = 5
    """Labelled points that vote on a triangle's class."""
    knn_limit_m: Positive = 1.0
    """Points farther from a triangle than this do not vote, metres: beyond it there is no label."""
    objects_per_part: Count = 8
    """Moving objects that are reconstructed together."""

    def reads(self) -> tuple[type[Product], ...]:
        return (StaticMap, ObjectClouds)

    def estimate(self, size: SceneSize) -> Estimate:
        surface_m2 = size.strip_m2 * size.seen
        triangles = 41.0 * surface_m2 * (0.3 / self.cell_m) ** 2
        seconds = 0.5 + 2.3e-3 * surface_m2 * (0.3 / self.cell_m) ** 1.5
        return Estimate(seconds, growing_mib(size.map_points(), 250.0, 0.3e6), 8.0 * triangles)

    def parts(self, scene: SceneView) -> list[Part]:
        parts = [
            Part(f"tile-{number:04d}", cost=tile.points, args=tile.to_args())
            for number, tile in enumerate(map_tiles(scene.product(StaticMap), self.tile_m))
            if tile.points >= self.least_tile_points
        ]
        objects = self._rigid_groups(scene.product(ObjectClouds))
        for start in range(0, len(objects), self.objects_per_part):
            chosen = objects[start : start + self.objects_per_part]
            parts.append(Part(f"objects-{start:05d}", cost=30_000.0 * len(chosen), args={"groups": chosen}))
        return parts

    def _rigid_groups(self, clouds: ProductReader) -> list[int]:
        sizes = np.diff(clouds.read("group_offsets"))
        rigid = clouds.read("motion")[clouds.read("group_track")] == Motion.RIGID
        return np.flatnonzero(rigid & (sizes >= self.least_object_points)).tolist()

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        if "groups" in part.args:
            return _pack([self._object(scene, group) for group in part.args["groups"]])
        return _pack([self._tile(scene, part)])

    def _tile(self, scene: SceneView, part: Part) -> Piece:
        static_map, tile = scene.product(StaticMap), MapTile.from_args(part.args)
        (low, high), around = tile.grown(0.0), tile.grown(self.halo_m)
        cloud = map_points(static_map, *around, tile.middle_sweep(static_map))
        sensors = static_map.read("sensor_positions")[cloud.sweep]
        trim = Trim(support_m=self.support_m, density_quantile=self.density_quantile, least_area_m2=self.least_area_m2)
        spacing = float(static_map.attribute("cell_m"))
        vertices, triangles, density = surface(cloud.points, sensors, spacing, self.cell_m, trim, self.backend)
        middle = centres(vertices, triangles)[:, :2]
        core = np.all((middle >= np.array(low, np.float32)) & (middle < np.array(high, np.float32)), axis=1)
        mesh = compact(vertices, triangles[core], density)
        labels = self._labels(mesh, *self._voters(cloud, any(scene.tables.label_files)))
        return Piece(-1, (tile.first, tile.last), mesh, labels)

    def _voters(self, cloud: MapPoints, labelled_log: bool) -> tuple[Float32, NDArray[np.uint8]]:
        """Points that vote on triangles, with their labels.

        With box classes alone, a point outside boxes votes for no class. With point labels, a point that no key frame
        labelled first asks its neighbours, and one outside all boxes asks only those outside, so that a bicycle does
        not colour the pavement around it.
        """
        if not labelled_log:
            return cloud.points, cloud.labels
        known = cloud.labels != NO_LABEL
        outside = known & (cloud.tracks < 0)
        labels = cloud.labels.copy()
        if outside.any():
            buckets = Buckets.of(cloud.points[outside], self.knn_limit_m / 4)
            labels[~known] = buckets.vote(cloud.points[~known], labels[outside], self.knn, self.knn_limit_m)
        known = labels != NO_LABEL
        return cloud.points[known], labels[known]

    def _object(self, scene: SceneView, group: int) -> Piece:
        clouds = scene.product(ObjectClouds)
        start, stop = clouds.read("group_offsets")[group : group + 2].tolist()
        track = int(clouds.read("group_track")[group])
        points, labels = clouds.rows("points", start, stop), clouds.rows("labels", start, stop)
        trim = Trim(support_m=self.object_support_m, density_quantile=0.0, least_area_m2=self.least_area_m2)
        sensors = clouds.rows("sensors", start, stop)
        mesh = surface(points, sensors, self.object_cell_m, self.object_cell_m, trim, self.backend)
        known = labels != NO_LABEL
        found = self._labels(mesh, points[known], labels[known])
        labels = np.where(found == NO_LABEL, clouds.attribute("track_classes")[track], found).astype(np.uint8)
        return Piece(track, (0, len(scene.tables.timestamps_ns) - 1), mesh, labels)

    def _labels(self, mesh: Mesh, points: Float32, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if len(points) == 0:
            return np.full(len(mesh[1]), NO_LABEL, dtype=np.uint8)
        buckets = Buckets.of(points, self.knn_limit_m / 4)
        return buckets.vote(centres(mesh[0], mesh[1]), labels, self.knn, self.knn_limit_m)

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> tuple[Product, ...]:
        def joined(name: str) -> Array:
            sample = results[0][name] if results else _pack([])[name]
            rows = sum(len(r[name]) for r in results)
            return Blocks.of((rows, *sample.shape[1:]), str(sample.dtype), [lambda r=r: r[name] for r in results])

        def whole(name: str) -> Array:
            return np.concatenate([r[name] for r in results]) if results else _pack([])[name]

        return (
            Surfaces(
                vertices=joined("vertices"),
                triangles=joined("triangles"),
                labels=joined("labels"),
                piece_track=whole("piece_track"),
                piece_sweeps=whole("piece_sweeps"),
                piece_vertices=np.append(0, np.cumsum(whole("piece_vertices"))).astype(np.int64),
                piece_triangles=np.append(0, np.cumsum(whole("piece_triangles"))).astype(np.int64),
                piece_bounds=whole("piece_bounds"),
                origin_m=scene.product(StaticMap).attribute("origin_m"),
            ),
        )


def _pack(pieces: list[Piece]) -> PartResult:
    """Arrays of several pieces end to end; empty pieces are left out."""
    full = [piece for piece in pieces if len(piece.labels)]
    empty = np.zeros((0, 3), np.float32)
    bounds = [np.concatenate([p.mesh[0].min(axis=0), p.mesh[0].max(axis=0)]) for p in full]
    return {
        "vertices": np.concatenate([p.mesh[0] for p in full]) if full else empty,
        "triangles": np.concatenate([p.mesh[1] for p in full]) if full else empty.astype(np.int32),
        "labels": np.concatenate([p.labels for p in full]) if full else np.zeros(0, np.uint8),
        "piece_track": np.array([p.track for p in full], dtype=np.int32),
        "piece_sweeps": np.array([p.sweeps for p in full], dtype=np.int32).reshape(-1, 2),
        "piece_vertices": np.array([len(p.mesh[0]) for p in full], dtype=np.int64),
        "piece_triangles": np.array([len(p.mesh[1]) for p in full], dtype=np.int64),
        "piece_bounds": np.array(bounds, dtype=np.float32).reshape(-1, 6),
    }
