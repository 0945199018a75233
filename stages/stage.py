"""The contract of a stage: a frozen dataclass of parameters that says what it reads, writes and needs, and computes it."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from ..schemas.product import Array, Product, ProductReader
from ..schemas.reference_labels import ReferenceLabels
from ..schemas.scene import SceneTables, SweepPoints
from .estimate import Estimate, SceneSize

PartResult = Mapping[str, NDArray[Any]]
"""Named arrays: what one part hands to assembly."""


@dataclass(frozen=True)
class Needs:
    """Resources of one part."""

    cpus: int = 1
    memory_gib: float = 1.0


@dataclass(frozen=True)
class Part:
    """One piece of a stage's work on a scene: small and picklable, it says what to look at, not what is there."""

    key: str
    """Unique within the stage and scene; parts are assembled in the order ``parts`` gave them."""
    cost: float
    """Relative run time: the longest parts start first."""
    args: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    """Numbers and names that ``compute`` needs."""


class Spill(Protocol):
    """Rows of one array, made piece by piece and kept out of memory until their product is written."""

    def append(self, rows: Array, /) -> None:
        """Adds rows. Raises ValueError for rows of another type or shape than were announced."""
        ...

    def array(self) -> Array:
        """All rows, as Blocks."""
        ...


class SceneView(Protocol):
    """What a stage sees of a scene: its tables, its sweeps and images, the products it reads."""

    @property
    def tables(self) -> SceneTables:
        """Poses, key frames, tracks: refined for a stage that reads ``RefinedPoses``, the log's own for others."""
        ...

    def sweep(self, index: int, /) -> SweepPoints:
        """One sweep's points, read when asked for. Raises InputError if its files are not what they should be."""
        ...

    def image_labels(self, folder: str, frame: int, camera: int, /) -> NDArray[np.uint8]:
        """(H, W) uint8 class ids of one image, 255 for none, from a file of 2D labels in the folder that the stage named.

        As large as the image, or smaller by a whole factor. Raises InputError if the file is not what it should be.
        """
        ...

    def image(self, frame: int, camera: int, /) -> bytes:
        """A key frame's image as its file has it, JPEG or PNG; empty where there is none.

        Raises InputError if the file is no such image, cut off, or of another size than the cameras' tables say.
        """
        ...

    def reference_labels(self, frame: int, /) -> ReferenceLabels:
        """A key frame's published voxel labels, read when asked for, where they stand in for a log.

        Raises InputError if their file is not what it should be.
        """
        ...

    def product(self, product: type[Product], /) -> ProductReader:
        """One of the products the stage ``reads``; ``CameraTables`` with refined poses where it reads ``RefinedPoses`` too."""
        ...

    def spill(self, dtype: str, row: tuple[int, ...] = (), /) -> Spill:
        """Room for rows of this type and shape: assembly that makes several arrays at once holds none of them."""
        ...


def frame_parts(scene: SceneView, frames_per_part: int) -> list[Part]:
    """Parts of some key frames each, in order: ``start`` to ``stop`` (excluded)."""
    frames = len(scene.tables.key_sweeps)
    spans = [(start, min(start + frames_per_part, frames)) for start in range(0, frames, frames_per_part)]
    return [Part(f"frames-{a:05d}", cost=b - a, args={"start": a, "stop": b}) for a, b in spans]


@dataclass(frozen=True, kw_only=True)
class Stage(ABC):
    """Base of all stages. Fields are parameters; their docstrings are the help text."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        use_attribute_docstrings=True, extra="forbid", allow_inf_nan=False
    )

    name: ClassVar[str]
    """What a user types, and the key of its parameters in a configuration."""
    version: ClassVar[int]
    """Raised when outputs change meaning or value."""
    writes: ClassVar[tuple[type[Product], ...]]
    needs: ClassVar[Needs] = Needs()
    libraries: ClassVar[tuple[str, ...]] = ()
    """Distributions whose versions change the bits of what this stage writes."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        missing = [name for name in ("name", "version", "writes") if not hasattr(cls, name)]
        if missing:
            raise TypeError(f"stage {cls.__name__} does not declare {', '.join(missing)}")

    @abstractmethod
    def reads(self) -> tuple[type[Product], ...]:
        """Products this stage reads, which may depend on its parameters.

        ``SceneTables`` always counts as read. ``CameraTables`` is there for whoever names it, with no stage to write it.
        A stage that uses poses of any kind names ``RefinedPoses``: its tables, boxes and cameras then agree with what other
        stages made of refined poses. One that uses tracks names ``MovingObjects`` too: its tables then hold those tracks.
        """

    def reads_sweeps(self) -> bool:
        """Whether this stage reads sensor files."""
        return False

    def reads_image_labels(self) -> str | None:
        """Folder, below the data root, of the files of 2D labels that this stage reads; None for none.

        A stage that names one reads ``CameraTables`` too, which says what images there are.
        """
        return None

    def reads_images(self) -> bool:
        """Whether this stage reads the cameras' image files. One that does reads ``CameraTables`` too."""
        return False

    def reads_reference_labels(self) -> bool:
        """Whether this stage reads files of published voxel labels, which stand in for a log."""
        return False

    def named_classes(self) -> Mapping[str, Sequence[str]]:
        """Parameters that name classes, with the names: those ending in ``_classes``, and what a stage adds."""
        names = [field.name for field in dataclasses.fields(self) if field.name.endswith("_classes")]
        return {name: getattr(self, name) for name in names}

    @abstractmethod
    def estimate(self, size: SceneSize) -> Estimate:
        """What the stage will cost a scene of this size with these parameters, before anything is read."""

    @abstractmethod
    def parts(self, scene: SceneView) -> list[Part]:
        """What can run side by side, from the scene's tables and products. Pure."""

    @abstractmethod
    def compute(self, scene: SceneView, part: Part) -> PartResult:
        """One part's result. Pure: the same bytes wherever and whenever it runs."""

    @abstractmethod
    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterable[Product]:
        """The products of ``writes``, from the results of all parts in their order. Pure; the only thing written.

        Each is committed before the next is asked for: a generator holds one at a time.
        """
