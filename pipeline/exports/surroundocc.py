"""SurroundOcc's dense labels of nuScenes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import ClassVar

import numpy as np

from ...schemas.occupancy import State
from ...schemas.taxonomy import NUSCENES
from .format import Format, Frame, npy

NOISE = 0


class SurroundOcc(Format):
    """``samples/<LiDAR file>.npy``: (N, 4) int64 rows x, y, z, class of occupied voxels; LiDAR frame, 200 x 200 x 16 of 0.5 m."""

    name: ClassVar[str] = "surroundocc"
    grid_name: ClassVar[str] = "surroundocc"
    taxonomy: ClassVar[str] = NUSCENES.name
    convention: ClassVar[str] = (
        "unknown voxels are left out, which its loaders read as free; occupied ones without a class, and others, are 0, which"
        " they ignore"
    )

    def files(self, frame: Frame) -> Mapping[str, bytes]:
        places = np.argwhere(frame.state == State.OCCUPIED)
        classes = frame.semantics[tuple(places.T)].astype(np.int64)
        rows = np.column_stack([places, np.where(classes == 255, NOISE, classes)]).astype(np.int64)
        return {f"samples/{PurePosixPath(frame.point_file).name}.npy": npy(rows)}
