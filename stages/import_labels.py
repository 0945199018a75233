"""Voxel labels that someone else published, taken over so that the stages that work on labels alone can use them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.flow import ReferenceFlow
from ..schemas.occupancy import Body, ReferenceOccupancy, State
from ..schemas.parameters import Count
from ..schemas.product import Array, Blocks, Product
from ..schemas.reference_labels import ReferenceLabels
from ..schemas.taxonomy import NO_LABEL
from .estimate import BASE_MIB, Estimate, SceneSize
from .grid_frames import grid_pose
from .stage import Needs, Part, PartResult, SceneView, Stage, frame_parts

UInt8 = NDArray[np.uint8]
VOXELS = ("state", "semantics", "body", "mask_lidar", "mask_camera")
"""Arrays of a part, beside the rows of its velocities."""
_FRAME_MIB = 50.0
"""Of the largest grid, OpenOccupancy's: which one it is shows when the first file is read."""


def occupancy(labels: ReferenceLabels) -> dict[str, UInt8]:
    """The arrays of :class:`ReferenceOccupancy` for one key frame, each (X, Y, Z) uint8."""
    observed = (labels.mask_lidar == 1) | (labels.mask_camera == 1)
    empty = np.where(observed, np.uint8(State.FREE), np.uint8(State.UNKNOWN))
    return {
        "state": np.where(labels.occupied, np.uint8(State.OCCUPIED), empty),
        "semantics": np.where(labels.occupied, labels.semantics, np.uint8(NO_LABEL)),
        "body": np.where(labels.occupied, np.uint8(Body.STATIC), np.uint8(Body.NONE)),
        "mask_lidar": labels.mask_lidar,
        "mask_camera": labels.mask_camera,
    }


def moving(labels: ReferenceLabels) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Voxels (N, 3) int16 with a velocity, sorted, and it (N, 2) float32, metres per second; none in a format without."""
    if labels.velocity_m_s is None:
        return np.zeros((0, 3), np.int16), np.zeros((0, 2), np.float32)
    # By their bits: a negative zero is no zero, and what is exported again is what was read.
    places = np.argwhere((labels.velocity_m_s.view(np.uint32) != 0).any(axis=-1))
    return places.astype(np.int16), labels.velocity_m_s[tuple(places.T)]


@dataclass(frozen=True, kw_only=True)
class ImportLabels(Stage):
    """Takes over published voxel labels, which --labels FORMAT:DIR names, in the place of a raw log."""

    name: ClassVar[str] = "import-labels"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (ReferenceOccupancy, ReferenceFlow)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1)

    frames_per_part: Count = 4
    """Key frames that are read together."""

    def reads(self) -> tuple[type[Product], ...]:
        return ()

    def reads_reference_labels(self) -> bool:
        return True

    def estimate(self, size: SceneSize) -> Estimate:
        frames = self.frames_per_part
        return Estimate(0.1 + 0.1 * size.frames, BASE_MIB + _FRAME_MIB * (frames + 3), 150_000.0 * size.frames)

    def parts(self, scene: SceneView) -> list[Part]:
        return frame_parts(scene, self.frames_per_part)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        frames = range(part.args["start"], part.args["stop"])
        made: dict[str, UInt8] = {}
        rows: list[tuple[NDArray[np.int16], NDArray[np.float32]]] = []
        # One by one: a frame of the largest grid has ten million voxels.
        for place, frame in enumerate(frames):
            labels = scene.reference_labels(frame)
            made = made or {name: np.empty((len(frames), *labels.grid.shape), np.uint8) for name in VOXELS}
            for name, values in occupancy(labels).items():
                made[name][place] = values
            rows.append(moving(labels))
        return made | {
            "voxels": np.concatenate([voxels for voxels, _ in rows]),
            "velocity_m_s": np.concatenate([velocity for _, velocity in rows]),
            "counts": np.array([len(voxels) for voxels, _ in rows], dtype=np.int64),
        }

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        tables = scene.tables
        # All frames of a format lie on one grid; parts hand over arrays alone.
        first = scene.reference_labels(0)
        grid = first.grid
        shape = (len(tables.key_sweeps), *grid.shape)

        def blocks(name: str) -> Array:
            return Blocks.of(shape, "uint8", [lambda r=r: r[name] for r in results])

        yield ReferenceOccupancy(
            **{name: blocks(name) for name in VOXELS},
            world_SE3_grid=np.stack([grid_pose(scene, grid, k) for k in range(shape[0])]),
            grid=grid.to_json(),
            taxonomy=tables.taxonomy,
            frame_tokens=tables.frame_tokens,
        )
        counts = np.concatenate([r["counts"] for r in results])
        yield ReferenceFlow(
            **{name: np.concatenate([r[name] for r in results]) for name in ("voxels", "velocity_m_s")},
            offsets=np.append(0, np.cumsum(counts)).astype(np.int64),
            told=first.velocity_m_s is not None,
            frame_tokens=tables.frame_tokens,
        )
