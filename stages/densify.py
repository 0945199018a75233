"""Dense semantic occupancy of key frames: surfaces and real returns on a voxel grid (LOC, step 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.grid import GRIDS, GridParameter, VoxelGrid
from ..schemas.object_clouds import Motion, ObjectClouds
from ..schemas.occupancy import Body, State, SurfaceOccupancy
from ..schemas.parameters import Count, NotNegative, Positive
from ..schemas.product import Array, Blocks, Product, ProductReader, load
from ..schemas.static_map import StaticMap
from ..schemas.surfaces import Surfaces
from ..schemas.taxonomy import NO_LABEL, TAXONOMIES
from .kernels.neighbours import Buckets
from .kernels.split import transform
from .kernels.voxelise import UNITS_PER_M2, Canvas, Marked
from .map_reading import MapPoints, map_points
from .stage import Needs, Part, PartResult, SceneView, Stage

Float64 = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Densify(Stage):
    """Marks, per key frame, the voxels that surfaces cross or enough returns fell into, and votes on their class."""

    name: ClassVar[str] = "densify"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (SurfaceOccupancy,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy")

    grid: GridParameter = GRIDS["occ3d"]
    """The target grid: occ3d, surroundocc, or x0,y0,z0,x1,y1,z1@voxel[:ego|:lidar] in metres."""
    least_surface: NotNegative = 0.75
    """A surface occupies a voxel when at least this much of it lies inside, in areas of a voxel's face: slivers at its
    edges are as often wrong as right."""
    least_returns: Count = 2
    """A voxel with this many returns of the static world is occupied whatever the surface says."""
    least_object_returns: Count = 1
    """The same for returns of a moving object in its own box."""
    knn: Count = 5
    """Labelled points that vote on a voxel that has returns but neither labels nor surface."""
    knn_limit_m: Positive = 1.0
    """Points farther from such a voxel's returns than this do not vote, metres."""
    frames_per_part: Count = 4
    """Key frames that are rasterised together."""

    def reads(self) -> tuple[type[Product], ...]:
        return (StaticMap, ObjectClouds, Surfaces)

    def parts(self, scene: SceneView) -> list[Part]:
        frames = len(scene.tables.key_sweeps)
        starts = range(0, frames, self.frames_per_part)
        spans = [(start, min(start + self.frames_per_part, frames)) for start in starts]
        return [Part(f"frames-{a:05d}", cost=b - a, args={"start": a, "stop": b}) for a, b in spans]

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        frames = range(part.args["start"], part.args["stop"])
        poses = [grid_pose(scene, self.grid, frame) for frame in frames]
        street = _Street.around(scene, self.grid, poses)
        stacked = [self._frame(scene, street, frame, pose) for frame, pose in zip(frames, poses, strict=True)]
        state, semantics, body = (np.stack(arrays) for arrays in zip(*stacked, strict=True))
        return {"state": state, "semantics": semantics, "body": body}

    def _frame(
        self, scene: SceneView, street: _Street, frame: int, world_SE3_grid: Float64
    ) -> tuple[NDArray[np.uint8], ...]:
        taxonomy = TAXONOMIES[scene.tables.taxonomy]
        canvas = Canvas(self.grid.shape, self.grid.voxel_m, len(taxonomy.classes))
        voxel_SE3_world = voxels_from_metres(self.grid) @ np.linalg.inv(world_SE3_grid)
        street.draw_surfaces(canvas, voxel_SE3_world, frame)
        canvas.surfaces_end()
        street.draw_points(canvas, voxel_SE3_world, frame)
        marked = canvas.marked()
        voted = any(scene.tables.label_files)
        labels = winners(marked.votes, with_none=not voted)
        body = np.argmax(marked.bodies, axis=1).astype(np.uint8)
        enough = np.where(body == Body.STATIC, self.least_returns, self.least_object_returns)
        faces = marked.votes.sum(axis=1) / (UNITS_PER_M2 * self.grid.voxel_m**2)
        occupied = (marked.surface & (faces >= self.least_surface)) | (marked.returns >= enough)
        unlabelled = occupied & (labels == NO_LABEL) & (marked.returns > 0) & ~marked.surface
        if voted and unlabelled.any():
            near = metres_from_voxels(self.grid, marked.mean[unlabelled], world_SE3_grid, street.origin_m)
            labels[unlabelled] = street.vote(near, self.knn, self.knn_limit_m)
        return self._fill(marked, occupied, labels, body)

    def _fill(
        self, marked: Marked, occupied: NDArray[np.bool_], labels: NDArray[np.uint8], body: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], ...]:
        state = np.full(self.grid.shape, State.UNKNOWN, dtype=np.uint8)
        semantics = np.full(self.grid.shape, NO_LABEL, dtype=np.uint8)
        bodies = np.full(self.grid.shape, Body.NONE, dtype=np.uint8)
        where = marked.voxels[occupied]
        state.ravel()[where], semantics.ravel()[where] = State.OCCUPIED, labels[occupied]
        bodies.ravel()[where] = body[occupied]
        return state, semantics, bodies

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> tuple[Product, ...]:
        frames = len(scene.tables.key_sweeps)

        def stacked(name: str) -> Array:
            return Blocks.of((frames, *self.grid.shape), "uint8", [lambda r=r: r[name] for r in results])

        return (
            SurfaceOccupancy(
                state=stacked("state"),
                semantics=stacked("semantics"),
                body=stacked("body"),
                world_SE3_grid=np.array([grid_pose(scene, self.grid, f) for f in range(frames)]).reshape(-1, 4, 4),
                grid=self.grid.to_json(),
                taxonomy=scene.tables.taxonomy,
                frame_tokens=scene.tables.frame_tokens,
            ),
        )


