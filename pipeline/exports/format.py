"""The contract of a format: one key frame's voxels in, the bytes of its files out."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import GRIDS, VoxelGrid
from ...schemas.occupancy import State

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A key frame's voxel labels as the store holds them."""

    scene: str
    token: str
    """The dataset's own name of the key frame."""
    point_file: str
    """Its scan, relative to the data root."""
    state: UInt8
    """(X, Y, Z) uint8 :class:`State`."""
    semantics: UInt8
    """(X, Y, Z) uint8: class id where occupied, 255 where it has none."""
    taxonomy: str
    """Whose class ids they are."""
    mask_lidar: UInt8
    """(X, Y, Z) uint8, 0 or 1, as the other."""
    mask_camera: UInt8
    occluded: UInt8 | None = None
    """(X, Y, Z) uint8, 0 or 1: what the key frame's own sensor does not see; None of labels that do not tell."""
    scan: NDArray[np.float32] | None = None
    """(N, 3) float32, metres, LiDAR frame; None where the format asks for none, or the log has voxels of it alone."""
    scan_voxels: NDArray[np.bool_] | None = None
    """(X, Y, Z) bool: where the scan has returns, of published labels, which have no scan."""
    velocity_m_s: NDArray[np.float32] | None = None
    """(X, Y, Z, 2) float32, metres per second along x and y of the grid; None where the format asks for none."""
    scene_token: str = ""
    """The dataset's own token of the scene, where the format asks for it, as the other."""
    lidar_token: str = ""

    def filled(self, free: int, unknown: int, unlabelled: int) -> UInt8:
        """(X, Y, Z) uint8: class ids, and what a format calls free, unknown, and occupied voxels without a class."""
        classes = np.where(self.semantics == 255, np.uint8(unlabelled), self.semantics)
        empty = np.where(self.state == State.FREE, np.uint8(free), np.uint8(unknown))
        filled: UInt8 = np.where(self.state == State.OCCUPIED, classes, empty).astype(np.uint8)
        return filled

    def occupied(self, unlabelled: int) -> NDArray[np.int64]:
        """(N, 4) int64: x, y, z and class id of occupied voxels, sorted; ``unlabelled`` where they have none."""
        places = np.argwhere(self.state == State.OCCUPIED)
        classes = self.semantics[tuple(places.T)].astype(np.int64)
        return np.column_stack([places, np.where(classes == 255, unlabelled, classes)]).astype(np.int64)

    def hit(self, grid: VoxelGrid) -> NDArray[np.bool_]:
        """(X, Y, Z) bool: voxels that the scan's own returns lie in."""
        if self.scan_voxels is not None:
            return self.scan_voxels
        assert self.scan is not None
        voxels, inside = grid.index(self.scan)
        hit = np.zeros(grid.shape, dtype=np.bool_)
        hit[tuple(voxels[inside].T)] = True
        return hit


class Format(ABC):
    """How a published format lays labels out. Pure: the same frame gives the same bytes."""

    name: ClassVar[str]
    """What a user types after ``--format``."""
    grid_name: ClassVar[str]
    """Preset of the grid it is defined on."""
    taxonomies: ClassVar[tuple[str, ...]]
    """Whose class ids it can be written from."""
    wants_scan: ClassVar[bool] = False
    """Whether it holds the key frame's own scan, which the raw log has."""
    wants_flow: ClassVar[bool] = False
    """Whether it holds velocities."""
    wants_tokens: ClassVar[bool] = False
    """Whether its files are named by the dataset's tokens of scene and scan."""
    convention: ClassVar[str]
    """What it does with what it has no word for; said at every export."""

    @property
    def grid(self) -> VoxelGrid:
        """The grid it is defined on."""
        return GRIDS[self.grid_name]

    @abstractmethod
    def files(self, frame: Frame) -> Mapping[str, bytes]:
        """Path, relative to the folder that trainers are pointed at, to content."""


def npy(array: NDArray[Any]) -> bytes:
    """An array as a .npy file, in C order."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def npz(**arrays: NDArray[Any]) -> bytes:
    """Arrays as a compressed .npz file, whose entries bear no time of their own."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return buffer.getvalue()
