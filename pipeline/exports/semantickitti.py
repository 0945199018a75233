"""SemanticKITTI's scene completion files, and the arrays that MonoScene and those after it make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...schemas.occupancy import State
from ...schemas.taxonomy import SEMANTICKITTI
from .format import Format, Frame, npy

RAW_IDS = (0, 10, 11, 15, 18, 20, 30, 31, 32, 40, 44, 48, 49, 50, 51, 70, 71, 72, 80, 81)
"""Raw id of each class id (semantic-kitti-api, config/semantic-kitti.yaml: learning_map_inv)."""
OTHER_OBJECT = 99
"""Raw id of things without a class: loaders map it to 255."""
IGNORE = 255


class SemanticKitti(Format):
    """``sequences/SS/voxels/FFFFFF.bin, .label, .invalid, .occluded``: 256 x 256 x 32 of 0.2 m in the LiDAR's frame.

    ``.label`` is uint16 raw ids, z fastest; the others one bit a voxel, the first in the highest bit. ``.bin`` is where the
    scan's own returns lie.
    """

    name: ClassVar[str] = "semantickitti"
    grid_name: ClassVar[str] = "semantickitti"
    taxonomy: ClassVar[str] = SEMANTICKITTI.name
    wants_scan: ClassVar[bool] = True
    convention: ClassVar[str] = (
        "unknown voxels are invalid and occluded; occupied ones without a class are other-object (99), which loaders ignore"
    )

    def files(self, frame: Frame) -> Mapping[str, bytes]:
        assert frame.scan is not None
        classes = np.array([*RAW_IDS, *[OTHER_OBJECT] * (256 - len(RAW_IDS))], dtype="<u2")
        raw = np.where(frame.state == State.OCCUPIED, classes[frame.semantics], 0).astype("<u2")
        voxels, inside = self.grid.index(frame.scan)
        hit = np.zeros(self.grid.shape, dtype=np.bool_)
        hit[tuple(voxels[inside].T)] = True
        unknown = frame.state == State.UNKNOWN
        stem = f"sequences/{frame.scene}/voxels/{frame.token}"
        return {
            f"{stem}.label": raw.tobytes(),
            f"{stem}.bin": _packed(hit),
            f"{stem}.invalid": _packed(unknown),
            f"{stem}.occluded": _packed(unknown),
        }


def _packed(chosen: NDArray[np.bool_]) -> bytes:
    return np.packbits(chosen.ravel()).tobytes()


class MonoScene(Format):
    """``SS/FFFFFF_1_1.npy``: (256, 256, 32) float32, class ids 1 to 19, 0 free, 255 ignored; for VoxDet, CGFormer, MonoScene."""

    name: ClassVar[str] = "monoscene"
    grid_name: ClassVar[str] = "semantickitti"
    taxonomy: ClassVar[str] = SEMANTICKITTI.name
    convention: ClassVar[str] = "unknown voxels, and occupied ones without a class, are ignored (255)"

    def files(self, frame: Frame) -> Mapping[str, bytes]:
        labels = frame.filled(0, IGNORE, IGNORE).astype(np.float32)
        return {f"{frame.scene}/{frame.token}_1_1.npy": npy(labels)}
