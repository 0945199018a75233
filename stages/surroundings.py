"""Surfaces and points around some key frames, read once for all of them and drawn for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.grid import VoxelGrid
from ..schemas.object_clouds import Motion, ObjectClouds
from ..schemas.occupancy import Body
from ..schemas.product import ProductReader
from ..schemas.static_map import StaticMap
from ..schemas.surfaces import Surfaces
from ..schemas.taxonomy import NO_LABEL
from .grid_frames import grid_corners
from .kernels.neighbours import Buckets
from .kernels.split import transform
from .kernels.voxelise import Canvas
from .map_reading import MapPoints, map_points
from .stage import SceneView

Float64 = NDArray[np.float64]
Piece = tuple[int, NDArray[np.float32], NDArray[np.int32], NDArray[np.uint8]]
"""Track (-1: static), vertices, triangles, labels."""


@dataclass(frozen=True)
class ObjectPoints:
    """Points of a moving object in its box frame, in one key frame or (-1) in all."""

    track: int
    frame: int
    body: Body
    points: NDArray[np.float32]
    returns: NDArray[np.uint16]
    labels: NDArray[np.uint8]


@dataclass(frozen=True)
class Surroundings:
    """Surfaces and points around some key frames. Static coordinates are relative to ``origin_m`` in the world."""

    origin_m: Float64
    cell_m: float
    pieces: list[Piece]
    cloud: MapPoints
    objects: list[ObjectPoints]
    boxes: dict[int, Float64]
    """``world_SE3_box`` (T, 4, 4) of each key frame, NaN where absent."""

    @classmethod
    def of(cls, scene: SceneView, grid: VoxelGrid, frames: range, poses: list[Float64]) -> Surroundings:
        surfaces, static_map = scene.product(Surfaces), scene.product(StaticMap)
        origin = np.array(static_map.attribute("origin_m"))
        corners = np.concatenate([grid_corners(grid) @ pose[:3, :3].T + pose[:3, 3] - origin for pose in poses])
        low, high = corners.min(axis=0), corners.max(axis=0)
        bounds, track = surfaces.read("piece_bounds"), surfaces.read("piece_track")
        clouds = scene.product(ObjectClouds)
        boxes = clouds.rows("frame_boxes", frames.start, frames.stop)
        present = np.append(np.isfinite(boxes).all(axis=(2, 3)).any(axis=0), False)
        near = (track < 0) & np.all((bounds[:, 3:] >= low) & (bounds[:, :3] <= high), axis=1)
        pieces = _pieces(surfaces, np.flatnonzero(near | present[track]))
        cloud = map_points(static_map, (float(low[0]), float(low[1])), (float(high[0]), float(high[1])))
        objects = _object_points(clouds, frames, present)
        return cls(
            origin, float(static_map.attribute("cell_m")), pieces, cloud, objects, dict(zip(frames, boxes, strict=True))
        )

    def _from_local(self, voxel_SE3_world: Float64) -> Float64:
        shift = np.eye(4)
        shift[:3, 3] = self.origin_m
        return voxel_SE3_world @ shift

    def draw_surfaces(self, canvas: Canvas, voxel_SE3_world: Float64, frame: int) -> None:
        """Static triangles, and rigid objects at this frame's pose."""
        boxes = self.boxes[frame]
        for track, vertices, triangles, labels in self.pieces:
            matrix = self._from_local(voxel_SE3_world) if track < 0 else voxel_SE3_world @ boxes[track]
            if np.isfinite(matrix).all():
                body = Body.STATIC if track < 0 else Body.RIGID
                canvas.triangles(transform(vertices, matrix), triangles, labels, int(body))

    def draw_points(self, canvas: Canvas, voxel_SE3_world: Float64, frame: int) -> None:
        """Returns of the static world, and of the objects at this frame's pose."""
        cloud = self.cloud
        places = transform(cloud.points, self._from_local(voxel_SE3_world))
        canvas.points(places, cloud.returns, cloud.labels, self.cell_m, int(Body.STATIC))
        for mine in self.objects:
            box = self.boxes[frame][mine.track]
            if mine.frame in (-1, frame) and np.isfinite(box).all():
                places = transform(mine.points, voxel_SE3_world @ box)
                canvas.points(places, mine.returns, mine.labels, self.cell_m / 2, int(mine.body))

    def vote(self, points: NDArray[np.float32], k: int, limit_m: float) -> NDArray[np.uint8]:
        """Majority label of the labelled static points nearest to each point (N, 3), relative to the origin."""
        known = self.cloud.labels != NO_LABEL
        if not known.any():
            return np.full(len(points), NO_LABEL, dtype=np.uint8)
        return Buckets.of(self.cloud.points[known], limit_m / 2).vote(points, self.cloud.labels[known], k, limit_m)


def _object_points(clouds: ProductReader, frames: range, present: NDArray[np.bool_]) -> list[ObjectPoints]:
    """Points of the tracks present in some key frames. Each array is read whole, once, and only those rows kept."""
    group_track, group_frame = clouds.read("group_track"), clouds.read("group_frame")
    wanted = present[group_track] & ((group_frame < 0) | np.isin(group_frame, frames))
    sizes = np.diff(clouds.read("group_offsets"))
    rows = np.repeat(wanted, sizes)
    points, returns, labels = (clouds.read(name)[rows] for name in ("points", "returns", "labels"))
    classes, motion = clouds.attribute("track_classes"), clouds.read("motion")
    found: list[ObjectPoints] = []
    start = 0
    for track, frame, size in np.stack([group_track, group_frame, sizes], axis=1)[wanted].tolist():
        mine = slice(start, start + size)
        start += size
        body = Body.RIGID if motion[track] == Motion.RIGID else Body.DEFORMING
        known = np.where(labels[mine] == NO_LABEL, np.uint8(classes[track]), labels[mine])
        found.append(ObjectPoints(track, frame, body, points[mine], returns[mine], known))
    return found


def _pieces(surfaces: ProductReader, chosen: NDArray[np.intp]) -> list[Piece]:
    """Pieces of the scene's surfaces; pieces that lie side by side are read at once."""
    rows, faces = surfaces.read("piece_vertices"), surfaces.read("piece_triangles")
    tracks: list[int] = surfaces.read("piece_track").tolist()
    pieces: list[Piece] = []
    for run in np.split(chosen, np.flatnonzero(np.diff(chosen) != 1) + 1):
        if len(run) == 0:
            continue
        first, last = int(run[0]), int(run[-1]) + 1
        vertices = surfaces.rows("vertices", int(rows[first]), int(rows[last]))
        triangles, labels = (surfaces.rows(n, int(faces[first]), int(faces[last])) for n in ("triangles", "labels"))
        numbers: list[int] = run.tolist()
        for i in numbers:
            corners = slice(rows[i] - rows[first], rows[i + 1] - rows[first])
            sides = slice(faces[i] - faces[first], faces[i + 1] - faces[first])
            pieces.append((tracks[i], vertices[corners], triangles[sides], labels[sides]))
    return pieces
