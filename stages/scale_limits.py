"""When a voxel's instance is too small or too large to be what it is said to be (VoxDet, Eq. 10 and 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from ..schemas.taxonomy import refuse_unknown_classes
from .voxnt import Scales

Bool = NDArray[np.bool_]
CleaningMode = Literal["paper", "released", "strict"]
"""paper: the paper's l counts a voxel twice, small when l < K along all axes, large when l >= K along any; released: as the
authors' code, large when l > K and never small; strict: the paper's tests on L, the voxels of the run itself."""
_FORM = "CLASS SMALLEST LARGEST, as 'car 3 6m': each in voxels or, ending in m, metres; one for all axes or x/y/z; - for none"


@dataclass(frozen=True)
class Bound:
    """A length along each axis, in voxels or metres."""

    lengths: tuple[float, float, float]
    metres: bool

    def __post_init__(self) -> None:
        if not all(np.isfinite(length) and length > 0 for length in self.lengths):
            raise ValueError(f"lengths must be above zero, found {', '.join(f'{n:g}' for n in self.lengths)}")

    @classmethod
    def parse(cls, text: str) -> Bound:
        """From ``3``, ``6m``, or one for each axis, ``6m/6m/4m``. Raises ValueError."""
        parts = text.split("/")
        units = {part.endswith("m") for part in parts}
        if len(parts) not in (1, 3) or len(units) != 1:
            raise ValueError(f"{text!r} is not one length, or three of one unit with / between")
        x, y, z = (float(part.removesuffix("m")) for part in (parts if len(parts) == 3 else parts * 3))
        return cls((x, y, z), units.pop())

    def voxels(self, voxel_m: float) -> NDArray[np.float64]:
        """(3, 1, 1, 1) float64: in voxels of this edge, metres."""
        # 6 m of 0.2 m are 30 voxels, whatever the last bit of the quotient says.
        lengths: NDArray[np.float64] = np.array(self.lengths, dtype=np.float64)[:, None, None, None]
        return np.round(lengths / voxel_m, 6) if self.metres else lengths


@dataclass(frozen=True)
class ScaleLimits:
    """Of one class."""

    class_name: str
    smallest: Bound | None
    largest: Bound | None

    @classmethod
    def parse(cls, text: str) -> ScaleLimits:
        """From ``car 3 6m``. Raises ValueError saying what is understood, and for classes that nobody knows."""
        words = text.split()
        try:
            name, *bounds = words
            smallest, largest = (None if word == "-" else Bound.parse(word) for word in bounds)
        except ValueError as error:
            raise ValueError(f"{text!r} is not {_FORM}") from error
        refuse_unknown_classes([name])
        return cls(name, smallest, largest)

    def small(self, found: Scales, voxel_m: float, mode: CleaningMode) -> Bool:
        """(X, Y, Z) bool, Eq. 10: shorter than the smallest along all axes."""
        if self.smallest is None or mode == "released":
            return np.zeros(found.run_voxels.shape[1:], dtype=np.bool_)
        lengths = found.run_voxels if mode == "strict" else found.paper_l
        told: Bool = (lengths < self.smallest.voxels(voxel_m)).all(axis=0)
        return told

    def large(self, found: Scales, voxel_m: float, mode: CleaningMode) -> Bool:
        """(X, Y, Z) bool, Eq. 11: as long as the largest along any axis; in the released code, longer."""
        if self.largest is None:
            return np.zeros(found.run_voxels.shape[1:], dtype=np.bool_)
        bound = self.largest.voxels(voxel_m)
        if mode == "released":
            told: Bool = (found.paper_l > bound).any(axis=0)
        else:
            told = ((found.run_voxels if mode == "strict" else found.paper_l) >= bound).any(axis=0)
        return told


def parse_limits(texts: Sequence[str]) -> tuple[ScaleLimits, ...]:
    """Limits of some classes. Raises ValueError where one cannot be read, or a class comes twice."""
    limits = tuple(ScaleLimits.parse(text) for text in texts)
    names = [limit.class_name for limit in limits]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"class {twice!r} has limits twice")
    return limits


def _checked(text: str) -> str:
    ScaleLimits.parse(text)
    return text


LimitText = Annotated[str, AfterValidator(_checked)]
"""Limits of one class as a stage's parameter."""
