"""SemanticKITTI's files of a voxel grid, without headers, as it and SSCBench have them: raw ids, and bits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import GRIDS
from ...schemas.reference_labels import ReferenceLabels
from ...schemas.taxonomy import NO_LABEL
from .files import DataRoot
from .label_scenes import LabelledScene, listed, refuse_values
from .npy import read_raw
from .semantickitti import EGO_SE3_LIDAR

GRID = GRIDS["semantickitti"]
VOXELS = 256 * 256 * 32
SCAN_NS = 100_000_000
"""KITTI's LiDAR turns ten times a second."""
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)


def frames_in(root: Path, folder: str, ending: str, split: str) -> LabelledScene | None:
    """The frames of a folder by the numbers that name their files, a tenth of a second each; None without any."""
    stems = [name.removesuffix(ending) for name in listed(root / folder) if name.endswith(ending)]
    tokens = sorted((stem for stem in stems if _NUMBER.fullmatch(stem)), key=lambda stem: (int(stem), stem))
    if not tokens:
        return None
    times = np.array([int(token) for token in tokens], dtype=np.int64)
    # 5 and 05 are one time.
    times = times if len(set(times.tolist())) == len(times) else np.arange(len(times), dtype=np.int64)
    return LabelledScene(
        tokens=tokens,
        files=[f"{folder}/{token}{ending}" for token in tokens],
        timestamps_ns=times * SCAN_NS,
        ego_SE3_lidar=EGO_SE3_LIDAR,
        split=split,
    )


def scenes_in(
    root: Path, names: Sequence[str], folder: str, ending: str, splits: Mapping[str, str]
) -> dict[str, LabelledScene]:
    """Scenes by name that have frames; ``folder`` names each one's with ``{}`` for its name."""
    found = {name: frames_in(root, folder.format(name), ending, splits.get(name, "")) for name in names}
    return {name: scene for name, scene in found.items() if scene is not None}


def beside(label_file: str, ending: str) -> str:
    """The file of the same frame with another ending."""
    return label_file.removesuffix(".label") + ending


def read_labels(files: DataRoot, name: str, learning_map: Mapping[int, int], ids: str) -> NDArray[np.uint16]:
    """(X, Y, Z) uint16 raw ids. Raises InputError for one that the learning map does not know."""
    raw = np.frombuffer(read_raw(files, name, 2 * VOXELS), "<u2").reshape(GRID.shape)
    known = np.zeros(1 << 16, dtype=np.bool_)
    known[list(learning_map)] = True
    refuse_values(
        ~known[raw], raw, "label file holds an id that is no class", name, ids, "give voxels with the dataset's raw ids"
    )  # fmt: skip
    return raw


def read_bits(files: DataRoot, name: str) -> NDArray[np.bool_]:
    """(X, Y, Z) bool: one bit a voxel, the first in the highest. Raises InputError."""
    return (
        np.unpackbits(np.frombuffer(read_raw(files, name, VOXELS // 8), np.uint8)).astype(np.bool_).reshape(GRID.shape)
    )


def masked(raw: NDArray[np.uint16], invalid: NDArray[np.bool_], learning_map: Mapping[int, int]) -> ReferenceLabels:
    """Labels from raw ids: 0 is free, what the map knows without a class occupied all the same, and invalid unknown."""
    classes = np.full(1 << 16, NO_LABEL, dtype=np.uint8)
    for value, class_id in learning_map.items():
        classes[value] = class_id or NO_LABEL
    seen = (~invalid).astype(np.uint8)
    return ReferenceLabels(GRID, (raw != 0) & ~invalid, classes[raw], seen, seen)
