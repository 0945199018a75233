"""The contract of a dataset reader."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...schemas.cameras import CameraTables
from ...schemas.errors import InputError, UsageError
from ...schemas.scene import SceneTables


@dataclass(frozen=True)
class LoggedScene:
    """A scene whose sweeps can be used, as a release's tables tell of it."""

    tables: SceneTables
    cameras: CameraTables
    """Of all key frames of the tables; without cameras, :meth:`CameraTables.none`."""
    camera_warnings: tuple[str, ...] = ()
    """Which images are left out and why. What is wrong with cameras alone fails no scene: most stages read none."""


class Source(ABC):
    """One dataset's tables, read once by the index step. Sensor files are read by ``points.read_sweep`` from what it yields."""

    name: ClassVar[str]
    """What a user types after ``--dataset``."""
    return_bytes: ClassVar[int]
    """Size of one return in this dataset's files, for projections."""
    taxonomy: ClassVar[str]
    """Name of the taxonomy that its classes are given in, which the store speaks."""
    licence: ClassVar[str]
    """Under which its data are given, which labels made from them inherit: the data card says so."""

    def __init__(self, data_root: Path, version: str) -> None:
        self.data_root = data_root
        self.version = version

    @classmethod  # noqa: B027  a dataset without a library has nothing to load
    def prepare(cls) -> None:
        """Loads the dataset's library ahead of its use, for a caller that has to wait for something else anyway."""

    @classmethod
    def stored_as(cls) -> str:
        """Name under which stores know where their labels come from."""
        return cls.name

    @classmethod
    @abstractmethod
    def versions(cls, data_root: Path) -> list[str]:
        """Releases of this dataset that the data root holds, sorted; empty if it holds something else."""

    @abstractmethod
    def table_files(self) -> list[str]:
        """Files that :meth:`index` reads, relative to the data root, sorted: they identify its result."""

    def identity(self) -> Mapping[str, str]:
        """What identifies :meth:`index`'s result beside the content of its files: where folders' names are read, what they are."""
        return {}

    @abstractmethod
    def scene_names(self) -> list[str]:
        """All scenes of the release, sorted, without reading more than needed.

        Raises InputError if the list itself cannot be read.
        """

    @abstractmethod
    def index(self, scenes: Sequence[str] | None = None) -> Iterator[LoggedScene | InputError]:
        """All scenes, or those named, in order of their names; the dataset's tables are read once.

        A scene whose rows are broken is an InputError in its place. Raises InputError when a table as a whole
        cannot be read, and UsageError for a scene the release lacks.
        """


def scene_by_scene(
    known: Sequence[str], wanted: Sequence[str] | None, read: Callable[[str], LoggedScene]
) -> Iterator[LoggedScene | InputError]:
    """What :meth:`Source.index` yields, of a dataset whose scenes are read one by one. Raises UsageError for an unknown scene."""
    unknown = sorted(set(wanted or ()) - set(known))
    if unknown:
        raise UsageError(
            f"no scene {unknown[0]!r} here", found=", ".join(unknown), expected=f"some of {', '.join(known)}"
        )
    for name in known if wanted is None else [name for name in known if name in wanted]:
        try:
            yield read(name)
        except InputError as error:
            error.scene = name if name.isprintable() else ascii(name)
            yield error
