"""OpenOccupancy: ``scene_<token>/occupancy/<LiDAR token>.npy``, rows z, y, x, class; LiDAR frame, 512 x 512 x 40 of 0.2 m."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ...schemas.grid import GRIDS
from ...schemas.reference_labels import ReferenceLabels
from ...schemas.scene import SceneTables
from ...schemas.taxonomy import NUSCENES
from .files import DataRoot
from .label_scenes import FileLabels, LabelledScene, listed, steps_ns
from .sparse_voxels import EGO_SE3_LIDAR, UNMASKED, read_rows

SCENE, FOLDER, STEP_NS = "scene_", "occupancy", 500_000_000


class OpenOccupancySource(FileLabels):
    """OpenOccupancy's labels of nuScenes (nuScenes-Occupancy)."""

    name: ClassVar[str] = "openoccupancy"
    return_bytes: ClassVar[int] = 1
    layout: ClassVar[str] = f"{SCENE}TOKEN/{FOLDER}/TOKEN.npy"
    taxonomy: ClassVar[str] = NUSCENES.name
    licence: ClassVar[str] = (
        "Apache-2.0 (OpenOccupancy), made from nuScenes: CC BY-NC-SA 4.0, non-commercial (nuscenes.org/terms-of-use)"
    )

    @classmethod
    def find(cls, folder: Path) -> tuple[Path, Mapping[str, LabelledScene]]:
        root = Path(os.path.realpath(folder))
        scenes: dict[str, LabelledScene] = {}
        for scene in (name for name in listed(root, folders=True) if name.startswith(SCENE)):
            tokens = [file[:-4] for file in listed(root / scene / FOLDER) if file.endswith(".npy")]
            if tokens:
                scenes[scene] = LabelledScene(
                    tokens=tokens, files=[f"{scene}/{FOLDER}/{token}.npy" for token in tokens],
                    timestamps_ns=steps_ns(len(tokens), STEP_NS), ego_SE3_lidar=EGO_SE3_LIDAR,
                    scene_token=scene.removeprefix(SCENE), lidar_tokens=tokens,
                )  # fmt: skip
        return root, scenes

    @classmethod
    def frame_name(cls, tables: SceneTables, frame: int) -> tuple[str, str]:
        if not tables.lidar_tokens:
            return super().frame_name(tables, frame)
        return f"{SCENE}{tables.scene_token}", tables.lidar_tokens[frame]

    @property
    def caveats(self) -> tuple[str, ...]:
        told = "the files tell no times and no poses: frames are in order of their tokens, half a second apart, and all poses identity"
        return (UNMASKED, told)

    @classmethod
    def labels(cls, files: DataRoot, name: str) -> ReferenceLabels:
        return read_rows(files, name, GRIDS["openoccupancy"], "zyx")
