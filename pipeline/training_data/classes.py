"""Class ids that networks are trained on: free first, then the store's classes, 255 for what a loss leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import UsageError
from ...schemas.occupancy import State
from ...schemas.taxonomy import NO_LABEL, TAXONOMIES, UNLABELED, Taxonomy

FREE, IGNORED = 0, 255
UInt8 = NDArray[np.uint8]
Unknown = Literal["ignored", "free"]
Unlabelled = Literal["ignored", "others"]


@dataclass(frozen=True, kw_only=True)
class TrainingClasses:
    """How voxel labels become training ids: 0 is free, a class has its id in the store's taxonomy, 255 is ignored.

    nuScenes' ``others``, 0 in the store, comes last, as 17; the other taxonomies have no class 0. Raises UsageError for an
    unknown taxonomy, and where voxels are to be ``others`` in a taxonomy without.
    """

    taxonomy: str
    unknown: Unknown = "ignored"
    """What unknown voxels count as. Published loaders of Occ3D call them free and mask them out by ``mask_camera``."""
    unlabelled: Unlabelled = "ignored"
    """What occupied voxels without a class count as."""

    def __post_init__(self) -> None:
        if self.taxonomy not in TAXONOMIES:
            raise UsageError(
                "the store speaks an unknown taxonomy", found=self.taxonomy, expected=f"one of {', '.join(TAXONOMIES)}",
                fix="use the version that made the store",
            )  # fmt: skip
        if self.unlabelled == "others" and not self._has_others:
            raise UsageError(
                f"taxonomy {self.taxonomy} has no class for occupied voxels without one", found="unlabelled='others'",
                fix="use unlabelled='ignored'",
            )  # fmt: skip

    @property
    def _known(self) -> Taxonomy:
        return TAXONOMIES[self.taxonomy]

    @property
    def _has_others(self) -> bool:
        return self._known.classes[0] != UNLABELED

    @property
    def names(self) -> tuple[str, ...]:
        """Name of every training id but 255, in order: as many as a network has logits."""
        first, *rest = self._known.classes
        return ("free", *rest, *([first] if self._has_others else ()))

    def ids(self, state: UInt8, semantics: UInt8, observed: NDArray[Any] | None = None) -> UInt8:
        """Training ids (X, Y, Z) uint8 of a key frame's ``state`` and ``semantics``, both (X, Y, Z) uint8.

        ``observed``: (X, Y, Z), what is 0 there is ignored too.
        """
        # Arithmetic, since masked assignment takes ten times as long. Semantics is 255 wherever nothing is occupied.
        found: UInt8 = semantics * (state != State.FREE)
        if self._has_others:
            # Class 0 gives its place to free space.
            found += (semantics == 0) * np.uint8(self._others)
        if self.unlabelled == "others":
            found[(semantics == NO_LABEL) & (state == State.OCCUPIED)] = self._others
        if self.unknown == "free":
            found[state == State.UNKNOWN] = FREE
        if observed is not None:
            found[observed == 0] = IGNORED
        return found

    def voxels(self, ids: UInt8) -> tuple[UInt8, UInt8]:
        """``state`` and ``semantics``, uint8, of training ids of any shape: :meth:`ids` taken back. What is ignored is unknown."""
        states, classes = np.zeros(256, np.uint8), np.full(256, NO_LABEL, np.uint8)
        states[FREE], states[FREE + 1 : len(self.names)] = State.FREE, State.OCCUPIED
        named = len(self._known.classes)
        classes[1:named] = range(1, named)
        if self._has_others:
            classes[self._others] = 0
        return states[ids], classes[ids]

    @property
    def _others(self) -> int:
        """Training id of nuScenes' class 0."""
        return len(self._known.classes)
