"""Voxel labels as SemanticKITTI's own are made: scans laid over each other, most returns win (Behley et al. 2019).

What the released program and its configuration for these labels do (github.com/jbehley/voxelizer), but for this:

- The program counts raw labels. Here road and lane marking, bus and other vehicle, are one class and vote as one. What moves and
  what stands still, noise, and things without a class vote apart, as there.
- Where noise or things without a class win, the voxel is occupied without a class. In the program's files, what nobody labelled
  is 0, which readers take for empty.
- Returns of scans without a label file occupy a voxel and do not vote. In the program they vote for 0.
- A voxel is hidden where the ray from its own centre is stopped: the authors' definition. The program, to save time, gives what
  becomes of a ray to all voxels on its way, and ends a ray that goes down an axis before the grid's outermost voxels: one
  voxel of a hundred comes out otherwise.
- What a sensor lies in hides nothing, nor what it lies between: a key frame's own lies on the border of four voxels.
- The program labels every fifth scan; here every key frame is labelled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..schemas.grid import GRIDS, GridParameter
from ..schemas.occupancy import Body, State, VotedOccupancy
from ..schemas.parameters import Count, NotNegative, Positive, WholeNumber
from ..schemas.product import Array, Blocks, Product
from ..schemas.refined_poses import RefinedPoses
from ..schemas.taxonomy import TAXONOMIES
from .estimate import BASE_MIB, Estimate, SceneSize
from .grid_frames import grid_pose, voxels_from_metres
from .laid_scans import Scan, unseen, voted
from .stage import Needs, Part, PartResult, SceneView, Stage, frame_parts

_PARTS = ("state", "semantics", "occluded")


@dataclass(frozen=True, kw_only=True)
class ScanVotes(Stage):
    """Labels voxels as SemanticKITTI's own are, to compare with: later scans laid over each key frame's, most returns win, and
    what moves leaves a trail.
    """

    name: ClassVar[str] = "scan-votes"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (VotedOccupancy,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy")

    grid: GridParameter = GRIDS["semantickitti"]
    """The target grid, as that of densify."""
    later_scans: WholeNumber = 70
    """Key frames after each whose scans are laid over its own; near a scene's end there are fewer."""
    earlier_scans: WholeNumber = 0
    """The same before it."""
    least_range_m: NotNegative = 2.5
    """Returns nearer to the sensor than this are left out, metres."""
    most_range_m: Positive = 70.0
    """Returns farther from the sensor than this are left out, metres."""
    ego_rectangle_m: tuple[float, float, float, float] = (-2.0, -2.0, 3.0, 2.0)
    """Returns in this rectangle are the ego vehicle's own at any height: x and y from, x and y to, metres from the LiDAR along
    the ego vehicle's axes."""
    frames_per_part: Count = 16
    """Key frames that share the scans they read."""

    def __post_init__(self) -> None:
        if self.least_range_m >= self.most_range_m:
            raise ValueError(
                f"least_range_m must lie below most_range_m, found {self.least_range_m} and {self.most_range_m}"
            )
        x0, y0, x1, y1 = self.ego_rectangle_m
        if x0 > x1 or y0 > y1:
            raise ValueError(
                f"the second corner of ego_rectangle_m must not lie below the first, found {self.ego_rectangle_m}"
            )

    def reads(self) -> tuple[type[Product], ...]:
        return (RefinedPoses,)

    def reads_sweeps(self) -> bool:
        return True

    def estimate(self, size: SceneSize) -> Estimate:
        voxels, returns = math.prod(self.grid.shape), size.returns / size.sweeps
        later, earlier = (min(n, size.frames - 1) for n in (self.later_scans, self.earlier_scans))
        # Fewer near both ends.
        scans = 1 + sum(n - n * (n + 1) / (2 * size.frames) for n in (later, earlier))
        seconds = scans * (12e-9 * returns + 5e-9 * voxels) + 0.35e-6 * voxels
        held = 17 * (1 + later + earlier) * returns + (30 + 3 * self.frames_per_part) * voxels
        return Estimate(0.5 + seconds * size.frames, BASE_MIB + held / 2**20, size.frames * 0.14 * voxels)

    def parts(self, scene: SceneView) -> list[Part]:
        return frame_parts(scene, self.frames_per_part)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        tables, grid = scene.tables, self.grid
        start, stop = part.args["start"], part.args["stop"]
        made = {name: np.empty((stop - start, *grid.shape), dtype=np.uint8) for name in _PARTS}
        scans: dict[int, Scan] = {}
        for frame in range(start, stop):
            near = range(max(frame - self.earlier_scans, 0), min(frame + self.later_scans + 1, len(tables.key_sweeps)))
            scans = {other: scans[other] if other in scans else self._scan(scene, other) for other in near}
            voxel_SE3_world = voxels_from_metres(grid) @ np.linalg.inv(grid_pose(scene, grid, frame))
            poses = {other: voxel_SE3_world @ tables.world_SE3_lidar(int(tables.key_sweeps[other])) for other in near}
            classes = len(TAXONOMIES[tables.taxonomy].classes)
            occupied, semantics = voted([(scans[other], poses[other]) for other in near], grid.shape, classes)
            # The last sensor sees most that the key frame's does not.
            others = [poses[other][:3, 3].copy() for other in reversed(near) if other != frame]
            hidden, occluded = unseen(occupied, poses[frame][:3, 3].copy(), others)
            empty = np.where(hidden, np.uint8(State.UNKNOWN), np.uint8(State.FREE))
            state = np.where(occupied, np.uint8(State.OCCUPIED), empty)
            for name, values in zip(_PARTS, (state, semantics, occluded), strict=True):
                made[name][frame - start] = values
        return made

    def _scan(self, scene: SceneView, frame: int) -> Scan:
        """A key frame's returns without those too near, too far or of the ego vehicle."""
        sweep = int(scene.tables.key_sweeps[frame])
        cloud = scene.sweep(sweep)
        square = np.einsum("ij,ij->i", cloud.points, cloud.points)
        kept = (square >= self.least_range_m**2) & (square <= self.most_range_m**2)
        x, y = scene.tables.ego_SE3_lidar[sweep, :2, :3].astype(np.float32) @ cloud.points.T
        x0, y0, x1, y1 = self.ego_rectangle_m
        kept &= ~((x > x0) & (x < x1) & (y > y0) & (y < y1))
        if cloud.is_ego is not None:
            kept &= ~cloud.is_ego
        return Scan.of(cloud, kept, len(TAXONOMIES[scene.tables.taxonomy].classes))

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        frames = len(scene.tables.key_sweeps)

        def blocks(name: str) -> Array:
            return Blocks.of((frames, *self.grid.shape), "uint8", [lambda r=r: r[name] for r in results])

        def derived(of_state: tuple[int, ...]) -> Array:
            table = np.array(of_state, dtype=np.uint8)
            return Blocks.of((frames, *self.grid.shape), "uint8", [lambda r=r: table[r["state"]] for r in results])

        yield VotedOccupancy(
            **{name: blocks(name) for name in _PARTS},
            body=derived((Body.NONE, Body.NONE, Body.STATIC)),
            mask_lidar=derived((0, 1, 1)),
            mask_camera=derived((0, 1, 1)),
            world_SE3_grid=np.array([grid_pose(scene, self.grid, f) for f in range(frames)]).reshape(-1, 4, 4),
            grid=self.grid.to_json(),
            taxonomy=scene.tables.taxonomy,
            frame_tokens=scene.tables.frame_tokens,
        )
