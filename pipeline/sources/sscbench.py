"""SSCBench-KITTI-360: ``data_2d_raw/<sequence>/voxels/FFFFFF.label, .invalid, .bin``, 256 x 256 x 32 of 0.2 m, LiDAR frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...schemas.reference_labels import ReferenceLabels
from ...schemas.scene import SceneTables
from ...schemas.taxonomy import SSCBENCH_KITTI360
from .files import DataRoot
from .label_scenes import FileLabels, LabelledScene, below, listed, refuse_values
from .npy import read_raw
from .semantickitti_voxels import NO_POSES
from .voxel_files import GRID, VOXELS, beside, masked, read_bits, read_labels, scenes_in

FOLDER = "data_2d_raw"
LEARNING_MAP: Mapping[int, int] = MappingProxyType(
    {
        0: 0, 1: 0, 10: 1, 11: 2, 13: 5, 15: 3, 16: 5, 18: 4, 20: 5, 30: 6, 31: 0, 32: 0, 40: 7, 44: 8, 48: 9, 49: 10, 50: 11,
        51: 12, 52: 17, 60: 7, 70: 13, 71: 0, 72: 14, 80: 15, 81: 16, 99: 18, 252: 1, 253: 0, 254: 6, 255: 0, 256: 5, 257: 5,
        258: 4, 259: 5,
    }
)  # fmt: skip
"""Raw ids to class ids, 0 for none (github.com/ai4ce/SSCBench, dataset/configs/kitti360.yaml)."""
SPLITS: Mapping[str, str] = MappingProxyType(
    {f"2013_05_28_drive_{n:04d}_sync": "train" for n in (0, 2, 3, 4, 5, 7, 10)}
    | {"2013_05_28_drive_0006_sync": "val", "2013_05_28_drive_0009_sync": "test"}
)


class SscbenchKitti360Source(FileLabels):
    """SSCBench's labels of KITTI-360. What has a label is valid, whatever its mask says, as loaders have it."""

    name: ClassVar[str] = "sscbench-kitti360"
    return_bytes: ClassVar[int] = 1
    layout: ClassVar[str] = f"{FOLDER}/SEQUENCE/voxels/FFFFFF.label"
    has_scans: ClassVar[bool] = True
    masks: ClassVar[tuple[str, ...]] = ("lidar",)
    renamed: ClassVar[str] = (
        "SSCBench counts KITTI-360's frames anew: key frames of the log are matched with files of the same number, which are those"
        " of the same moment in what was exported from the log alone"
    )
    taxonomy: ClassVar[str] = SSCBENCH_KITTI360.name
    licence: ClassVar[str] = "CC BY-NC-SA 3.0 (SSCBench and KITTI-360), non-commercial (cvlibs.net/datasets/kitti-360)"

    @classmethod
    def find(cls, folder: Path) -> tuple[Path, Mapping[str, LabelledScene]]:
        root = below(folder, FOLDER)
        before = f"{FOLDER}/" if (root / FOLDER).is_dir() else ""
        names = listed(root / before, folders=True)
        return root, scenes_in(root, names, f"{before}{{}}/voxels", ".label", SPLITS)

    @property
    def caveats(self) -> tuple[str, ...]:
        return (f"{NO_POSES}; raw ids become classes: moving things and lane markings are no longer told apart",)

    @classmethod
    def companions(cls, label_file: str) -> tuple[str, ...]:
        return (beside(label_file, ".invalid"),)

    @classmethod
    def labels(cls, files: DataRoot, name: str) -> ReferenceLabels:
        raw = read_labels(files, name, LEARNING_MAP, "ids of learning_map in SSCBench's kitti360.yaml")
        mask = beside(name, ".invalid")
        # A byte a voxel, where SemanticKITTI has a bit.
        invalid = np.frombuffer(read_raw(files, mask, VOXELS), np.uint8).reshape(GRID.shape)
        refuse_values(invalid > 1, invalid, "mask is no mask", mask, "0 or 1", "download the file again")
        return masked(raw, (invalid == 1) & (raw == 0), LEARNING_MAP)

    @classmethod
    def scan_voxels(cls, data_root: Path, tables: SceneTables, frame: int) -> NDArray[np.bool_]:
        return read_bits(DataRoot(data_root), beside(tables.point_files[frame], ".bin"))
