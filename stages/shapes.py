"""Surfaces and objects' points near some key frames, read once for all of them and placed in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.grid import VoxelGrid
from ..schemas.object_clouds import Motion, ObjectClouds
from ..schemas.occupancy import Body
from ..schemas.product import ProductReader
from ..schemas.surfaces import Surfaces
from ..schemas.taxonomy import NO_LABEL
from .grid_frames import grid_reach
from .row_reading import rows_of
from .stage import SceneView
from .visits import standing

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
class Shapes:
    """Surfaces near some key frames, and points of the objects there. Static surfaces are relative to ``origin_m``, world."""

    origin_m: Float64
    pieces: list[Piece]
    objects: list[ObjectPoints]
    boxes: dict[int, Float64]
    """``world_SE3_box`` (T, 4, 4) of each key frame, NaN where absent."""

    @classmethod
    def of(cls, scene: SceneView, grid: VoxelGrid, frames: range, poses: list[Float64]) -> Shapes:
        """Reads what the grid may touch in some key frames, at ``poses`` (4, 4), ``world_SE3_grid``.

        The same visits stand for all of them, as :func:`visits_near` tells.
        """
        surfaces, clouds = scene.product(Surfaces), scene.product(ObjectClouds)
        origin, track = np.array(surfaces.attribute("origin_m")), surfaces.read("piece_track")
        now = standing(surfaces.read("piece_sweeps"), int(scene.tables.key_sweeps[frames.start]))
        boxes = clouds.rows("frame_boxes", frames.start, frames.stop)
        present = np.append(np.isfinite(boxes).all(axis=(2, 3)).any(axis=0), False)
        near = _static_near(surfaces, grid, poses) & now
        pieces = _pieces(surfaces, np.flatnonzero(near | present[track]))
        return cls(origin, pieces, _object_points(clouds, frames, present), dict(zip(frames, boxes, strict=True)))

    def from_local(self, target_SE3_world: Float64) -> Float64:
        """``target_SE3_local`` (4, 4) of what is relative to the origin."""
        shift = np.eye(4)
        shift[:3, 3] = self.origin_m
        return target_SE3_world @ shift

    def placed(self, target_SE3_world: Float64, frame: int) -> Iterator[tuple[Piece, Float64]]:
        """The static surfaces, and those of rigid objects that are there in a key frame, with ``target_SE3_piece``."""
        for piece in self.pieces:
            track = piece[0]
            matrix = self.from_local(target_SE3_world) if track < 0 else target_SE3_world @ self.boxes[frame][track]
            if np.isfinite(matrix).all():
                yield piece, matrix

    def placed_points(self, target_SE3_world: Float64, frame: int) -> Iterator[tuple[ObjectPoints, Float64]]:
        """The objects' points that stand for a key frame, with ``target_SE3_box``."""
        for mine in self.objects:
            box = self.boxes[frame][mine.track]
            if mine.frame in (-1, frame) and np.isfinite(box).all():
                yield mine, target_SE3_world @ box


def visits_near(surfaces: ProductReader, grid: VoxelGrid, poses: Sequence[Float64]) -> NDArray[np.int32]:
    """(M, 2) int32: first and last sweep of every visit to a tile that the grid may touch at some poses."""
    spans: NDArray[np.int32] = surfaces.read("piece_sweeps")[_static_near(surfaces, grid, poses)]
    return spans


def _static_near(surfaces: ProductReader, grid: VoxelGrid, poses: Sequence[Float64]) -> NDArray[np.bool_]:
    """(M,) bool: static pieces, of whatever visit, that the grid may touch at some poses."""
    low, high = grid_reach(grid, poses, np.array(surfaces.attribute("origin_m")))
    bounds, track = surfaces.read("piece_bounds"), surfaces.read("piece_track")
    near: NDArray[np.bool_] = (track < 0) & np.all((bounds[:, 3:] >= low) & (bounds[:, :3] <= high), axis=1)
    return near


def _object_points(clouds: ProductReader, frames: range, present: NDArray[np.bool_]) -> list[ObjectPoints]:
    """Points of the tracks present in some key frames."""
    group_track, group_frame = clouds.read("group_track"), clouds.read("group_frame")
    wanted = present[group_track] & ((group_frame < 0) | np.isin(group_frame, frames))
    offsets = clouds.read("group_offsets")
    spans, sizes = (offsets[:-1][wanted], offsets[1:][wanted]), np.diff(offsets)
    points, returns, labels = (rows_of(clouds, name, *spans) for name in ("points", "returns", "labels"))
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
