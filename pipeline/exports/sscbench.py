"""SSCBench-KITTI-360: SemanticKITTI's files with other masks and classes, and the arrays that trainers make of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from ...schemas.occupancy import State
from ...schemas.taxonomy import SEMANTICKITTI, SSCBENCH_KITTI360
from .format import Format, Frame, UInt8, npy
from .semantickitti import RAW_IDS as SEMANTICKITTI_RAW_IDS
from .semantickitti import packed, raw_labels

RAW_IDS = (0, 10, 11, 15, 18, 20, 30, 40, 44, 48, 49, 50, 51, 70, 72, 80, 81, 52, 99)
"""Raw id of each class id (github.com/ai4ce/SSCBench, dataset/configs/kitti360.yaml: learning_map_inv)."""
OUTLIER = 1
"""Raw id of what has no class: 99, which SemanticKITTI has for it, is a class here. Loaders map it to 255."""
IGNORE = 255
RAW_IDS_OF: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {SSCBENCH_KITTI360.name: RAW_IDS, SEMANTICKITTI.name: SEMANTICKITTI_RAW_IDS}
)
"""By taxonomy. Riders and trunks keep SemanticKITTI's ids, which SSCBench's learning map has no class for."""


def _class_ids(raw_ids: tuple[int, ...]) -> UInt8:
    """(256,) uint8: class ids of SSCBench by those whose raw ids these are, 255 for none."""
    ids = np.full(256, IGNORE, dtype=np.uint8)
    for class_id, raw in enumerate(raw_ids[1:], 1):
        ids[class_id] = RAW_IDS.index(raw) if raw in RAW_IDS else IGNORE
    return ids


CLASS_IDS: Mapping[tuple[str, str], UInt8] = MappingProxyType(
    {(SEMANTICKITTI.name, SSCBENCH_KITTI360.name): _class_ids(SEMANTICKITTI_RAW_IDS)}
)
"""From one taxonomy to another: (256,) uint8 class ids of the latter by those of the former, as trainers read the files."""


class SscbenchKitti360(Format):
    """``data_2d_raw/<sequence>/voxels/FFFFFF.bin, .label, .invalid``, and ``preprocess/labels/<sequence>/FFFFFF_1_1.npy``.

    256 x 256 x 32 of 0.2 m in the LiDAR's frame. ``.label`` is uint16 raw ids, z fastest; ``.invalid`` one byte a voxel, where
    SemanticKITTI's has one bit, and ``.bin`` one bit. The ``.npy`` is (256, 256, 32) float32: class ids 1 to 18, 0 free, 255
    ignored.
    """

    name: ClassVar[str] = "sscbench-kitti360"
    grid_name: ClassVar[str] = "kitti360"
    taxonomies: ClassVar[tuple[str, ...]] = (SSCBENCH_KITTI360.name, SEMANTICKITTI.name)
    wants_scan: ClassVar[bool] = True
    convention: ClassVar[str] = (
        "unknown voxels are invalid; occupied ones without a class are outlier (1), and riders and trunks of SemanticKITTI keep"
        " their ids, all of which loaders ignore; frames keep the log's own numbers, and SSCBench counts those of KITTI-360 anew"
    )

    def files(self, frame: Frame) -> Mapping[str, bytes]:
        raw_ids = RAW_IDS_OF[frame.taxonomy]
        unknown = frame.state == State.UNKNOWN
        stem = f"data_2d_raw/{frame.scene}/voxels/{frame.token}"
        return {
            f"{stem}.label": raw_labels(frame, raw_ids, OUTLIER),
            f"{stem}.bin": packed(frame.hit(self.grid)),
            f"{stem}.invalid": unknown.astype(np.uint8).tobytes(),
            f"preprocess/labels/{frame.scene}/{frame.token}_1_1.npy": npy(_classes(frame, raw_ids).astype("<f4")),
        }


def _classes(frame: Frame, raw_ids: tuple[int, ...]) -> UInt8:
    """(X, Y, Z) uint8: what loaders make of the files."""
    filled = frame.filled(0, IGNORE, IGNORE)
    return np.where(frame.state == State.OCCUPIED, _class_ids(raw_ids)[frame.semantics], filled)