Piece = tuple[int, NDArray[np.float32], NDArray[np.int32], NDArray[np.uint8]]
"""Track (-1: static), vertices, triangles, labels."""


@dataclass(frozen=True)
class _Street:
    """Surfaces and points around some key frames, read once for all of them. Coordinates relative to ``origin_m``."""

    origin_m: Float64
    cell_m: float
    pieces: list[Piece]
    cloud: MapPoints
    objects: ObjectClouds

    @classmethod
    def around(cls, scene: SceneView, grid: VoxelGrid, poses: list[Float64]) -> _Street:
        surfaces, static_map = scene.product(Surfaces), scene.product(StaticMap)
        origin = np.array(static_map.attribute("origin_m"))
        corners = np.concatenate([grid_corners(grid) @ pose[:3, :3].T + pose[:3, 3] - origin for pose in poses])
        low, high = corners.min(axis=0), corners.max(axis=0)
        bounds, track = surfaces.read("piece_bounds"), surfaces.read("piece_track")
        touched = (track >= 0) | np.all((bounds[:, 3:] >= low) & (bounds[:, :3] <= high), axis=1)
        pieces = _pieces(surfaces, np.flatnonzero(touched))
        cloud = map_points(static_map, (float(low[0]), float(low[1])), (float(high[0]), float(high[1])))
        objects = load(ObjectClouds, scene.product(ObjectClouds))
        return cls(origin, float(static_map.attribute("cell_m")), pieces, cloud, objects)

    def _from_local(self, voxel_SE3_world: Float64) -> Float64:
        shift = np.eye(4)
        shift[:3, 3] = self.origin_m
        return voxel_SE3_world @ shift

    def draw_surfaces(self, canvas: Canvas, voxel_SE3_world: Float64, frame: int) -> None:
        """Static triangles, and rigid objects at this frame's pose."""
        boxes = self.objects.frame_boxes[frame]
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
        objects = self.objects
        boxes = objects.frame_boxes[frame]
        group_tracks: list[int] = objects.group_track.tolist()
        group_frames: list[int] = objects.group_frame.tolist()
        for group, (track, of_frame) in enumerate(zip(group_tracks, group_frames, strict=True)):
            if of_frame not in (-1, frame) or not np.isfinite(boxes[track]).all():
                continue
            mine = slice(objects.group_offsets[group], objects.group_offsets[group + 1])
            known: NDArray[np.uint8] = objects.labels[mine]
            labels = np.where(known == NO_LABEL, objects.track_classes[track], known).astype(np.uint8)
            places = transform(objects.points[mine], voxel_SE3_world @ boxes[track])
            body = Body.RIGID if objects.motion[track] == Motion.RIGID else Body.DEFORMING
            canvas.points(places, objects.returns[mine], labels, self.cell_m / 2, int(body))

    def vote(self, points: NDArray[np.float32], k: int, limit_m: float) -> NDArray[np.uint8]:
        """Majority label of the labelled static points nearest to each point (N, 3), relative to the origin."""
        known = self.cloud.labels != NO_LABEL
        if not known.any():
            return np.full(len(points), NO_LABEL, dtype=np.uint8)
        return Buckets.of(self.cloud.points[known], limit_m / 2).vote(points, self.cloud.labels[known], k, limit_m)


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


def winners(votes: NDArray[np.int32], *, with_none: bool) -> NDArray[np.uint8]:
    """(M,) uint8: class with the most votes (ties: lowest id), 255 without any.

    votes: (M, C + 1) int32, the last column for "no class", which may win only where ``with_none``.
    """
    classes = votes[:, :-1]
    best = np.argmax(classes, axis=1).astype(np.uint8)
    most = classes.max(axis=1, initial=0)
    best[(most == 0) | (with_none & (votes[:, -1] > most))] = NO_LABEL
    return best


def grid_pose(scene: SceneView, grid: VoxelGrid, frame: int) -> Float64:
    """``world_SE3_grid`` (4, 4) float64 of a key frame."""
    sweep = int(scene.tables.key_sweeps[frame])
    return scene.tables.world_SE3_ego[sweep] if grid.frame == "ego" else scene.tables.world_SE3_lidar(sweep)


def grid_corners(grid: VoxelGrid) -> Float64:
    """(8, 3) float64: corners in the grid's frame, metres."""
    sides = zip(grid.min_m, grid.max_m, strict=True)
    return np.array(np.meshgrid(*sides, indexing="ij")).reshape(3, -1).T


def voxels_from_metres(grid: VoxelGrid) -> Float64:
    """(4, 4) float64: from metres of the grid's frame to voxels, the lower corner at 0."""
    matrix = np.diag([1 / grid.voxel_m, 1 / grid.voxel_m, 1 / grid.voxel_m, 1.0])
    matrix[:3, 3] = np.negative(grid.min_m) / grid.voxel_m
    return matrix


def metres_from_voxels(
    grid: VoxelGrid, places: Float64, world_SE3_grid: Float64, origin_m: Float64
) -> NDArray[np.float32]:
    """Places (N, 3) in voxels, as metres of the world relative to an origin, (N, 3) float32."""
    metres = places * grid.voxel_m + grid.min_m
    return (metres @ world_SE3_grid[:3, :3].T + world_SE3_grid[:3, 3] - origin_m).astype(np.float32)
