"""The contract of a format of published voxel labels, whose files stand in for a raw log."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from ...schemas.reference_labels import ReferenceLabels
from ...schemas.scene import SceneTables
from .source import Source


class LabelSource(Source):
    """A folder of published labels. Its scenes have key frames alone, each with its label file in the place of a sweep's.

    ``name`` is what a user types before the colon of ``--labels FORMAT:DIR``. A reader may take a folder for the data root that
    lies above the one it is given, so that one copy of a release is one log, whatever part of it is named.
    """

    @property
    @abstractmethod
    def caveats(self) -> tuple[str, ...]:
        """What a user should know of all scenes, said once: what the folder does not tell and is made up."""

    @staticmethod
    @abstractmethod
    def read(data_root: Path, tables: SceneTables, frame: int) -> ReferenceLabels:
        """A key frame's labels. Raises InputError naming file, scene, frame, what was found and what was expected."""
