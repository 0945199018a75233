"""One key frame of labels and of their reference, and which of its voxels are judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..schemas.errors import UsageError
from ..schemas.grid import VoxelGrid
from ..schemas.occupancy import State
from ..schemas.taxonomy import NO_LABEL, UNLABELED
from .compare_counts import LeftOut
from .matching import Matched, Pair
from .scores import UNCLASSED, Predicted
from .sides import BODIES, MASKS, Bool, Expected, Side, Told, UInt8

WHOLE = "whole"
_VISIBILITY = "compare labels that occ-pipeline run visibility made"
_MAKES = {"lidar": _VISIBILITY, "camera": _VISIBILITY, "boxes": "compare labels made from a log with tracked objects"}


@dataclass(frozen=True)
class Asked:
    """How a user wants voxels judged."""

    mask: str | None = None
    """One of :data:`MASKS`, inside of which voxels are judged: the reference's where it has one, else that of the labels."""
    skip_unlabelled: bool = False
    """Leave out what the reference calls occupied and gives no class, as loaders of published labels do."""


@dataclass(frozen=True)
class Part:
    """Voxels of one kind that are predicted or true: empty space is most of a grid, and counts nowhere."""

    matters: Bool
    """(X, Y, Z) bool: which ones they are, M of them."""
    predicted: Predicted
    true: UInt8
    """(M,) uint8 class id, 255 where nothing is, :data:`UNCLASSED`."""
    seen: Bool
    """(M,) bool."""


@dataclass(frozen=True)
class Judged:
    """One key frame of both sides, in one taxonomy's class ids."""

    grid: VoxelGrid
    told: Told
    expected: Expected
    nameless: Bool
    """(X, Y, Z) bool: what the reference calls occupied and gives no class."""
    judged: Bool | None
    """(X, Y, Z) bool: voxels that are; None for all."""
    left_out: LeftOut

    @property
    def state(self) -> UInt8:
        """(N,) or (X, Y, Z) uint8: of the voxels that are judged, as the labels have it."""
        return self.told.state if self.judged is None else self.told.state[self.judged]

    @property
    def true(self) -> UInt8:
        """The same of the reference's class ids."""
        return self.expected.true if self.judged is None else self.expected.true[self.judged]

    def parts(self) -> Iterator[tuple[str, Part]]:
        """The whole, and each kind of body that both sides tell of."""
        occupied = self.told.state == State.OCCUPIED
        yield WHOLE, self._part(occupied, occupied, self.expected.true, self.expected.seen)
        if self.told.body is not None:
            for kind, (true, seen) in self.expected.kinds.items():
                yield kind, self._part(occupied, occupied & (self.told.body == BODIES[kind]), true, seen)

    def _part(self, occupied: Bool, claimed: Bool, true: UInt8, seen: Bool) -> Part:
        matters = claimed | (true != NO_LABEL)
        if self.judged is not None:
            matters &= self.judged
        here = true[matters]
        # A class is no error where the reference has none.
        told = occupied[matters] & (here != UNCLASSED)
        classes = np.where(told, self.told.semantics[matters], np.uint8(NO_LABEL))
        return Part(matters, Predicted(occupied[matters], claimed[matters], classes), here, seen[matters])


def mask_owner(matched: Matched, pair: Pair, mask: str) -> Side:
    """The side whose mask is meant. Raises UsageError where neither has it."""
    for side, scene in ((matched.reference, pair.reference_scene), (matched.labels, pair.scene)):
        if mask in side.masks(scene):
            return side
    there = [
        f"{', '.join(names) or 'none'} of {side.words}"
        for side, names in (
            (matched.labels, matched.labels.masks(pair.scene)),
            (matched.reference, matched.reference.masks(pair.reference_scene)),
        )
    ]
    raise UsageError(
        f"neither side tells {MASKS[mask]}", scene=pair.scene, found="; ".join(there), expected=f"a mask {mask!r}",
        fix=f"leave out --mask, or {_MAKES[mask]}",
    )  # fmt: skip


def judge(matched: Matched, pair: Pair, asked: Asked) -> Judged:
    """Reads a key frame of both sides. Raises UsageError for grids that differ and masks that are not there; InputError, VerificationError."""
    grid = matched.grid(pair)
    owner = None if asked.mask is None else mask_owner(matched, pair, asked.mask)
    labels, reference = matched.labels, matched.reference
    # The same side may stand on both.
    others = asked.mask if owner is reference else None
    mine = asked.mask if owner is labels and others is None else None
    told = labels.told(pair.scene, pair.row, grid, mine)
    expected = reference.expected(pair.reference_scene, pair.reference_row, grid, others)
    ids, true_ids = matched.maps
    told = told if ids is None else told.mapped(ids)
    expected = expected if true_ids is None else expected.mapped(true_ids)
    nameless = np.isin(expected.true, [UNCLASSED, *matched.taxonomy.ids_of([UNLABELED])])
    inside = told.inside if expected.inside is None else expected.inside
    wanted = ~nameless if asked.skip_unlabelled else None
    judged = _all_of(_all_of(inside, expected.known), wanted)
    return Judged(
        grid,
        told,
        expected,
        nameless,
        judged,
        LeftOut.of(inside, expected.known, nameless, skipped=asked.skip_unlabelled),
    )


def _all_of(one: Bool | None, other: Bool | None) -> Bool | None:
    """Where both are, None for everywhere."""
    return one if other is None else other if one is None else one & other
