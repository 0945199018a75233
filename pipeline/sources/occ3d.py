"""Occ3D-nuScenes: ``gts/<scene>/<frame token>/labels.npz``, with an ``annotations.json`` beside ``gts`` or without.

Each file has three arrays of 200 x 200 x 16 voxels of 0.4 m in the ego frame, indexed [x, y, z]: ``semantics``, 0 to 16 as nuScenes
lidarseg and 17 free, observed or not; ``mask_lidar`` and ``mask_camera``, 1 where observed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import InputError
from ...schemas.grid import GRIDS
from ...schemas.reference_labels import ReferenceLabels
from ...schemas.scene import SceneTables
from ...schemas.taxonomy import NUSCENES
from .files import DataRoot
from .label_scenes import LabelledScene, label_tables, refuse_values
from .label_source import LabelSource
from .npy import Wanted
from .npz import read_npz
from .occ3d_frames import ANNOTATIONS, FILE, Annotations, Folders, Frames
from .source import LoggedScene, names_digest, scene_by_scene

FREE = len(NUSCENES.classes)
"""The id of ``semantics`` after the classes': nothing is there."""
GRID = GRIDS["occ3d"]
KEYS = ("semantics", "mask_lidar", "mask_camera")


class Occ3DSource(LabelSource):
    """Occ3D's labels of nuScenes."""

    name: ClassVar[str] = "occ3d"
    return_bytes: ClassVar[int] = 1
    layout: ClassVar[str] = f"gts/SCENE/TOKEN/{FILE}, SCENE/TOKEN/{FILE}, or of one scene TOKEN/{FILE}"
    masks: ClassVar[tuple[str, ...]] = ("lidar", "camera")
    taxonomy: ClassVar[str] = NUSCENES.name
    licence: ClassVar[str] = (
        "MIT (Occ3D), made from nuScenes: CC BY-NC-SA 4.0, non-commercial (nuscenes.org/terms-of-use)"
    )

    def __init__(self, folder: Path, version: str = "nuscenes") -> None:
        found = Folders.at(folder)
        super().__init__(found.data_root, version)
        self._scenes = found.scenes

    @classmethod
    def versions(cls, data_root: Path) -> list[str]:
        return ["nuscenes"] if Folders.at(data_root).scenes else []

    @property
    def caveats(self) -> tuple[str, ...]:
        if self._annotated:
            return ()
        return (
            f"no {ANNOTATIONS} beside the labels: frames are in order of their tokens, half a second apart, and all poses identity",
        )

    @property
    def _annotated(self) -> bool:
        return (self.data_root / ANNOTATIONS).is_file()

    def table_files(self) -> list[str]:
        # Without annotations the folders' names are all there is to read; a file shows workers elsewhere what they must see.
        first = next((file for files in self._scenes.values() for file in files.values()), ANNOTATIONS)
        return [ANNOTATIONS if self._annotated else first]

    def identity(self) -> Mapping[str, str]:
        names = [file for files in self._scenes.values() for file in files.values()]
        return {"frames": names_digest(names)}

    def scene_names(self) -> list[str]:
        return list(self._scenes)

    def index(self, scenes: Sequence[str] | None = None) -> Iterator[LoggedScene | InputError]:
        annotations = Annotations(self.data_root) if self._annotated else None

        def read(scene: str) -> LoggedScene:
            files = self._scenes[scene]
            frames = annotations.frames(scene, list(files)) if annotations else Frames.by_token(list(files))
            return label_tables(self, scene, _labelled(files, frames))

        return scene_by_scene(self.scene_names(), scenes, read)

    @classmethod
    def read(cls, data_root: Path, tables: SceneTables, frame: int) -> ReferenceLabels:
        name = tables.point_files[int(tables.key_sweeps[frame])]
        try:
            found = read_npz(DataRoot(data_root), name, dict.fromkeys(KEYS, Wanted(GRID.shape)))
            for key, value in found.items():
                _check_values(key, value, name)
        except InputError as error:
            error.scene, error.frame = tables.scene, tables.frame_tokens[frame]
            raise
        semantics, mask_lidar, mask_camera = (value.astype(np.uint8, copy=False) for value in found.values())
        return ReferenceLabels(GRID, semantics < FREE, semantics, mask_lidar, mask_camera)


def _check_values(key: str, values: NDArray[Any], name: str) -> None:
    highest = FREE if key == "semantics" else 1
    what, expected = "holds an id that is no class", f"0 to {FREE - 1}, or {FREE} for free"
    if key != "semantics":
        what, expected = "is no mask", "0 or 1"
    fix = "give labels of Occ3D-nuScenes, in its own class ids"
    refuse_values((values < 0) | (values > highest), values, f"{key} {what}", name, expected, fix)


def _labelled(files: Mapping[str, str], frames: Frames) -> LabelledScene:
    # A frame that only the annotations tell of would lie beside the others.
    known, path = next(iter(files.items()))
    folder = path.removesuffix(f"{known}/{FILE}")
    return LabelledScene(
        tokens=frames.tokens, files=[f"{folder}{token}/{FILE}" for token in frames.tokens],
        timestamps_ns=frames.timestamps_ns, world_SE3_ego=frames.world_SE3_ego, split=frames.split,
    )  # fmt: skip
