"""Motion of occupied voxels, from the tracks of the objects they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.flow import OccupancyFlow
from ..schemas.grid import VoxelGrid
from ..schemas.moving_objects import MovingObjects
from ..schemas.object_clouds import Motion, ObjectClouds
from ..schemas.occupancy import OCCUPANCIES, Body, OccupancyName
from ..schemas.parameters import Count, NotNegative, Positive
from ..schemas.product import Array, Blocks, Product, ProductReader
from .estimate import BASE_MIB, Estimate, SceneSize
from .stage import Needs, Part, PartResult, SceneView, Stage, frame_parts
from .track_motion import TrackMotion

Float64 = NDArray[np.float64]
_ROWS = ("voxels", "tracks", "velocity_m_s", "velocity_known", "displacement_m", "displacement_known")
_MOTION_OF = {Motion.RIGID: Body.RIGID, Motion.DEFORMING: Body.DEFORMING}


@dataclass(frozen=True, kw_only=True)
class Flow(Stage):
    """Gives every voxel of a moving object its velocity, and its displacement to the next key frame."""

    name: ClassVar[str] = "flow"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (OccupancyFlow,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=0.5)
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "scipy")

    product: OccupancyName = "carved_occupancy"
    """The voxel labels whose voxels are told."""
    box_margin_m: NotNegative = 0.3
    """A voxel belongs to the nearest moving object whose box lies within this and half a voxel's diagonal, metres."""
    longest_gap_s: Positive = 1.5
    """Boxes farther apart in time than this tell no motion, seconds."""
    frames_per_part: Count = 16
    """Key frames that are told together."""

    def reads(self) -> tuple[type[Product], ...]:
        return (MovingObjects, OCCUPANCIES[self.product], ObjectClouds)

    def estimate(self, size: SceneSize) -> Estimate:
        return Estimate(0.1 + size.frames * 0.01, BASE_MIB + 0.1 * size.frames, size.frames * 6_000.0)

    def parts(self, scene: SceneView) -> list[Part]:
        return frame_parts(scene, self.frames_per_part)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        frames = range(int(part.args["start"]), int(part.args["stop"]))
        motion = TrackMotion.of(scene.tables, scene.product(ObjectClouds), frames, self.longest_gap_s)
        told = [self._frame(scene, motion, frame) for frame in frames]
        result = {name: np.concatenate([rows[name] for rows in told]) for name in _ROWS}
        return result | {"counts": np.array([len(rows["tracks"]) for rows in told], dtype=np.int64)}

    def _frame(self, scene: SceneView, motion: TrackMotion, frame: int) -> PartResult:
        labels = scene.product(OCCUPANCIES[self.product])
        grid = VoxelGrid.from_json(labels.attribute("grid"))
        body = labels.rows("body", frame, frame + 1)[0]
        world_SE3_grid: Float64 = labels.rows("world_SE3_grid", frame, frame + 1)[0]
        voxels = np.argwhere(body > Body.STATIC)
        centres = (voxels + 0.5) * grid.voxel_m + grid.min_m
        places = centres @ world_SE3_grid[:3, :3].T + world_SE3_grid[:3, 3]
        reach_m = self.box_margin_m + grid.voxel_m * 3**0.5 / 2
        tracks = owners(scene.product(ObjectClouds), frame, places, body[tuple(voxels.T)], reach_m)
        velocity, velocity_known = motion.velocity(frame, tracks, places)
        displacement, displacement_known = motion.displacement(frame, tracks, places)
        return {
            "voxels": voxels.astype(np.int16),
            "tracks": tracks,
            # World to grid is the transpose of grid to world, here from the right.
            "velocity_m_s": (velocity @ world_SE3_grid[:3, :3]).astype(np.float32),
            "velocity_known": velocity_known.astype(np.uint8),
            "displacement_m": (displacement @ world_SE3_grid[:3, :3]).astype(np.float32),
            "displacement_known": displacement_known.astype(np.uint8),
        }

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> tuple[Product, ...]:
        counts = np.concatenate([r["counts"] for r in results])

        def joined(name: str) -> Array:
            shape = (int(counts.sum()), *results[0][name].shape[1:])
            return Blocks.of(shape, str(results[0][name].dtype), [lambda r=r: r[name] for r in results])

        return (
            OccupancyFlow(
                **{name: joined(name) for name in _ROWS},
                offsets=np.append(0, np.cumsum(counts)).astype(np.int64),
                labels=self.product,
                frame_tokens=scene.tables.frame_tokens,
            ),
        )


def owners(
    clouds: ProductReader, frame: int, places: Float64, bodies: NDArray[np.uint8], reach_m: float
) -> NDArray[np.int32]:
    """(N,) int32: the moving object of each voxel, -1 where none is near.

    places: (N, 3) float64 voxel centres, metres, world; bodies: (N,) uint8 :class:`Body`. Among the objects of that kind
    it is the one whose box the centre lies deepest in, or else nearest to, within ``reach_m`` (ties: lowest index).
    O(N T) for T objects in the frame.
    """
    boxes = clouds.rows("frame_boxes", frame, frame + 1)[0]
    motion, sizes = clouds.read("motion"), clouds.read("track_size_m")
    found, nearest = np.full(len(places), -1, dtype=np.int32), np.full(len(places), reach_m)
    for kind, body in _MOTION_OF.items():
        for track in np.flatnonzero((motion == kind) & np.isfinite(boxes).all(axis=(1, 2))).tolist():
            local = (places - boxes[track, :3, 3]) @ boxes[track, :3, :3]
            outside = np.abs(local) - sizes[track].astype(np.float64) / 2
            distance = np.linalg.norm(np.maximum(outside, 0), axis=1) + np.minimum(outside.max(axis=1), 0)
            nearer = (bodies == body) & (distance < nearest)
            found[nearer], nearest[nearer] = track, distance[nearer]
    return found
