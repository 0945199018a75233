"""What the values of an array may be, declared beside its dtype and checked in bounded memory, rows at a time.

A fact looks at consecutive rows of one array, and at the same rows of another where it compares two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from .taxonomy import NO_LABEL

Bool = NDArray[np.bool_]
Rows = NDArray[Any]


@dataclass(frozen=True)
class Context:
    """What a fact may know beside the rows it judges."""

    start: int
    """The first row's place in the array."""
    total: int
    """Rows of the whole array."""
    classes: int
    """Classes of the taxonomy: ids are 0 to one less, and 255 for none."""
    lengths: Mapping[str, int]
    """Length of every named axis of the product."""
    other: Callable[[str], Rows]
    """The same rows of another array of the product."""


class Fact(Protocol):
    """One promise about an array's values."""

    overlap: ClassVar[int]
    """How many rows of the piece before it wants to see again."""

    def bad(self, rows: Rows, context: Context, /) -> Bool:
        """Which values break it: of the rows' shape, or (N,) where rows are judged whole."""
        ...

    def words(self, context: Context, /) -> str:
        """What is expected."""
        ...


@dataclass(frozen=True)
class OneOf:
    """Nothing but these values."""

    values: tuple[int, ...]
    overlap: ClassVar[int] = 0

    @classmethod
    def enum(cls, members: type[IntEnum]) -> OneOf:
        """The values of an enumeration."""
        return cls(tuple(int(member) for member in members))

    def bad(self, rows: Rows, context: Context) -> Bool:
        del context
        return ~np.isin(rows, self.values)

    def words(self, context: Context) -> str:
        del context
        return f"one of {', '.join(map(str, self.values))}"


@dataclass(frozen=True)
class ClassIds:
    """A class id of the taxonomy, or 255."""

    overlap: ClassVar[int] = 0

    def bad(self, rows: Rows, context: Context) -> Bool:
        return (rows >= context.classes) & (rows != NO_LABEL)

    def words(self, context: Context) -> str:
        return f"a class id from 0 to {context.classes - 1}, or 255"


@dataclass(frozen=True)
class AtLeast:
    """No value below this."""

    least: float
    overlap: ClassVar[int] = 0

    def bad(self, rows: Rows, context: Context) -> Bool:
        del context
        return ~(rows >= self.least)

    def words(self, context: Context) -> str:
        del context
        return f"at least {self.least:g}"


@dataclass(frozen=True)
class AtMost:
    """No value above this."""

    most: float
    overlap: ClassVar[int] = 0

    def bad(self, rows: Rows, context: Context) -> Bool:
        del context
        return ~(rows <= self.most)

    def words(self, context: Context) -> str:
        del context
        return f"at most {self.most:g}"


@dataclass(frozen=True)
class Indexes:
    """Rows along a named axis; ``least`` -1 where that says none."""

    axis: str
    least: int = 0
    overlap: ClassVar[int] = 0

    def bad(self, rows: Rows, context: Context) -> Bool:
        return (rows < self.least) | (rows >= context.lengths[self.axis])

    def words(self, context: Context) -> str:
        return f"{self.least} to {context.lengths[self.axis] - 1}: a place along {self.axis}"


@dataclass(frozen=True)
class Finite:
    """No NaN, no infinity."""

    overlap: ClassVar[int] = 0

    def bad(self, rows: Rows, context: Context) -> Bool:
        del context
        return ~np.isfinite(rows)

    def words(self, context: Context) -> str:
        del context
        return "a finite number"


@dataclass(frozen=True)
class Poses:
    """Rigid (4, 4) transforms; ``absent``: or NaN throughout."""

    absent: bool = False
    overlap: ClassVar[int] = 0

    def bad(self, rows: Rows, context: Context) -> Bool:
        del context
        finite = np.isfinite(rows).all(axis=(-1, -2))
        rotation = np.where(finite[..., None, None], rows[..., :3, :3], 0.0)
        square = rotation @ np.swapaxes(rotation, -1, -2)
        # Datasets give quaternions of seven or so digits.
        turns = np.abs(square - np.eye(3)).max(axis=(-1, -2)) < 1e-4
        rigid = finite & turns & (np.linalg.det(rotation) > 0) & np.all(rows[..., 3, :] == (0, 0, 0, 1), axis=-1)
        if self.absent:
            rigid |= np.isnan(rows).all(axis=(-1, -2))
        bad: Bool = ~rigid
        return bad

    def words(self, context: Context) -> str:
        del context
        return "a rigid transform" + (", or NaN throughout" if self.absent else "")


