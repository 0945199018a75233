"""SemanticKITTI's scene completion files, and the arrays that MonoScene and those after it make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    taxonomies: ClassVar[tuple[str, ...]] = (SEMANTICKITTI.name,)
    wants_scan: ClassVar[bool] = True
    convention: ClassVar[str] = (
        "unknown voxels are invalid, and occluded where labels do not tell; occupied ones without a class are other-object (99), which loaders ignore"
    )

    def files(self, frame: Frame) -> Mapping[str, bytes]:
        unknown = packed(frame.state == State.UNKNOWN)
        stem = f"sequences/{frame.scene}/voxels/{frame.token}"
        return {
            f"{stem}.label": raw_labels(frame, RAW_IDS, OTHER_OBJECT),
            f"{stem}.bin": packed(frame.hit(self.grid)),
            f"{stem}.invalid": unknown,
            f"{stem}.occluded": unknown if frame.occluded is None else packed(frame.occluded == 1),
        }


def raw_labels(frame: Frame, raw_ids: Sequence[int], unlabelled: int) -> bytes:
    """The content of a ``.label`` file: uint16 by class id, ``unlabelled`` where occupied without one, 0 elsewhere; z fastest."""
    ids = np.full(256, unlabelled, dtype="<u2")
    ids[: len(raw_ids)] = raw_ids
    raw: NDArray[np.uint16] = np.where(frame.state == State.OCCUPIED, ids[frame.semantics], 0).astype("<u2")
    return raw.tobytes()


def packed(chosen: NDArray[np.bool_]) -> bytes:
    """One bit a voxel, z fastest, the first in a byte's highest bit."""
    return np.packbits(chosen.ravel()).tobytes()


class MonoScene(Format):
    """``SS/FFFFFF_1_1.npy``: (256, 256, 32) float32, class ids 1 to 19, 0 free, 255 ignored; for VoxDet, CGFormer, MonoScene."""

    name: ClassVar[str] = "monoscene"
    grid_name: ClassVar[str] = "semantickitti"
    taxonomies: ClassVar[tuple[str, ...]] = (SEMANTICKITTI.name,)
    convention: ClassVar[str] = "unknown voxels, and occupied ones without a class, are ignored (255)"

    def files(self, frame: Frame) -> Mapping[str, bytes]:
        labels = frame.filled(0, IGNORE, IGNORE).astype(np.float32)
        return {f"{frame.scene}/{frame.token}_1_1.npy": npy(labels)}
