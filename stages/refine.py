"""Voxels that camera images look through become free (Occ3D, image-guided voxel refinement)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.cameras import CameraTables
from ..schemas.grid import VoxelGrid
from ..schemas.image_labels import ImageLabels
from ..schemas.object_clouds import ObjectClouds
from ..schemas.occupancy import Body, CarvedOccupancy, RefinedOccupancy, State
from ..schemas.parameters import Count, NotNegative, Portion, Share, WholeNumber
from ..schemas.product import Array, Blocks, Product
from ..schemas.refined_poses import RefinedPoses
from ..schemas.surfaces import Surfaces
from ..schemas.taxonomy import GROUND_CLASSES, NO_LABEL, TAXONOMIES, refuse_unknown_classes
from .camera_views import looked_at, without
from .estimate import BASE_MIB, Estimate, SceneSize
from .kernels.pixel_rays import vote
from .pixel_rays import pixel_rays
from .pixel_votes import Votes
from .shapes import Shapes
from .stage import Needs, Part, PartResult, SceneView, Stage, frame_parts

Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
_CHANGED = ("state", "semantics", "body", "mask_camera")


@dataclass(frozen=True, kw_only=True)
class RefineWithImages(Stage):
    """Takes away voxels that stand before what the images show, by 2D labels: ghosts that no laser ray told of.

    A pixel's ray ends in the first occupied voxel of the pixel's class, and speaks against all it passed before. At 0.4 m
    most voxels that rays pass are true: surfaces fill them in part, and at an object's edge some rays go by. So the rays of a
    piece, touching voxels of one class, are counted together, which takes away an object that the images do not show, and
    nibbles at none. What rays crossed of it becomes free, what none did is unknown.

    Occ3D's rule, every voxel before such an end, is ``votes: 1, share: 0, crossed_share: 0, pieces: false, frames_around: 0,
    least_way: 0, clear_of_end_m: 0, kept_classes: [], moving: true, unknown_votes: 1``.
    """

    name: ClassVar[str] = "refine-with-images"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (RefinedOccupancy,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy")

    votes: Count = 100
    """Pixels whose rays must have passed a piece, on their way to the class they show, for it to be taken away."""
    share: Portion = 0.9
    """And their least share of all pixels that show the piece or look through it."""
    crossed_share: Portion = 0.5
    """And the least share of its voxels that such rays must have crossed."""
    pieces: bool = True
    """Whether touching voxels of one class are one piece: an object is kept or taken away as a whole. Else each is its own."""
    frames_around: WholeNumber = 2
    """Images of this many key frames before and after are asked too, of what stands still."""
    least_way: Share = 0.5
    """Rays that pass less than this of a voxel, in voxels, say nothing of it: they cut its corners."""
    clear_of_end_m: NotNegative = 1.2
    """The last metres of a ray say nothing: it may graze what lies beside its end."""
    kept_classes: tuple[str, ...] = GROUND_CLASSES
    """Classes that are never taken away: rays graze the ground for metres before they meet it."""
    moving: bool = False
    """Whether voxels of moving objects may be taken away: images are taken up to 50 ms beside the key frame's own time."""
    unknown_votes: WholeNumber = 0
    """Unknown voxels that at least this many rays passed become free; 0: they stay unknown."""
    camera_margin_m: NotNegative = 0.15
    """As the parameter of visibility, for what the cameras look at where something was taken away, metres."""
    frames_per_part: Count = 4
    """Key frames that are judged together."""

    def __post_init__(self) -> None:
        refuse_unknown_classes(self.kept_classes)

    def reads(self) -> tuple[type[Product], ...]:
        return (RefinedPoses, CarvedOccupancy, Surfaces, ObjectClouds, ImageLabels, CameraTables)

    def estimate(self, size: SceneSize) -> Estimate:
        seconds = size.frames * (0.2 + 0.3 * (1 + 2 * self.frames_around))
        return Estimate(seconds, BASE_MIB + 80.0, size.frames * 75_000.0 * size.seen)

    def parts(self, scene: SceneView) -> list[Part]:
        return frame_parts(scene, self.frames_per_part)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        frames = [self._frame(scene, frame) for frame in range(part.args["start"], part.args["stop"])]
        return {name: np.stack(arrays) for name, arrays in zip(_CHANGED, zip(*frames, strict=True), strict=True)}

    def _frame(self, scene: SceneView, frame: int) -> tuple[UInt8, ...]:
        labels = scene.product(CarvedOccupancy)
        grid = VoxelGrid.from_json(labels.attribute("grid"))
        pose: Float64 = labels.rows("world_SE3_grid", frame, frame + 1)[0]
        state, semantics, body = (np.array(labels.rows(n, frame, frame + 1)[0]) for n in ("state", "semantics", "body"))
        votes = self._votes(scene, frame, grid, pose, (state, semantics, body))
        kept = TAXONOMIES[scene.tables.taxonomy].ids_of(self.kept_classes)
        asked = (state == State.OCCUPIED) & ~np.isin(semantics, kept)
        if not self.moving:
            asked &= body == Body.STATIC
        pieces = votes.by_piece(asked, semantics if self.pieces else None)
        gone = pieces.against(asked, self.votes, self.share, self.crossed_share)
        free = gone & (votes.crossed > 0)
        if self.unknown_votes:
            free |= (state == State.UNKNOWN) & (votes.passed >= self.unknown_votes)
        state[gone], semantics[gone], body[gone] = State.UNKNOWN, NO_LABEL, Body.NONE
        state[free] = State.FREE
        looked = self._looked(scene, frame, grid, pose, gone, state != State.UNKNOWN)
        return state, semantics, body, looked.astype(np.uint8)

    def _looked(self, scene: SceneView, frame: int, grid: VoxelGrid, pose: Float64, gone: Bool, known: Bool) -> Bool:
        """(X, Y, Z) bool: the camera mask, with what the voxels taken away had hidden."""
        looked: Bool = scene.product(CarvedOccupancy).rows("mask_camera", frame, frame + 1)[0] == 1
        if gone.any():
            grid_SE3_world: Float64 = np.linalg.inv(pose)

            def hidden(places: Float64) -> Bool:
                voxels, inside = grid.index(places @ grid_SE3_world[:3, :3].T + grid_SE3_world[:3, 3])
                inside[inside] = gone[tuple(voxels[inside].T)]
                return inside

            shapes = without(Shapes.of(scene, grid, range(frame, frame + 1), [pose]), hidden)
            looked = looked | looked_at(
                scene.product(CameraTables), frame, grid, pose, shapes, known, self.camera_margin_m
            )
        return looked & known

    def _votes(
        self, scene: SceneView, frame: int, grid: VoxelGrid, pose: Float64, voxels: tuple[UInt8, UInt8, UInt8]
    ) -> Votes:
        """Of a key frame's own images, and of those around."""
        state, semantics, body = voxels
        # What moves was elsewhere when other key frames' images were taken.
        still = np.where(body > Body.STATIC, np.uint8(State.FREE), state)
        votes = Votes.none(grid.shape)
        cameras, images = scene.product(CameraTables), scene.product(ImageLabels)
        last = len(scene.tables.key_sweeps) - 1
        for other in range(max(frame - self.frames_around, 0), min(frame + self.frames_around, last) + 1):
            there = state if other == frame else still
            for rays in pixel_rays(cameras, images, other, grid, pose):
                vote(
                    there, semantics, rays.labels, rays.origin, rays.matrix,
                    self.least_way, self.clear_of_end_m / grid.voxel_m, votes.ended, votes.passed, votes.crossed,
                )  # fmt: skip
        return votes

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        labels = scene.product(CarvedOccupancy)
        shape = (len(scene.tables.key_sweeps), *labels.attribute("grid")["shape"])
        arrays: dict[str, Array] = {
            name: Blocks.of(shape, "uint8", [lambda r=r, name=name: r[name] for r in results]) for name in _CHANGED
        }
        untouched = [lambda k=k: labels.rows("mask_lidar", k, k + 1) for k in range(shape[0])]
        yield RefinedOccupancy(
            **arrays,
            mask_lidar=Blocks.of(shape, "uint8", untouched),
            world_SE3_grid=labels.read("world_SE3_grid"),
            grid=labels.attribute("grid"),
            taxonomy=labels.attribute("taxonomy"),
            frame_tokens=labels.attribute("frame_tokens"),
        )
