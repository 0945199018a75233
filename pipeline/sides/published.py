"""Published voxel labels, to be compared as they lie on disk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import InputError
from ...schemas.grid import VoxelGrid
from ...schemas.scene import SceneTables
from ...stages.import_labels import occupancy
from ..exports import EXPORTS
from ..session import open_labels
from ..sources import LABEL_FORMATS, LabelSource, LoggedScene, preflight
from .side import Expected, FrameName, Told


class PublishedLabels:
    """The labels of a folder in a published format. A :class:`Side`."""

    def __init__(self, format_name: str, folder: Path) -> None:
        """Raises UsageError where the folder holds none."""
        log = open_labels(format_name, folder, "correct the folder's name, or the format")
        self._name, self._data_root, self._source = format_name, log.data_root, log.source
        self._folder = folder.absolute().name

    @property
    def words(self) -> str:
        return f"{self._name} labels in {self._folder}"

    @property
    def products(self) -> tuple[str, ...]:
        return (self._name,)

    @property
    def taxonomy(self) -> str:
        return self._source.taxonomy

    @property
    def form(self) -> type[LabelSource] | None:
        return LABEL_FORMATS[self._name]

    @property
    def exact(self) -> bool:
        return False

    @property
    def remarks(self) -> tuple[str, ...]:
        if LABEL_FORMATS[self._name].masks:
            return ()
        return (f"{self._name} has no masks: what its files leave out counts as free",)

    @property
    def scenes(self) -> Sequence[str]:
        return self._source.scene_names()

    def tokens(self, scene: str) -> Sequence[str]:
        return self._tables(scene).frame_tokens

    def names_in(self, form: type[LabelSource], scene: str) -> Sequence[FrameName]:
        tables = self._tables(scene)
        return [form.frame_name(tables, frame) for frame in range(len(tables.frame_tokens))]

    def grid(self, scene: str) -> VoxelGrid | None:
        del scene
        return EXPORTS[self._name].grid

    def masks(self, scene: str) -> Sequence[str]:
        del scene
        return LABEL_FORMATS[self._name].masks

    def fingerprint(self, scene: str) -> str | None:
        del scene

    def told(self, scene: str, row: int, grid: VoxelGrid, mask: str | None) -> Told:
        del grid
        arrays = occupancy(LABEL_FORMATS[self._name].read(self._data_root, self._tables(scene), row))
        inside = None if mask is None else arrays[f"mask_{mask}"] == 1
        return Told(state=arrays["state"], semantics=arrays["semantics"], body=None, inside=inside)

    def expected(self, scene: str, row: int, grid: VoxelGrid, mask: str | None) -> Expected:
        return Expected.of(self.told(scene, row, grid, mask))

    def grid_SE3_ego(self, scene: str, row: int) -> NDArray[np.float64] | None:
        if EXPORTS[self._name].grid.frame == "ego":
            return np.eye(4)
        tables = self._tables(scene)
        ego_SE3_lidar: NDArray[np.float64] = tables.ego_SE3_lidar[int(tables.key_sweeps[row])]
        return np.linalg.inv(ego_SE3_lidar)

    def _tables(self, scene: str) -> SceneTables:
        """Raises InputError for a scene whose files are not what they should be, once it is asked for."""
        found = self._indexed[scene]
        if isinstance(found, InputError):
            raise found
        return found

    @cached_property
    def _indexed(self) -> dict[str, SceneTables | InputError]:
        # A format may have one table for all scenes, and it may be large.
        indexed = zip(self._source.scene_names(), self._source.index(), strict=True)
        return {name: self._present(found) for name, found in indexed}

    def _present(self, found: LoggedScene | InputError) -> SceneTables | InputError:
        """A scene restricted to key frames whose files are there: a list of frames may tell of more."""
        if isinstance(found, InputError):
            return found
        there = preflight(self._data_root, found.tables)
        if there.tables is not None:
            return there.tables
        absent = InputError("none of the scene's label files is there", scene=found.tables.scene)
        return there.problems[0] if there.problems else absent