@dataclass(frozen=True)
class Pinholes:
    """Intrinsics (3, 3) of a pinhole camera, or NaN throughout."""

    overlap: ClassVar[int] = 0

    def bad(self, rows: Rows, context: Context) -> Bool:
        del context
        return ~(is_pinhole(rows) | np.isnan(rows).all(axis=(-1, -2)))

    def words(self, context: Context) -> str:
        del context
        return "upper triangular with positive focal lengths and 0 0 1 below, or NaN throughout"


def is_pinhole(matrices: Rows) -> Bool:
    """Which of (..., 3, 3) are finite and upper triangular, with two positive focal lengths and the last row 0 0 1."""
    finite = np.isfinite(matrices).all(axis=(-1, -2))
    focal = (matrices[..., 0, 0] > 0) & (matrices[..., 1, 1] > 0)
    pinhole: Bool = finite & focal & (matrices[..., 1, 0] == 0) & np.all(matrices[..., 2, :] == (0, 0, 1), axis=-1)
    return pinhole


@dataclass(frozen=True)
class NanWhere:
    """NaN throughout exactly where another array is ``value``: its axes are this one's first."""

    other: str
    value: int
    overlap: ClassVar[int] = 0

    def bad(self, rows: Rows, context: Context) -> Bool:
        absent = context.other(self.other) == self.value
        nan = np.isnan(rows).all(axis=tuple(range(absent.ndim, rows.ndim)))
        return absent != nan

    def words(self, context: Context) -> str:
        del context
        return f"NaN throughout where {self.other} is {self.value}, and nowhere else"


@dataclass(frozen=True)
class Increasing:
    """Each value greater than the one before."""

    overlap: ClassVar[int] = 1

    def bad(self, rows: Rows, context: Context) -> Bool:
        del context
        return np.concatenate([[False], np.diff(rows) <= 0])

    def words(self, context: Context) -> str:
        del context
        return "more than the value before"


@dataclass(frozen=True)
class Offsets:
    """Where each group begins along a named axis, and last where they end: from 0, never falling, up to the axis' length."""

    axis: str
    overlap: ClassVar[int] = 1

    def bad(self, rows: Rows, context: Context) -> Bool:
        bad: Bool = np.concatenate([[False], np.diff(rows) < 0])
        if context.start == 0:
            bad[:1] |= rows[:1] != 0
        if context.start + len(rows) == context.total:
            bad[-1:] |= rows[-1:] != context.lengths[self.axis]
        return bad

    def words(self, context: Context) -> str:
        return f"offsets from 0, never falling, to {context.lengths[self.axis]}"


@dataclass(frozen=True)
class FixedWhere:
    """``value`` wherever another array is none of ``unless``."""

    value: int
    other: str
    unless: tuple[int, ...]
    meaning: str
    """The same in words."""
    overlap: ClassVar[int] = 0

    def bad(self, rows: Rows, context: Context) -> Bool:
        return (rows != self.value) & ~np.isin(context.other(self.other), self.unless)

    def words(self, context: Context) -> str:
        del context
        return self.meaning


@dataclass(frozen=True)
class NotWhere:
    """Never ``value`` where another array is ``at``."""

    value: int
    other: str
    at: int
    meaning: str
    overlap: ClassVar[int] = 0

    def bad(self, rows: Rows, context: Context) -> Bool:
        return (rows == self.value) & (context.other(self.other) == self.at)

    def words(self, context: Context) -> str:
        del context
        return self.meaning


def first_bad(bad: Bool, start: int) -> tuple[int, ...]:
    """Place, in the whole array, of the first value that breaks a fact."""
    place: list[int] = np.argwhere(bad)[0].tolist()
    return (start + place[0], *place[1:])
