"""Where two sides' labels of a key frame differ: both from above, what differs from above, and in two cuts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...schemas.occupancy import State
from ...schemas.taxonomy import NO_LABEL, Taxonomy
from ..judging import Judged
from ..scores import UNCLASSED
from .above import Above, voxels_above
from .colours import FAINT, INK, PAPER, UNLABELLED, Rgb
from .sheet import MARGIN, WIDTH, Box, caption, outline_ego, paste
from .slices import cut_across, cut_along, draw_cut
from .text import draw_marks, draw_scale, font, label, scale_length
from .view import FrameView, view_of

UInt8 = NDArray[np.uint8]
_GAP, _TITLE, _CAPTION, _LINE = 18, 62, 26, 26
_COLUMN_PX = 220
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
    same = (true == semantics) | (true == UNCLASSED)
    what = np.select([mine & other & same, mine & other, mine], [AGREED, CLASS, ONLY_A], ONLY_B).astype(np.uint8)
    state = np.where(mine | other, np.uint8(State.OCCUPIED), np.uint8(State.FREE))
    return what, np.where(judged, state, np.uint8(State.UNKNOWN))


def foremost(view: FrameView) -> FrameView:
    """What is to be seen from above: in columns where anything differs, nothing that agrees."""
    differs = view.occupied & (view.classes != AGREED)
    return replace(view, occupied=np.where(differs.any(axis=2)[:, :, None], differs, view.occupied))


def draw_differences(shown: ShownDifference) -> Image.Image:
    """The sheet, RGB, 1600 pixels wide."""
    view = shown.differences
    side = (WIDTH - 2 * MARGIN - 2 * _GAP) // 3
    above = Above.fitting(view.grid, side)
    wide, high = above.size
    x, y, z = view.grid.shape
    scale = (WIDTH - 2 * MARGIN) / max(x, y)
    cut_high = max(round(z * scale), 1)
    top = _TITLE + _CAPTION
    counts_top = top + high + _GAP
    along = (MARGIN, counts_top + _LINE + _CAPTION, max(round(x * scale), 1), cut_high)
    across = (MARGIN, along[1] + cut_high + _GAP + _CAPTION, max(round(y * scale), 1), cut_high)
    classes = _present(shown)
    each = (WIDTH - 2 * MARGIN) // _COLUMN_PX
    legend_top = across[1] + cut_high + _GAP
    sheet = Image.new("RGB", (WIDTH, legend_top + _LINE * -(-len(classes) // each) + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 16), shown.title, INK, font(24))
    draw.text((WIDTH - MARGIN, 22), shown.facts, FAINT, font(15), anchor="ra")
    for number, (each_view, taxonomy, words) in enumerate(
        (
            (shown.labels, shown.taxonomy, f"A: {shown.names[0]}"),
            (shown.reference, shown.taxonomy, f"B: {shown.names[1]}"),
            (foremost(view), DIFFERENCES, "Where they differ; grey where nothing in the column does"),
        )
    ):
        box = (MARGIN + number * (side + _GAP), top, wide, high)
        paste(sheet, voxels_above(each_view, taxonomy, side), box)
        caption(draw, box, words)
        draw_marks(draw, each_view, above, box[0], box[1])
        extent = view.grid.shape[1] * view.grid.voxel_m
        draw_scale(draw, above.pixels_per_m, box[0] + 16, box[1] + box[3] - 14, scale_length(extent))
    rows = [
        (f"{name}: {count:,}", colour)
        for name, colour, count in zip(DIFFERENCES.classes, DIFFERENCES.colours, shown.counts, strict=True)
    ]
    _legend(draw, rows, counts_top, len(rows))
    _add_cuts(sheet, draw, view, along, across)
    _legend(draw, classes, legend_top, each)
    return sheet


def _add_cuts(sheet: Image.Image, draw: ImageDraw.ImageDraw, view: FrameView, along: Box, across: Box) -> None:
    ego = view.grid_SE3_ego[:3, 3]
    meaning = "paler: up to 6 m behind the cut; blue: both empty; black: not judged"
    for box, cut, words, ends in (
        (along, cut_along(view, float(ego[1])), f"Cut along the ego vehicle; {meaning}", ("back", "forward")),
        (across, cut_across(view, float(ego[0])), f"Cut across it, seen from behind; {meaning}", ("left", "right")),
    ):
        paste(sheet, draw_cut(cut, DIFFERENCES, box[2]), box)
        caption(draw, box, words)
        outline_ego(draw, view, box, along=box is along)
        label(draw, box[0] + 8, box[1] + 6, f"< {ends[0]}")
        label(draw, box[0] + box[2] - 8, box[1] + 6, f"{ends[1]} >", anchor="ra")


def _present(shown: ShownDifference) -> list[tuple[str, Rgb]]:
    """Name and colour of every class that either side has, most voxels first."""
    both = np.concatenate([view.classes[view.occupied] for view in (shown.labels, shown.reference)])
    counts = np.bincount(both, minlength=256)
    names, colours = shown.taxonomy.classes, shown.taxonomy.colours
    order = sorted((c for c in range(len(names)) if counts[c]), key=lambda c: -int(counts[c]))
    rows = [(names[number].replace("_", " "), colours[number]) for number in order]
    return [*rows, ("no class", UNLABELLED)] if counts[NO_LABEL] else rows


def _legend(draw: ImageDraw.ImageDraw, rows: list[tuple[str, Rgb]], top: int, each: int) -> None:
    """Swatches with words, so many in a line."""
    step = (WIDTH - 2 * MARGIN) // each
    for number, (words, colour) in enumerate(rows):
        x, y = MARGIN + number % each * step, top + number // each * _LINE
        draw.rounded_rectangle((x, y + 2, x + 16, y + 16), radius=3, fill=colour)
        draw.text((x + 26, y), words, INK, font(15))
