"""The contract of a dataset reader.

How peculiar datasets map to it, none of which changes it:

- Poses of each sweep: ``world_SE3_ego`` and ``ego_SE3_lidar`` have a row for every sweep, so Argoverse 2's city poses are taken over as
  they are. Waymo's top LiDAR has a pose for every *pixel*: points are moved to the frame's own vehicle pose when they are converted.
- Several LiDARs: either all of a turn are one sweep, in the frame of the one that ``ego_SE3_lidar`` tells of, and rays begin there:
  right to the distance between the two that Argoverse 2 stacks, whose points are given in the ego frame and are moved to the upper
  LiDAR's. Or each LiDAR is a sweep with a mounting of its own, for Waymo's five, which sit metres apart: time stamps must increase,
  so those that trigger together lie a nanosecond apart, and one of them is the key frame's. A sensor for each point is not told.
- Sensor files are flat float32, ``point_columns`` a point. Argoverse 2's Feather tables and Waymo's range images are not, so they are
  converted once to a copy that is the data root; to read them in place ``points`` and ``preflight`` would have to learn their formats.
- Time stamps are int64 nanoseconds. Argoverse 2's are so already, and count from 1980 rather than 1970, Waymo's are microseconds times
  1000; through float64 they would be wrong by up to 32 and 128 ns.
- Boxes belong to key frames and have a key frame's time stamp. Argoverse 2 and Waymo annotate every sweep, at 10 Hz, in the ego frame of
  it: every sweep is a key frame. ``label_files`` is empty for the four fifths of Waymo's that have no segmentation.
- Missing tracks: ``track_tokens`` is empty, as of the test splits of both and of SemanticKITTI: a stage looks for what moves by
  labels of points or by rays, of which a warning says so. A track without boxes, or a box without a size, is no way to say so. Boxes that nobody tracked are left
  out: a track of one would be carried on into the sweeps around it.
- Cameras have the time and ego pose of each image, which may be any near the key frame's, as Argoverse 2's at 20 Hz are, and sizes that
  differ from one to the next, as Waymo's do. They are pinholes: images of either are undistorted first. A rolling shutter is not told.
- KITTI's cameras have no time stamps of their own in the odometry set: those of the sweeps are right, all are triggered as the LiDAR
  looks ahead. Its principal points count from the middle of the first pixel: readers add half a pixel.
- SemanticKITTI's labels have 16 bits and instance ids above: ``label_bytes`` is 4. It has no boxes: that stage finds what moves from
  the ids of its moving classes.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...schemas.cameras import CameraTables
from ...schemas.errors import InputError, UsageError
from ...schemas.scene import SceneTables

SIMULATED = "SIMULATED.json"
"""In the data root of a log that a simulator made."""


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
    layout: ClassVar[str]
    """What its data root holds, in words."""

    def __init__(self, data_root: Path, version: str) -> None:
        self.data_root = data_root
        self.version = version

    @property
    def simulated(self) -> bool:
        """Whether the log says that a simulator made it."""
        return (self.data_root / SIMULATED).is_file()

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


def names_digest(names: Iterable[str]) -> str:
    """What stands in :meth:`Source.identity` for files that a folder's listing names, and no table."""
    return hashlib.sha256("\n".join(map(ascii, names)).encode()).hexdigest()


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
