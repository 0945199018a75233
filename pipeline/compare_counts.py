"""Numbers of voxels beside the ratios: what is known of them, and which are not judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..schemas.occupancy import State
from ..schemas.taxonomy import NO_LABEL

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Space:
    """Numbers of voxels by what is known of them."""

    voxels: int = 0
    free: int = 0
    """Called free."""
    free_right: int = 0
    """Of those, the ones in which no true surface lies."""
    unknown: int = 0
    empty: int = 0
    """In which no true surface lies."""

    @classmethod
    def of(cls, state: UInt8, true: UInt8) -> Space:
        """Of one frame: :class:`State` of its voxels, and true class ids, 255 where nothing is."""
        free, empty = state == State.FREE, true == NO_LABEL
        counted = (free, free & empty, state == State.UNKNOWN, empty)
        return cls(state.size, *(int(np.count_nonzero(which)) for which in counted))

    def __add__(self, other: Space) -> Space:
        return Space(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def to_json(self) -> dict[str, Any]:
        """Numbers, and the share of voxels called free that are, None where none is."""
        return {**vars(self), "free_precision": self.free_right / self.free if self.free else None}


@dataclass(frozen=True)
class LeftOut:
    """Numbers of voxels that are not judged, or not in full."""

    outside: int = 0
    """Outside the mask that was asked for."""
    unknown: int = 0
    """Inside it, and the reference does not know what is there."""
    unlabelled: int = 0
    """Of the others, those that the reference calls occupied and gives no class."""
    unlabelled_judged: bool = True
    """Whether the latter are judged as to their occupancy."""

    @classmethod
    def of(cls, inside: Bool | None, known: Bool | None, unlabelled: Bool, *, skipped: bool) -> LeftOut:
        """Of one frame, (X, Y, Z) bool each; None for everywhere."""
        outside = 0 if inside is None else int(np.count_nonzero(~inside))
        unknown = np.zeros((), np.bool_) if known is None else ~known if inside is None else inside & ~known
        rest = unlabelled if inside is None else unlabelled & inside
        return cls(outside, int(np.count_nonzero(unknown)), int(np.count_nonzero(rest)), not skipped)

    def __add__(self, other: LeftOut) -> LeftOut:
        return LeftOut(
            self.outside + other.outside, self.unknown + other.unknown, self.unlabelled + other.unlabelled,
            other.unlabelled_judged,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return dict(vars(self))
