"""Labels in memory, to be compared: a side whose voxels are written in a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from occ_pipeline.pipeline.sides import Expected, Told
from occ_pipeline.pipeline.sources import LabelSource
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import State

GRID = VoxelGrid((0.0, 0.0, 0.0), 0.5, (6, 2, 1))
FREE, UNKNOWN, NAMELESS = -1, -2, 255


@dataclass(frozen=True)
class Written:
    """Frames by scene and token: class ids of a grid's voxels, :data:`FREE`, :data:`UNKNOWN`, or :data:`NAMELESS`."""

    frames: Mapping[str, Mapping[str, Sequence[int]]]
    words: str = "labels"
    on: VoxelGrid | None = GRID
    taxonomy: str = "nuscenes_lidarseg"
    form: type[LabelSource] | None = None
    inside: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Mask to its 0 and 1, of every frame."""
    bodies: Sequence[int] | None = None
    names: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """What a format calls the frames of a scene."""
    products: tuple[str, ...] = ("written",)
    exact: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def scenes(self) -> Sequence[str]:
        return list(self.frames)

    def tokens(self, scene: str) -> Sequence[str]:
        return list(self.frames[scene])

    def names_in(self, form: type[LabelSource], scene: str) -> Sequence[tuple[str, str]]:
        return self.names.get(scene, [(scene, token) for token in self.tokens(scene)])

    def grid(self, scene: str) -> VoxelGrid | None:
        return self.on

    def masks(self, scene: str) -> Sequence[str]:
        return list(self.inside)

    def fingerprint(self, scene: str) -> str | None:
        return None

    def told(self, scene: str, row: int, grid: VoxelGrid, mask: str | None) -> Told:
        values = np.array(self.frames[scene][self.tokens(scene)[row]]).reshape(grid.shape)
        occupied = values >= 0
        state = np.where(occupied, State.OCCUPIED, np.where(values == FREE, State.FREE, State.UNKNOWN))
        body = None if self.bodies is None else np.array(self.bodies, np.uint8).reshape(grid.shape)
        inside = None if mask is None else np.array(self.inside[mask]).reshape(grid.shape) == 1
        semantics = np.where(occupied, values, NAMELESS).astype(np.uint8)
        return Told(state=state.astype(np.uint8), semantics=semantics, body=body, inside=inside)

    def expected(self, scene: str, row: int, grid: VoxelGrid, mask: str | None) -> Expected:
        return Expected.of(self.told(scene, row, grid, mask))

    def grid_SE3_ego(self, scene: str, row: int) -> np.ndarray | None:
        return None


def one(values: Sequence[int], **more: object) -> Written:
    """One frame of twelve voxels."""
    return Written({"scene": {"a": values}}, **more)  # type: ignore[arg-type]
