"""SurroundOcc: ``samples/<LiDAR file>.npy``, rows x, y, z, class of occupied voxels; LiDAR frame, 200 x 200 x 16 of 0.5 m."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np

from ...schemas.grid import GRIDS
from ...schemas.reference_labels import ReferenceLabels
from ...schemas.scene import SceneTables
from ...schemas.taxonomy import NUSCENES
from .files import DataRoot
from .label_scenes import FileLabels, LabelledScene, below, listed, steps_ns
from .nuscenes_tables import NS_PER_US
from .sparse_voxels import EGO_SE3_LIDAR, UNMASKED, read_rows

SAMPLES, STEP_NS = "samples", 500_000_000
_NAME = re.compile(r"(?P<log>.+)__LIDAR_TOP__(?P<time>\d{1,16})\.pcd\.bin\.npy", re.ASCII)
"""What nuScenes' scans are called: the drive, and its microseconds."""


class SurroundOccSource(FileLabels):
    """SurroundOcc's labels of nuScenes: the names of their files tell drive and time, not the scene."""

    name: ClassVar[str] = "surroundocc"
    return_bytes: ClassVar[int] = 1
    layout: ClassVar[str] = f"{SAMPLES}/SCAN.pcd.bin.npy, or SCAN.pcd.bin.npy"
    taxonomy: ClassVar[str] = NUSCENES.name
    licence: ClassVar[str] = (
        "Apache-2.0 (SurroundOcc), made from nuScenes: CC BY-NC-SA 4.0, non-commercial (nuscenes.org/terms-of-use)"
    )

    @classmethod
    def find(cls, folder: Path) -> tuple[Path, Mapping[str, LabelledScene]]:
        root = below(folder, SAMPLES)
        before = f"{SAMPLES}/" if (root / SAMPLES).is_dir() else ""
        drives: dict[str, list[tuple[int, str]]] = {}
        for file in (name for name in listed(root / before) if name.endswith(".npy")):
            log, time = _drive_and_time(file)
            drives.setdefault(log, []).append((time, file))
        return root, {log: _scene(sorted(found), before) for log, found in sorted(drives.items())}

    @classmethod
    def frame_name(cls, tables: SceneTables, frame: int) -> tuple[str, str]:
        # Published labels are named by their scan already.
        scan = PurePosixPath(tables.point_files[int(tables.key_sweeps[frame])]).name.removesuffix(".npy")
        return _drive_and_time(f"{scan}.npy")[0], scan

    @property
    def caveats(self) -> tuple[str, ...]:
        return (UNMASKED, "the files tell no scenes and no poses: drives stand for scenes, and all poses are identity")

    @classmethod
    def labels(cls, files: DataRoot, name: str) -> ReferenceLabels:
        return read_rows(files, name, GRIDS["surroundocc"], "xyz")


def _drive_and_time(file: str) -> tuple[str, int]:
    """What a file's name tells, the time in microseconds; one drive for all names that tell nothing, and -1."""
    told = _NAME.fullmatch(file)
    if told is None:
        return SAMPLES, -1
    # Singapore's drives have a + for their time zone, which no scene of a store can.
    return re.sub(r"[^\w.-]", "_", told["log"], flags=re.ASCII), int(told["time"])


def _scene(found: list[tuple[int, str]], before: str) -> LabelledScene:
    times = np.array([time for time, _ in found], dtype=np.int64) * NS_PER_US
    told = times[0] >= 0 and (len(times) < 2 or np.diff(times).min() > 0)
    return LabelledScene(
        tokens=[file.removesuffix(".npy") for _, file in found],
        files=[before + file for _, file in found],
        timestamps_ns=times if told else steps_ns(len(found), STEP_NS),
        ego_SE3_lidar=EGO_SE3_LIDAR,
    )
