"""3D-2D consistency (Occ3D): voxel labels rendered into each camera and held against 2D labels; no 3D truth is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.cameras import CameraTables
from ..schemas.consistency import Consistency
from ..schemas.grid import VoxelGrid
from ..schemas.image_labels import ImageLabels
from ..schemas.occupancy import OCCUPANCIES, OccupancyName
from ..schemas.parameters import Count
from ..schemas.product import Product
from ..schemas.refined_poses import RefinedPoses
from ..schemas.taxonomy import NO_LABEL, TAXONOMIES
from .estimate import BASE_MIB, Estimate, SceneSize
from .kernels.pixel_rays import NOTHING, UNLABELLED, render
from .pixel_rays import PixelRays, pixel_rays
from .stage import Needs, Part, PartResult, SceneView, Stage, frame_parts

UInt8 = NDArray[np.uint8]
Int64 = NDArray[np.int64]
_ARRAYS = ("confusion", "unlabelled", "through_unknown")


@dataclass(frozen=True, kw_only=True)
class MeasureConsistency(Stage):
    """Measures how voxel labels agree with 2D labels of the images, camera by camera: what occ-pipeline quality shows."""

    name: ClassVar[str] = "consistency"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (Consistency,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy")

    product: OccupancyName = "refined_occupancy"
    """Which voxel labels are judged: refined_occupancy, carved_occupancy or surface_occupancy."""
    frames_per_part: Count = 8
    """Key frames that are judged together."""

    def reads(self) -> tuple[type[Product], ...]:
        return (RefinedPoses, OCCUPANCIES[self.product], ImageLabels, CameraTables)

    def estimate(self, size: SceneSize) -> Estimate:
        return Estimate(0.2 + size.frames * 0.13, BASE_MIB + 30.0, size.frames * 2_000.0)

    def parts(self, scene: SceneView) -> list[Part]:
        return frame_parts(scene, self.frames_per_part)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        labels, cameras, images = (scene.product(p) for p in (OCCUPANCIES[self.product], CameraTables, ImageLabels))
        grid = VoxelGrid.from_json(labels.attribute("grid"))
        frames = range(part.args["start"], part.args["stop"])
        classes, count = len(TAXONOMIES[scene.tables.taxonomy].classes), len(cameras.attribute("names"))
        confusion = np.zeros((len(frames), count, classes, classes + 2), np.int64)
        unlabelled, through_unknown = (np.zeros((len(frames), count), np.int64) for _ in range(2))
        for row, frame in enumerate(frames):
            state, semantics = (labels.rows(name, frame, frame + 1)[0] for name in ("state", "semantics"))
            pose = labels.rows("world_SE3_grid", frame, frame + 1)[0]
            for rays in pixel_rays(cameras, images, frame, grid, pose):
                met, crossed = rendered(rays, state, semantics)
                asked = rays.labels != NO_LABEL
                confusion[row, rays.camera] = confused(rays.labels[asked], met[asked], classes)
                unlabelled[row, rays.camera] = np.count_nonzero(~asked)
                through_unknown[row, rays.camera] = np.count_nonzero(crossed[asked])
        return dict(zip(_ARRAYS, (confusion, unlabelled, through_unknown), strict=True))

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        cameras = scene.product(CameraTables)
        yield Consistency(
            **{name: np.concatenate([result[name] for result in results]) for name in _ARRAYS},
            judged=self.product,
            names=cameras.attribute("names"),
            taxonomy=scene.tables.taxonomy,
            frame_tokens=cameras.attribute("frame_tokens"),
        )


def rendered(rays: PixelRays, state: UInt8, semantics: UInt8) -> tuple[UInt8, UInt8]:
    """(H, W) uint8 each: what every pixel of a camera meets first, and whether it crosses unknown voxels, by :func:`render`.

    ``state``, ``semantics``: (X, Y, Z) uint8, as :class:`SurfaceOccupancy` has them.
    """
    met, crossed = np.empty_like(rays.labels), np.empty_like(rays.labels)
    render(np.ascontiguousarray(state), np.ascontiguousarray(semantics), rays.origin, rays.matrix, met, crossed)
    return met, crossed


def confused(labels: UInt8, met: UInt8, classes: int) -> Int64:
    """(L, L + 2) int64: pixels by their class and by what they meet, (N,) uint8 each."""
    column = met.astype(np.int64)
    column[met == UNLABELLED], column[met == NOTHING] = classes, classes + 1
    places = labels.astype(np.int64) * (classes + 2) + column
    counts: Int64 = np.bincount(places, minlength=classes * (classes + 2)).astype(np.int64)
    return counts.reshape(classes, classes + 2)
