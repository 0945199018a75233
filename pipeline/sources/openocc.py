"""OpenOcc v2: ``openocc_v2/<scene>/<token>/labels.npz``, ``semantics`` and ``flow``; ego frame, 200 x 200 x 16 of 0.4 m."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...schemas.errors import InputError
from ...schemas.grid import GRIDS
from ...schemas.reference_labels import ReferenceLabels
from ...schemas.taxonomy import NO_LABEL, NUSCENES
from ..exports.openocc import CLASSES, FREE
from .files import DataRoot
from .label_scenes import FileLabels, LabelledScene, below, listed, refuse_values, steps_ns
from .npy import Wanted
from .npz import read_npz

GRID, FOLDER, FILE, STEP_NS = GRIDS["occ3d"], "openocc_v2", "labels.npz", 500_000_000
WANTED = {"semantics": Wanted(GRID.shape), "flow": Wanted((*GRID.shape, 2), "f")}
_INSTANCES = 8 * 200 * 200 * 16
"""Bytes of an array that releases hold beside these, and nobody reads."""
_FIX = "give labels of OpenOcc v2, in its own class ids"


class OpenOccSource(FileLabels):
    """OpenOcc's labels of nuScenes, version 2."""

    name: ClassVar[str] = "openocc"
    return_bytes: ClassVar[int] = 1
    layout: ClassVar[str] = f"{FOLDER}/SCENE/TOKEN/{FILE}, or SCENE/TOKEN/{FILE}"
    taxonomy: ClassVar[str] = NUSCENES.name
    licence: ClassVar[str] = "CC BY-NC-SA 4.0 (OpenOcc and nuScenes), non-commercial (nuscenes.org/terms-of-use)"

    @classmethod
    def find(cls, folder: Path) -> tuple[Path, Mapping[str, LabelledScene]]:
        root = below(folder, FOLDER)
        before = f"{FOLDER}/" if (root / FOLDER).is_dir() else ""
        scenes: dict[str, LabelledScene] = {}
        for scene in listed(root / before, folders=True):
            tokens = [
                token for token in listed(root / before / scene, folders=True)
                if (root / before / scene / token / FILE).is_file()
            ]  # fmt: skip
            if tokens:
                files = [f"{before}{scene}/{token}/{FILE}" for token in tokens]
                scenes[scene] = LabelledScene(tokens=tokens, files=files, timestamps_ns=steps_ns(len(tokens), STEP_NS))
        return root, scenes

    @property
    def caveats(self) -> tuple[str, ...]:
        return (
            "the format has no masks: all voxels count as observed, by LiDAR and cameras",
            "the files tell no times and no poses: frames are in order of their tokens, half a second apart, and all poses identity",
        )

    @classmethod
    def labels(cls, files: DataRoot, name: str) -> ReferenceLabels:
        found = read_npz(files, name, WANTED, beside=_INSTANCES)
        ids, flow = found["semantics"], found["flow"].astype(np.float32)
        words = f"0 to {FREE - 1}, or {FREE} for free"
        refuse_values((ids < 0) | (ids > FREE), ids, "semantics holds an id that is no class", name, words, _FIX)
        if not np.isfinite(flow).all():
            place = np.argwhere(~np.isfinite(flow).all(axis=-1))[0].tolist()
            found_flow = f"{flow[tuple(place)].tolist()} at [x, y, z] = {place}"
            raise InputError(
                "flow is not finite", file=name, found=found_flow, expected="metres per second", fix=_FIX
            )  # fmt: skip
        classes = np.array([*(NUSCENES.id_of(each) for each in CLASSES), NO_LABEL], dtype=np.uint8)
        seen = np.ones(GRID.shape, dtype=np.uint8)
        return ReferenceLabels(GRID, ids != FREE, classes[ids.astype(np.uint8)], seen, seen, flow)
