"""What formats of published labels share: scenes made of files alone, and errors that say which frame."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...schemas.cameras import CameraTables
from ...schemas.errors import InputError, UsageError
from ...schemas.frames import Float64
from ...schemas.reference_labels import ReferenceLabels
from ...schemas.scene import SceneTables
from .files import DataRoot, check_name
from .label_source import LabelSource
from .nuscenes_tables import SAFE_NAME
from .source import LoggedScene, names_digest, scene_by_scene


@dataclass(frozen=True, kw_only=True)
class LabelledScene:
    """A scene's key frames, in order, each with its label file; poses are identity where nothing tells them."""

    tokens: list[str]
    files: list[str]
    """Label files, relative to the data root."""
    timestamps_ns: NDArray[np.int64]
    """(K,) int64, increasing."""
    world_SE3_ego: Float64 | None = None
    """(K, 4, 4) float64."""
    ego_SE3_lidar: Float64 | None = None
    """(4, 4) float64: the LiDAR's mounting, of labels in its frame; identity where None."""
    split: str = ""
    scene_token: str = ""
    lidar_tokens: list[str] = field(default_factory=list[str])


def label_tables(source: LabelSource, scene: str, told: LabelledScene) -> LoggedScene:
    """A scene's tables: its key frames, and no sensor. Raises InputError for names that cannot be files."""
    if not SAFE_NAME.fullmatch(scene):
        expected, fix = "letters, digits and _ . + -", "rename its folder"
        raise InputError("scene name cannot be a folder name", found=ascii(scene), expected=expected, fix=fix)
    for file in told.files:
        check_name(file)
    count = len(told.tokens)
    identity = np.tile(np.eye(4), (count, 1, 1))
    mounting = np.eye(4) if told.ego_SE3_lidar is None else told.ego_SE3_lidar
    tables = SceneTables(
        timestamps_ns=told.timestamps_ns,
        world_SE3_ego=identity if told.world_SE3_ego is None else told.world_SE3_ego,
        ego_SE3_lidar=np.tile(mounting, (count, 1, 1)),
        key_sweeps=np.arange(count, dtype=np.int32),
        box_track=np.zeros(0, np.int32),
        box_timestamps_ns=np.zeros(0, np.int64),
        world_SE3_box=np.zeros((0, 4, 4)),
        box_size_m=np.zeros((0, 3)),
        scene=scene,
        dataset=source.stored_as(),
        version=source.version,
        split=told.split,
        taxonomy=source.taxonomy,
        synthetic=False,
        point_columns=0,
        point_files=told.files,
        label_files=[""] * count,
        label_classes=[],
        label_kinds=[],
        label_bytes=1,
        frame_tokens=told.tokens,
        track_tokens=[],
        track_categories=[],
        track_classes=[],
        scene_token=told.scene_token,
        lidar_tokens=told.lidar_tokens,
    )
    return LoggedScene(tables, CameraTables.none(scene, told.tokens))


class FileLabels(LabelSource):
    """A format whose files are all it has: names tell scenes and key frames, and nothing tells poses."""

    def __init__(self, folder: Path, version: str = "labels") -> None:
        root, self._scenes = self.find(folder)
        super().__init__(root, version)

    @classmethod
    @abstractmethod
    def find(cls, folder: Path) -> tuple[Path, Mapping[str, LabelledScene]]:
        """The data root, and its scenes by name, sorted. Raises UsageError for a folder that cannot be listed."""

    @classmethod
    @abstractmethod
    def labels(cls, files: DataRoot, name: str) -> ReferenceLabels:
        """One label file. Raises InputError, for :meth:`read` to say which frame it is of."""

    @classmethod
    def versions(cls, data_root: Path) -> list[str]:
        return ["labels"] if cls.find(data_root)[1] else []

    def table_files(self) -> list[str]:
        # Folders' names are all there is to read; a file shows workers elsewhere what they must see.
        return [next(iter(scene.files[0] for scene in self._scenes.values()))]

    def identity(self) -> Mapping[str, str]:
        names = [file for scene in self._scenes.values() for file in scene.files]
        return {"frames": names_digest(names)}

    def scene_names(self) -> list[str]:
        return list(self._scenes)

    def index(self, scenes: Sequence[str] | None = None) -> Iterator[LoggedScene | InputError]:
        return scene_by_scene(self.scene_names(), scenes, lambda name: label_tables(self, name, self._scenes[name]))

    @classmethod
    def read(cls, data_root: Path, tables: SceneTables, frame: int) -> ReferenceLabels:
        try:
            return cls.labels(DataRoot(data_root), tables.point_files[int(tables.key_sweeps[frame])])
        except InputError as error:
            error.scene, error.frame = tables.scene, tables.frame_tokens[frame]
            raise


def steps_ns(count: int, step_ns: int) -> NDArray[np.int64]:
    """(count,) int64: times from 0 on, where nothing tells them."""
    return np.arange(count, dtype=np.int64) * step_ns


def listed(folder: Path, *, folders: bool = False) -> list[str]:
    """Names of the files, or of the folders, in a folder, sorted; none where there is no such folder. Raises UsageError."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.name[0] != "." and (entry.is_dir() if folders else entry.is_file())
            )
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        fix = "check its permissions and the disk"
        raise UsageError(
            "a folder of labels cannot be read", file=str(folder), found=error.strerror, fix=fix
        ) from error


def below(folder: Path, name: str) -> Path:
    """The data root of a format whose files lie in a folder of this name: its parent, whichever of both a user names."""
    base = Path(os.path.realpath(folder))
    if base.name != name and (base / name).is_dir():
        # Often a link to where the archive was unpacked: its files are below the root that it leads to.
        base = Path(os.path.realpath(base / name))
    return base.parent if base.name == name else base


def refuse_values(
    wrong: NDArray[np.bool_], values: NDArray[Any], what: str, name: str, expected: str, fix: str
) -> None:
    """Raises InputError for the first wrong voxel of a grid indexed [x, y, z], with its value."""
    if wrong.any():
        place = [int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape)]
        more = int(np.count_nonzero(wrong)) - 1
        many = f", and {more} more" if more else ""
        raise InputError(
            what, file=name, found=f"{values[tuple(place)]} at [x, y, z] = {place}{many}", expected=expected, fix=fix
        )  # fmt: skip
