"""Points of the products before the voxels, brought into a key frame's grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import VoxelGrid
from ...schemas.product import ProductReader
from ...schemas.scene import SceneTables
from ...stages.visits import standing
from .cloud import Cloud
from .shading import SUN

Float64 = NDArray[np.float64]
SAMPLES_PER_M2 = 300.0
"""How densely points are spread over surfaces."""


@dataclass(frozen=True)
class Place:
    """Where a key frame's grid lies."""

    row: int
    sweep: int
    grid: VoxelGrid
    grid_SE3_world: Float64
    grid_SE3_ego: Float64

    @classmethod
    def of(cls, tables: SceneTables, row: int, grid: VoxelGrid) -> Place:
        """Of the key frame in this row of the tables."""
        sweep = int(tables.key_sweeps[row])
        world_SE3_ego = tables.world_SE3_ego[sweep]
        world_SE3_grid = world_SE3_ego if grid.frame == "ego" else tables.world_SE3_lidar(sweep)
        grid_SE3_world = np.linalg.inv(world_SE3_grid)
        return cls(row, sweep, grid, grid_SE3_world, grid_SE3_world @ world_SE3_ego)


@dataclass(frozen=True)
class StagePoints:
    """Points in the grid's frame."""

    points: NDArray[np.float32]
    labels: NDArray[np.uint8]
    tracks: NDArray[np.int64]
    """The moving object each belongs to, -1 for none."""
    light: NDArray[np.float32]

    @classmethod
    def moved(cls, points: NDArray[np.float32], target_SE3_source: Float64, labels: NDArray[np.uint8], track: int,
              light: NDArray[np.float32] | None = None) -> StagePoints:  # fmt: skip
        """Points (N, 3) of one object, or of none, in another frame."""
        there = points.astype(np.float64) @ target_SE3_source[:3, :3].T + target_SE3_source[:3, 3]
        bright = np.ones(len(points), np.float32) if light is None else light
        return cls(there.astype(np.float32), labels, np.full(len(points), track), bright)

    @classmethod
    def joined(cls, parts: list[StagePoints]) -> StagePoints:
        """All together."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))

    def chosen(self, which: NDArray[np.bool_]) -> StagePoints:
        """Some of them."""
        return StagePoints(self.points[which], self.labels[which], self.tracks[which], self.light[which])

    def cloud(self, turn: Float64, colours: NDArray[np.float32], spacing_m: float) -> Cloud:
        """Coloured and turned."""
        return Cloud(self.points @ turn[:3, :3].T.astype(np.float32), colours.astype(np.float32), spacing_m)


def _local(reader: ProductReader) -> Float64:
    """``world_SE3_local`` (4, 4) float64 of a product relative to an origin."""
    matrix = np.eye(4)
    matrix[:3, 3] = reader.attribute("origin_m")
    return matrix


def static_points(static: ProductReader, place: Place) -> StagePoints:
    """All points of the static map, of the visits that stand for the frame."""
    now = np.repeat(standing(static.read("block_sweeps"), place.sweep), np.diff(static.read("block_offsets")))
    points, labels = static.read("points")[now], static.read("labels")[now]
    return StagePoints.moved(points, place.grid_SE3_world @ _local(static), labels, -1)


def object_points(objects: ProductReader, place: Place) -> Iterator[StagePoints]:
    """Points of every object present in the frame: a rigid one's all, a deforming one's of this frame."""
    frames, tracks, bounds = objects.read("group_frame"), objects.read("group_track"), objects.read("group_offsets")
    boxes = objects.rows("frame_boxes", place.row, place.row + 1)[0]
    for group in np.flatnonzero((frames == -1) | (frames == place.row)).tolist():
        box, rows = boxes[tracks[group]], (int(bounds[group]), int(bounds[group + 1]))
        if np.isfinite(box).all():
            labels = objects.rows("labels", *rows)
            own = np.uint8(objects.attribute("track_classes")[tracks[group]])
            labels = np.where(labels == 255, own, labels)
            points = objects.rows("points", *rows)
            yield StagePoints.moved(points, place.grid_SE3_world @ box, labels, int(tracks[group]))


def surface_points(surfaces: ProductReader, objects: ProductReader, place: Place) -> Iterator[StagePoints]:
    """Points spread over the triangles near the frame, with the light that falls on each."""
    boxes = objects.rows("frame_boxes", place.row, place.row + 1)[0]
    vertex_rows, triangle_rows = surfaces.read("piece_vertices"), surfaces.read("piece_triangles")
    tracks = surfaces.read("piece_track")
    for piece in np.flatnonzero(standing(surfaces.read("piece_sweeps"), place.sweep)).tolist():
        track = int(tracks[piece])
        world_SE3_piece = _local(surfaces) if track < 0 else boxes[track]
        if not np.isfinite(world_SE3_piece).all():
            continue
        vertices = surfaces.rows("vertices", int(vertex_rows[piece]), int(vertex_rows[piece + 1]))
        rows = (int(triangle_rows[piece]), int(triangle_rows[piece + 1]))
        grid_SE3_piece = place.grid_SE3_world @ world_SE3_piece
        corners = vertices[surfaces.rows("triangles", *rows)]
        points, triangle, normals = spread(corners)
        towards = normals @ grid_SE3_piece[:3, :3].T @ SUN
        light = (0.45 + 0.55 * np.clip(towards, 0, 1)).astype(np.float32)[triangle]
        yield StagePoints.moved(points, grid_SE3_piece, surfaces.rows("labels", *rows)[triangle], track, light)


def spread(corners: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64], Float64]:
    """Points (N, 3) evenly over triangles (F, 3, 3), the triangle of each (N,), and unit normals (F, 3).

    Roberts' R2 sequence, folded into the triangle: even, and the same every time.
    """
    a, b, c = (corners[:, i].astype(np.float64) for i in range(3))
    across = np.cross(b - a, c - a)
    twice_area = np.linalg.norm(across, axis=1)
    count = np.ceil(twice_area / 2 * SAMPLES_PER_M2).astype(np.int64)
    triangle = np.repeat(np.arange(len(corners)), count)
    number = np.arange(len(triangle))
    u, v = (number * 0.7548776662466927) % 1, (number * 0.5698402909980532) % 1
    folded = u + v > 1
    u, v = np.where(folded, 1 - u, u)[:, None], np.where(folded, 1 - v, v)[:, None]
    points = a[triangle] + u * (b - a)[triangle] + v * (c - a)[triangle]
    return points.astype(np.float32), triangle, across / np.maximum(twice_area, 1e-12)[:, None]
