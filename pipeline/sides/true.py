"""The exact truth of a simulated log, to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import UsageError
from ...schemas.grid import VoxelGrid
from ...schemas.occupancy import State
from ...schemas.scene import SceneTables
from ...schemas.taxonomy import NO_LABEL, TAXONOMIES, UNLABELED
from ..sample import Truth
from ..session import open_log
from ..sources import SOURCES, LabelSource, LoggedScene, Source
from .side import Bool, Expected, FrameName, Told, UInt8


class TrueFrame(Protocol):
    """What is true in one key frame; (X, Y, Z) each. Class ids are uint8, 255 where there is no surface; ``seen`` is bool."""

    @property
    def semantics(self) -> UInt8: ...
    @property
    def static(self) -> UInt8: ...
    @property
    def rigid(self) -> UInt8: ...
    @property
    def deforming(self) -> UInt8: ...
    @property
    def seen(self) -> Bool: ...
    @property
    def seen_static(self) -> Bool: ...
    @property
    def seen_rigid(self) -> Bool: ...
    @property
    def seen_deforming(self) -> Bool: ...


class TruthLike(Protocol):
    """A reference that knows what is true, as the sample log's does."""

    @property
    def scenes(self) -> Sequence[str]:
        """Names of its scenes."""
        ...

    def frame_tokens(self, scene: str, /) -> Sequence[str]:
        """Key frames of a scene, in order of time."""
        ...

    def frame(self, scene: str, token: str, grid: VoxelGrid, /) -> TrueFrame:
        """What is true in a key frame, on any grid."""
        ...


class TrueLabels:
    """What is true in a simulated log, on any grid. A :class:`Side`."""

    def __init__(self, truth: TruthLike, source: Source) -> None:
        """``source``: the log, for its classes and the names of its files."""
        self._truth, self._source = truth, source

    @classmethod
    def of(cls, folder: Path) -> TrueLabels:
        """Of a sample log's folder. Raises UsageError where there is none."""
        if not folder.is_dir():
            raise UsageError(
                "the sample log is not there", file=str(folder), found="no such folder", fix="make it with occ-pipeline sample"
            )  # fmt: skip
        truth = Truth.open(folder)
        dataset = next((name for name, source in SOURCES.items() if source.versions(folder)), None)
        if dataset is None:
            raise UsageError(
                "the simulated log holds nothing but its truth", file=str(folder), expected=f"a log of {', '.join(SOURCES)}",
                fix="make it again with occ-pipeline sample",
            )  # fmt: skip
        return cls(truth, open_log(dataset, folder, None).source)

    @property
    def words(self) -> str:
        return "the exact truth of a simulated log"

    @property
    def products(self) -> tuple[str, ...]:
        return ("truth",)

    @property
    def taxonomy(self) -> str:
        return self._source.taxonomy

    @property
    def form(self) -> type[LabelSource] | None:
        return None

    @property
    def exact(self) -> bool:
        return True

    @property
    def remarks(self) -> tuple[str, ...]:
        return ()

    @property
    def scenes(self) -> Sequence[str]:
        return self._truth.scenes

    def tokens(self, scene: str) -> Sequence[str]:
        return self._truth.frame_tokens(scene)

    def names_in(self, form: type[LabelSource], scene: str) -> Sequence[FrameName]:
        tables = self._tables[scene]
        return [form.frame_name(tables, tables.frame_tokens.index(token)) for token in self.tokens(scene)]

    def grid(self, scene: str) -> VoxelGrid | None:
        del scene

    def masks(self, scene: str) -> Sequence[str]:
        del scene
        return ()

    def fingerprint(self, scene: str) -> str | None:
        del scene

    def told(self, scene: str, row: int, grid: VoxelGrid, mask: str | None) -> Told:
        del mask
        true = self._frame(scene, row, grid).semantics
        nameless = TAXONOMIES[self.taxonomy].ids_of([UNLABELED])
        state = np.where(true == NO_LABEL, np.uint8(State.FREE), np.uint8(State.OCCUPIED))
        return Told(state=state, semantics=np.where(np.isin(true, nameless), np.uint8(NO_LABEL), true), body=None)

    def expected(self, scene: str, row: int, grid: VoxelGrid, mask: str | None) -> Expected:
        del mask
        frame = self._frame(scene, row, grid)
        return Expected(
            true=frame.semantics, seen=frame.seen,
            kinds={
                "static": (frame.static, frame.seen_static), "moving_rigid": (frame.rigid, frame.seen_rigid),
                "deforming": (frame.deforming, frame.seen_deforming),
            },
        )  # fmt: skip

    def grid_SE3_ego(self, scene: str, row: int) -> NDArray[np.float64] | None:
        del scene, row

    def _frame(self, scene: str, row: int, grid: VoxelGrid) -> TrueFrame:
        return self._truth.frame(scene, self.tokens(scene)[row], grid)

    @cached_property
    def _tables(self) -> dict[str, SceneTables]:
        found = self._source.index()
        return {each.tables.scene: each.tables for each in found if isinstance(each, LoggedScene)}
