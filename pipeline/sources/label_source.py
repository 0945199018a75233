"""The contract of a format of published voxel labels, whose files stand in for a raw log."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...schemas.reference_labels import ReferenceLabels
from ...schemas.scene import SceneTables
from .source import Source


class LabelSource(Source):
    """A folder of published labels. Its scenes have key frames alone, each with its label file in the place of a sweep's.

    ``name`` is what a user types before the colon of ``--labels FORMAT:DIR``. A reader may take a folder for the data root that
    lies above the one it is given, so that one copy of a release is one log, whatever part of it is named.
    """

    has_scans: ClassVar[bool] = False
    """Whether it tells where the key frames' own scans have returns."""

    masks: ClassVar[tuple[str, ...]] = ()
    """Of ``lidar`` and ``camera``, those that its files tell: without, all voxels count as observed."""

    renamed: ClassVar[str] = ""
    """What to know where published key frames have other names than the log's, and nothing tells which is which."""

    @classmethod
    def frame_name(cls, tables: SceneTables, frame: int) -> tuple[str, str]:
        """Scene and key frame as its files name them, from the tables of a log, or of files of its own."""
        return tables.scene, tables.frame_tokens[frame]

    @property
    @abstractmethod
    def caveats(self) -> tuple[str, ...]:
        """What a user should know of all scenes, said once: what the folder does not tell and is made up."""

    @classmethod
    def companions(cls, label_file: str) -> tuple[str, ...]:
        """Files that :meth:`read` reads beside a label file: sources of its labels as much as that is."""
        del label_file
        return ()

    @classmethod
    def scan_voxels(cls, data_root: Path, tables: SceneTables, frame: int) -> NDArray[np.bool_]:
        """(X, Y, Z) bool: where a key frame's own scan has returns, of a format that has scans. Raises InputError."""
        raise NotImplementedError(f"{cls.name} has no scans: {tables.scene}, {frame}, {data_root}")

    @classmethod
    @abstractmethod
    def read(cls, data_root: Path, tables: SceneTables, frame: int) -> ReferenceLabels:
        """A key frame's labels. Raises InputError naming file, scene, frame, what was found and what was expected."""
