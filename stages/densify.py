"""Dense semantic occupancy of key frames: surfaces and real returns on a voxel grid (LOC, step 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.grid import GRIDS, GridParameter
from ..schemas.object_clouds import ObjectClouds
from ..schemas.occupancy import Body, State, SurfaceOccupancy
from ..schemas.parameters import Count, NotNegative, Positive
from ..schemas.product import Array, Blocks, Product
from ..schemas.refined_poses import RefinedPoses
from ..schemas.static_map import StaticMap
from ..schemas.surfaces import Surfaces
from ..schemas.taxonomy import NO_LABEL, TAXONOMIES
from .estimate import Estimate, SceneSize, growing_mib
from .grid_frames import grid_pose, metres_from_voxels, voxels_from_metres
from .kernels.voxelise import UNITS_PER_M2, Canvas, Marked
from .stage import Needs, Part, PartResult, SceneView, Stage, frame_parts
from .surroundings import Surroundings, runs_of

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
    """The target grid: occ3d, surroundocc, openoccupancy, semantickitti, kitti360, or x0,y0,z0,x1,y1,z1@voxel[:ego|:lidar] in metres."""
    least_surface: NotNegative = 0.75
    """A surface occupies a voxel when at least this much of it lies inside, in areas of a voxel's face: slivers at its
    edges are as often wrong as right."""
    least_returns: Count = 1
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
        return (RefinedPoses, StaticMap, ObjectClouds, Surfaces)

    def estimate(self, size: SceneSize) -> Estimate:
        voxels = math.prod(self.grid.shape) / 640_000
        area = self.grid.shape[0] * self.grid.shape[1] * self.grid.voxel_m**2 / 6400.0
        peak_mib = growing_mib(size.map_points(), 260.0, 0.35e6) + 3.8 * (voxels - 1)
        frame_bytes = 41_000 * area * (0.4 / self.grid.voxel_m) ** 1.7 * size.seen
        return Estimate(size.frames * (0.085 + 0.037 * voxels), peak_mib, size.frames * frame_bytes)

    def parts(self, scene: SceneView) -> list[Part]:
        return frame_parts(scene, self.frames_per_part)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        frames = range(part.args["start"], part.args["stop"])
        poses = [grid_pose(scene, self.grid, frame) for frame in frames]
        stacked: list[tuple[NDArray[np.uint8], ...]] = []
        for run in runs_of(scene, self.grid, frames, poses):
            there = poses[run.start - frames.start : run.stop - frames.start]
            near = Surroundings.of(scene, self.grid, run, there)
            stacked += [self._frame(scene, near, frame, pose) for frame, pose in zip(run, there, strict=True)]
        state, semantics, body = (np.stack(arrays) for arrays in zip(*stacked, strict=True))
        return {"state": state, "semantics": semantics, "body": body}

    def _frame(
        self, scene: SceneView, near: Surroundings, frame: int, world_SE3_grid: Float64
    ) -> tuple[NDArray[np.uint8], ...]:
        taxonomy = TAXONOMIES[scene.tables.taxonomy]
        canvas = Canvas(self.grid.shape, self.grid.voxel_m, len(taxonomy.classes))
        voxel_SE3_world = voxels_from_metres(self.grid) @ np.linalg.inv(world_SE3_grid)
        near.draw_surfaces(canvas, voxel_SE3_world, frame)
        canvas.surfaces_end()
        near.draw_points(canvas, voxel_SE3_world, frame)
        marked = canvas.marked()
        voted = any(scene.tables.label_files)
        labels = winners(marked.votes, with_none=not voted)
        body = np.argmax(marked.bodies, axis=1).astype(np.uint8)
        enough = np.where(body == Body.STATIC, self.least_returns, self.least_object_returns)
        faces = marked.votes.sum(axis=1) / (UNITS_PER_M2 * self.grid.voxel_m**2)
        occupied = (marked.surface & (faces >= self.least_surface)) | (marked.returns >= enough)
        unlabelled = occupied & (labels == NO_LABEL) & (marked.returns > 0) & ~marked.surface
        if voted and unlabelled.any():
            places = metres_from_voxels(self.grid, marked.mean[unlabelled], world_SE3_grid, near.origin_m)
            labels[unlabelled] = near.vote(places, self.knn, self.knn_limit_m)
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


def winners(votes: NDArray[np.int32], *, with_none: bool) -> NDArray[np.uint8]:
    """(M,) uint8: class with the most votes (ties: lowest id), 255 without any.

    votes: (M, C + 1) int32, the last column for "no class", which may win only where ``with_none``.
    """
    classes = votes[:, :-1]
    best = np.argmax(classes, axis=1).astype(np.uint8)
    most = classes.max(axis=1, initial=0)
    best[(most == 0) | (with_none & (votes[:, -1] > most))] = NO_LABEL
    return best
