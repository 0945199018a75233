"""Voxel labels of one key frame as a published format has them, in this project's words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .grid import VoxelGrid


@dataclass(frozen=True)
class ReferenceLabels:
    """One key frame, every array (X, Y, Z) and indexed [x, y, z]. Raises ValueError for other shapes or types."""

    grid: VoxelGrid
    occupied: NDArray[np.bool_]
    """(X, Y, Z) bool: what the format gives a class, or calls occupied."""
    semantics: NDArray[np.uint8]
    """(X, Y, Z) uint8: class ids of the store's taxonomy where occupied, 255 for none; of no meaning elsewhere."""
    mask_lidar: NDArray[np.uint8]
    """(X, Y, Z) uint8: 1 where the LiDAR observed the voxel, else 0."""
    mask_camera: NDArray[np.uint8]
    """(X, Y, Z) uint8: 1 where a camera observed the voxel, else 0."""
    velocity_m_s: NDArray[np.float32] | None = None
    """(X, Y, Z, 2) float32, metres per second along x and y of the grid; None in a format without."""

    def __post_init__(self) -> None:
        for name, dtype in (("occupied", "bool"), *((n, "uint8") for n in ("semantics", "mask_lidar", "mask_camera"))):
            value = getattr(self, name)
            if value.dtype != np.dtype(dtype) or value.shape != self.grid.shape:
                raise ValueError(f"{name} is {value.dtype} {value.shape}, wanted {dtype} {self.grid.shape}")
        flow, shape = self.velocity_m_s, (*self.grid.shape, 2)
        if flow is not None and (flow.dtype != np.dtype("float32") or flow.shape != shape):
            raise ValueError(f"velocity_m_s is {flow.dtype} {flow.shape}, wanted float32 {shape}")
