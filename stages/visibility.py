"""Free, occupied or unknown: what rays tell of every voxel of every key frame (Occ3D, Appendix D)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.cameras import CameraTables
from ..schemas.grid import VoxelGrid
from ..schemas.object_clouds import ObjectClouds
from ..schemas.occupancy import Body, CarvedOccupancy, State, SurfaceOccupancy
from ..schemas.parameters import Count, NotNegative, Portion, Share
from ..schemas.product import Array, Blocks, Product
from ..schemas.ray_counts import RayCounts
from ..schemas.refined_poses import RefinedPoses
from ..schemas.surfaces import Surfaces
from ..schemas.taxonomy import GROUND_CLASSES, NO_LABEL, TAXONOMIES, refuse_unknown_classes
from .boxed_voxels import in_boxes
from .camera_views import looked_at, without
from .estimate import BASE_MIB, Estimate, SceneSize
from .rays_around import Rays, Rules
from .rays_around import visits_near as rays_near
from .shapes import Shapes
from .shapes import visits_near as tiles_near
from .stage import Needs, Part, PartResult, SceneView, Stage, frame_parts
from .visits import runs_alike

Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]
_ARRAYS = ("state", "semantics", "body", "mask_lidar", "mask_camera")


@dataclass(frozen=True, kw_only=True)
class Visibility(Stage):
    """Tells free voxels from unknown ones, and carves away what rays of other times looked through."""

    name: ClassVar[str] = "visibility"
    version: ClassVar[int] = 2
    writes: ClassVar[tuple[type[Product], ...]] = (CarvedOccupancy,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy")

    votes: Count = 2
    """A place counts as seen through when at least this many rays crossed its cell."""
    most_hits: Share = 0.05
    """And when returns in that cell are at most this share of all rays that came to it."""
    open_share: Portion = 1.0
    """A voxel is free when at least this share of the places in it were seen through."""
    box_margin_m: NotNegative = 0.3
    """Voxels without surface in a moving object's box, grown by this, are unknown: rays of other times saw no object there."""
    carve: bool = True
    """Whether static voxels that rays of other times looked through become free or unknown."""
    carve_votes: Count = 30
    """Rays that must have crossed a place's cell for it to speak against a voxel."""
    carve_hits: Share = 0.02
    """Returns above this share of all rays that came to a cell speak for what lies in it: one such place keeps a voxel."""
    carve_share: Portion = 0.75
    """The share of places that must speak against a voxel."""
    kept_classes: tuple[str, ...] = GROUND_CLASSES
    """Classes that are never carved: rays graze the ground for metres before they meet it."""
    camera_margin_m: NotNegative = 0.15
    """A camera looks at what lies at most this far behind the surface that it sees, metres."""
    frames_per_part: Count = 4
    """Key frames that are judged together."""

    def __post_init__(self) -> None:
        refuse_unknown_classes(self.kept_classes)

    def reads(self) -> tuple[type[Product], ...]:
        return (RefinedPoses, SurfaceOccupancy, Surfaces, ObjectClouds, RayCounts, CameraTables)

    def estimate(self, size: SceneSize) -> Estimate:
        return Estimate(
            0.5 + size.frames * 0.72, BASE_MIB + 5.0 + 0.1 * size.frames, size.frames * 75_000.0 * size.seen
        )

    def parts(self, scene: SceneView) -> list[Part]:
        return frame_parts(scene, self.frames_per_part)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        labels = scene.product(SurfaceOccupancy)
        grid = VoxelGrid.from_json(labels.attribute("grid"))
        frames = range(part.args["start"], part.args["stop"])
        poses: list[Float64] = list(labels.rows("world_SE3_grid", frames.start, frames.stop))
        sweeps = scene.tables.key_sweeps[frames.start : frames.stop]
        visits = rays_near(scene.product(RayCounts), grid, poses), tiles_near(scene.product(Surfaces), grid, poses)
        made: list[tuple[UInt8, ...]] = []
        for run in runs_alike(frames, sweeps, *visits):
            made += self._run(scene, grid, run, poses[run.start - frames.start : run.stop - frames.start])
        return {name: np.stack(arrays) for name, arrays in zip(_ARRAYS, zip(*made, strict=True), strict=True)}

    def _run(
        self, scene: SceneView, grid: VoxelGrid, frames: range, poses: list[Float64]
    ) -> Iterator[tuple[UInt8, ...]]:
        """Key frames for which the same visits stand."""
        rules = Rules(self.votes, self.most_hits, self.carve_votes, self.carve_hits)
        sweep = int(scene.tables.key_sweeps[frames.start])
        rays = Rays.around(scene.product(RayCounts), grid, poses, sweep, rules)
        # Poisson grows fins beside poles: what rays went through hides nothing.
        shapes = without(Shapes.of(scene, grid, frames, poses), rays.pierced)
        for frame, pose in zip(frames, poses, strict=True):
            yield self._frame(scene, rays, shapes, frame, pose)

    def _frame(self, scene: SceneView, rays: Rays, shapes: Shapes, frame: int, pose: Float64) -> tuple[UInt8, ...]:
        labels, grid = scene.product(SurfaceOccupancy), rays.grid
        state, semantics, body = (np.array(labels.rows(n, frame, frame + 1)[0]) for n in ("state", "semantics", "body"))
        occupied = np.argwhere(state == State.OCCUPIED)
        hit, empty = rays.question(pose, occupied, self.carve_share)
        if self.carve:
            where = tuple(occupied.T)
            kept = TAXONOMIES[scene.tables.taxonomy].ids_of(self.kept_classes)
            gone = empty & (body[where] == Body.STATIC) & ~np.isin(semantics[where], kept)
            where = tuple(occupied[gone].T)
            state[where], semantics[where], body[where] = State.UNKNOWN, NO_LABEL, Body.NONE
            occupied, hit = occupied[~gone], hit[~gone]
        moving = in_boxes(scene.product(ObjectClouds), grid, pose, frame, self.box_margin_m, parked=False)
        free = rays.free(pose, (state != State.OCCUPIED) & ~moving, self.open_share)
        state[free] = State.FREE
        seen = free.astype(np.uint8)
        # An object's surface lies within a hand of its own returns.
        seen[tuple(occupied.T)] = hit | (body[tuple(occupied.T)] > Body.STATIC)
        known = state != State.UNKNOWN
        looked = looked_at(scene.product(CameraTables), frame, grid, pose, shapes, known, self.camera_margin_m)
        return state, semantics, body, seen, looked.astype(np.uint8)

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        labels = scene.product(SurfaceOccupancy)
        shape = (len(scene.tables.key_sweeps), *labels.attribute("grid")["shape"])
        arrays: dict[str, Array] = {
            name: Blocks.of(shape, "uint8", [lambda r=r, name=name: r[name] for r in results]) for name in _ARRAYS
        }
        yield CarvedOccupancy(
            **arrays,
            world_SE3_grid=labels.read("world_SE3_grid"),
            grid=labels.attribute("grid"),
            taxonomy=labels.attribute("taxonomy"),
            frame_tokens=labels.attribute("frame_tokens"),
        )
