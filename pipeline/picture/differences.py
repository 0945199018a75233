"""Where two sides' labels of a key frame differ, voxel by voxel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...schemas.occupancy import State
from ...schemas.taxonomy import NO_LABEL, Taxonomy
from ..judging import Judged
from ..scores import UNCLASSED
from .view import FrameView, view_of

UInt8 = NDArray[np.uint8]
AGREED, ONLY_A, ONLY_B, CLASS = range(4)
DIFFERENCES = Taxonomy(
    name="differences",
    classes=("both, same class", "only A", "only B", "both, other class"),
    colours=((124, 130, 142), (245, 150, 40), (60, 160, 255), (225, 60, 190)),
    categories={},
    ground=(),
)
"""What a voxel is that either side calls occupied, drawn as classes are."""


@dataclass(frozen=True)
class ShownDifference:
    """One key frame of both sides, turned for the eye."""

    title: str
    names: tuple[str, str]
    """What A and B are."""
    inside: str
    """Which mask voxels are judged in, words for the end of a sentence; empty for none."""
    taxonomy: Taxonomy
    labels: FrameView
    """A, all of it."""
    reference: FrameView
    """B."""
    differences: FrameView
    """Judged voxels alone; classes are those of :data:`DIFFERENCES`."""

    @classmethod
    def of(
        cls, frame: Judged, taxonomy: Taxonomy, grid_SE3_ego: NDArray[np.float64] | None, title: str, names: tuple[str, str],
        inside: str = "",
    ) -> ShownDifference:  # fmt: skip
        """``grid_SE3_ego``: (4, 4) float64; None where the grid's frame is the ego vehicle's."""
        mine, other = frame.told, frame.expected
        known = np.ones(frame.grid.shape, np.bool_) if other.known is None else other.known
        there = other.true != NO_LABEL
        state = np.where(
            there, np.uint8(State.OCCUPIED), np.where(known, np.uint8(State.FREE), np.uint8(State.UNKNOWN))
        )
        classes = np.where(other.true == UNCLASSED, np.uint8(NO_LABEL), other.true)

        def view(semantics: UInt8, state: UInt8) -> FrameView:
            return view_of(semantics, state, frame.grid, np.zeros((0, 3), np.float32), None, grid_SE3_ego)

        return cls(
            title,
            names,
            inside,
            taxonomy,
            view(mine.semantics, mine.state),
            view(classes, state),
            view(*differences(frame)),
        )

    @property
    def counts(self) -> list[int]:
        """Voxels by what :data:`DIFFERENCES` calls them."""
        view = self.differences
        return np.bincount(view.classes[view.occupied], minlength=len(DIFFERENCES.classes)).tolist()

    @property
    def facts(self) -> str:
        """IoU of this key frame, and how many of its voxels are judged."""
        counts, view = self.counts, self.differences
        judged = int(np.count_nonzero(view.occupied | view.free))
        iou = f"IoU {(counts[AGREED] + counts[CLASS]) / sum(counts):.3f}" if sum(counts) else "nothing occupied"
        return f"{iou}; {judged:,} of {view.occupied.size:,} voxels judged{self.inside}"


def differences(frame: Judged) -> tuple[UInt8, UInt8]:
    """What each voxel is, (X, Y, Z) uint8 of :data:`DIFFERENCES`, and (X, Y, Z) uint8 :class:`State`, unknown where it is not judged.

    What is true and nobody saw is not missed: it is not judged where A has nothing.
    """
    true, semantics = frame.expected.true, frame.told.semantics
    mine, other = frame.told.state == State.OCCUPIED, true != NO_LABEL
    judged = (mine | ~other | frame.expected.seen) & (True if frame.judged is None else frame.judged)
    same = (true == semantics) | frame.nameless
    what = np.select([mine & other & same, mine & other, mine], [AGREED, CLASS, ONLY_A], ONLY_B).astype(np.uint8)
    state = np.where(mine | other, np.uint8(State.OCCUPIED), np.uint8(State.FREE))
    return what, np.where(judged, state, np.uint8(State.UNKNOWN))


def foremost(view: FrameView) -> FrameView:
    """What is to be seen from above: in columns where anything differs, nothing that agrees."""
    differs = view.occupied & (view.classes != AGREED)
    return replace(view, occupied=np.where(differs.any(axis=2)[:, :, None], differs, view.occupied))
