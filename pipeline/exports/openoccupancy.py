"""OpenOccupancy's labels of nuScenes (nuScenes-Occupancy)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ...schemas.taxonomy import NUSCENES
from .format import Format, Frame, npy

NOISE = 0


class OpenOccupancy(Format):
    """``scene_<scene token>/occupancy/<LiDAR token>.npy``: (N, 4) int16 rows z, y, x, class; LiDAR frame, 512 x 512 x 40 of 0.2 m.

    Rows are sorted by z, y, x. Its loaders convert whatever whole numbers they find; int16 is what its sizes on disk tell.
    """

    name: ClassVar[str] = "openoccupancy"
    grid_name: ClassVar[str] = "openoccupancy"
    taxonomies: ClassVar[tuple[str, ...]] = (NUSCENES.name,)
    wants_tokens: ClassVar[bool] = True
    convention: ClassVar[str] = (
        "unknown voxels are left out, which its loaders read as free; occupied ones without a class, and others, are 0, which"
        " they ignore"
    )

    def files(self, frame: Frame) -> Mapping[str, bytes]:
        x, y, z, classes = frame.occupied(NOISE).T
        order = np.lexsort((x, y, z))
        rows = np.column_stack([z, y, x, classes])[order].astype("<i2")
        return {f"scene_{frame.scene_token}/occupancy/{frame.lidar_token}.npy": npy(rows)}
