"""SurroundOcc's dense labels of nuScenes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import ClassVar

from ...schemas.taxonomy import NUSCENES
from .format import Format, Frame, npy

NOISE = 0


class SurroundOcc(Format):
    """``samples/<LiDAR file>.npy``: (N, 4) int64 rows x, y, z, class of occupied voxels; LiDAR frame, 200 x 200 x 16 of 0.5 m."""

    name: ClassVar[str] = "surroundocc"
    grid_name: ClassVar[str] = "surroundocc"
    taxonomies: ClassVar[tuple[str, ...]] = (NUSCENES.name,)
    convention: ClassVar[str] = (
        "unknown voxels are left out, which its loaders read as free; occupied ones without a class, and others, are 0, which"
        " they ignore"
    )

    def files(self, frame: Frame) -> Mapping[str, bytes]:
        # Published labels are named by their scan already.
        scan = PurePosixPath(frame.point_file).name.removesuffix(".npy")
        return {f"samples/{scan}.npy": npy(frame.occupied(NOISE))}
