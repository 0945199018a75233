"""MonoScene's arrays of SemanticKITTI: ``SS/FFFFFF_1_1.npy``, (256, 256, 32) float32, class ids, 0 free, 255 ignored."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...schemas.reference_labels import ReferenceLabels
from ...schemas.taxonomy import SEMANTICKITTI
from .files import DataRoot
from .label_scenes import FileLabels, LabelledScene, listed, refuse_values
from .npy import Wanted, read_npy
from .semantickitti import SPLITS
from .semantickitti_voxels import NO_POSES
from .voxel_files import GRID, scenes_in

ENDING, IGNORED = "_1_1.npy", 255


class MonoSceneSource(FileLabels):
    """What MonoScene and those after it make of SemanticKITTI's voxels. What they ignore is unknown: files do not say why."""

    name: ClassVar[str] = "monoscene"
    return_bytes: ClassVar[int] = 1
    layout: ClassVar[str] = f"SS/FFFFFF{ENDING}"
    masks: ClassVar[tuple[str, ...]] = ("lidar",)
    taxonomy: ClassVar[str] = SEMANTICKITTI.name
    licence: ClassVar[str] = "CC BY-NC-SA 4.0 (labels), CC BY-NC-SA 3.0 (KITTI), non-commercial (semantic-kitti.org)"

    @classmethod
    def find(cls, folder: Path) -> tuple[Path, Mapping[str, LabelledScene]]:
        root = Path(os.path.realpath(folder))
        return root, scenes_in(root, listed(root, folders=True), "{}", ENDING, SPLITS)

    @property
    def caveats(self) -> tuple[str, ...]:
        return (f"ignored voxels (255) are unknown, all others count as observed; {NO_POSES}",)

    @classmethod
    def labels(cls, files: DataRoot, name: str) -> ReferenceLabels:
        values = read_npy(files, name, Wanted(GRID.shape, "iubf"))
        highest = len(SEMANTICKITTI.classes) - 1
        # Fractions, and what is not a number, are among the wrong.
        wrong = ~np.isin(values, [*range(highest + 1), IGNORED])
        words = f"0 for free, 1 to {highest}, or {IGNORED} to ignore"
        refuse_values(
            wrong,
            values,
            "array holds an id that is no class",
            name,
            words,
            "make the files with MonoScene's preprocess.py",
        )
        ids = values.astype(np.uint8)
        seen = (ids != IGNORED).astype(np.uint8)
        return ReferenceLabels(GRID, (ids != 0) & (ids != IGNORED), ids, seen, seen)
