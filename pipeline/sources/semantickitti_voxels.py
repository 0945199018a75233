"""SemanticKITTI's voxels: ``sequences/SS/voxels/FFFFFF.label, .invalid, .bin``, 256 x 256 x 32 of 0.2 m in the LiDAR's frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...schemas.reference_labels import ReferenceLabels
from ...schemas.scene import SceneTables
from ...schemas.taxonomy import SEMANTICKITTI
from .files import DataRoot
from .label_scenes import FileLabels, LabelledScene, below, listed
from .semantickitti import LEARNING_MAP, SPLITS
from .voxel_files import beside, masked, read_bits, read_labels, scenes_in

SEQUENCES = "sequences"
IDS = {0: 0, 1: 0, 52: 0, 99: 0, **LEARNING_MAP}
"""Raw ids that a file may hold, to class ids, 0 for none."""
NO_POSES = "the files tell no poses: frames are a tenth of a second apart by their numbers, and all poses are identity"


class SemanticKittiVoxels(FileLabels):
    """The labels of SemanticKITTI's scene completion. What is invalid is unknown, whatever its label, as loaders have it."""

    name: ClassVar[str] = "semantickitti"
    return_bytes: ClassVar[int] = 1
    layout: ClassVar[str] = f"{SEQUENCES}/SS/voxels/FFFFFF.label"
    has_scans: ClassVar[bool] = True
    masks: ClassVar[tuple[str, ...]] = ("lidar",)
    taxonomy: ClassVar[str] = SEMANTICKITTI.name
    licence: ClassVar[str] = "CC BY-NC-SA 4.0 (labels), CC BY-NC-SA 3.0 (KITTI), non-commercial (semantic-kitti.org)"

    @classmethod
    def stored_as(cls) -> str:
        # The raw log's own stores have the name.
        return "semantickitti-voxels"

    @classmethod
    def find(cls, folder: Path) -> tuple[Path, Mapping[str, LabelledScene]]:
        root = below(folder, SEQUENCES)
        before = f"{SEQUENCES}/" if (root / SEQUENCES).is_dir() else ""
        names = listed(root / before, folders=True)
        return root, scenes_in(root, names, f"{before}{{}}/voxels", ".label", SPLITS)

    @property
    def caveats(self) -> tuple[str, ...]:
        lost = "raw ids become classes: moving things and lane markings are no longer told apart, and .occluded is not read"
        return (f"{NO_POSES}; {lost}",)

    @classmethod
    def companions(cls, label_file: str) -> tuple[str, ...]:
        return (beside(label_file, ".invalid"),)

    @classmethod
    def labels(cls, files: DataRoot, name: str) -> ReferenceLabels:
        words = "ids of learning_map in semantic-kitti.yaml"
        return masked(read_labels(files, name, IDS, words), read_bits(files, beside(name, ".invalid")), IDS)

    @classmethod
    def scan_voxels(cls, data_root: Path, tables: SceneTables, frame: int) -> NDArray[np.bool_]:
        return read_bits(DataRoot(data_root), beside(tables.point_files[frame], ".bin"))
