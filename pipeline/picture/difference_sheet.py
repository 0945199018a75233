"""The sheet of where two sides differ: both from above, what differs from above, and in two cuts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from ...schemas.grid import VoxelGrid
from ...schemas.taxonomy import NO_LABEL, Taxonomy
from .above import Above, voxels_above
from .colours import FAINT, INK, PAPER, UNLABELLED, Rgb
from .differences import DIFFERENCES, ShownDifference, foremost
from .sheet import MARGIN, WIDTH, Box, add_cut, caption, paste
from .slices import cut_across, cut_along, draw_cut
from .text import draw_marks, draw_scale, font, scale_length
from .view import FrameView

_GAP, _TITLE, _CAPTION, _LINE = 18, 62, 26, 26
_COLUMN_PX = 220
SIDE = (WIDTH - 2 * MARGIN - 2 * _GAP) // 3
"""Of the panels from above, pixels."""


@dataclass(frozen=True)
class _Layout:
    """Where each panel lies."""

    above: tuple[Box, ...]
    """A, B and what differs."""
    counts_top: int
    along: Box
    across: Box
    legend_top: int

    @classmethod
    def of(cls, grid: VoxelGrid) -> _Layout:
        """Room for a grid of any shape."""
        wide, high = Above.fitting(grid, SIDE).size
        x, y, z = grid.shape
        # Both cuts at one scale.
        scale = (WIDTH - 2 * MARGIN) / max(x, y)
        cut_high = max(round(z * scale), 1)
        top = _TITLE + _CAPTION
        # Before KITTI's grids the ego vehicle stands beyond the panel.
        counts_top = top + high + 2 * _GAP
        along_top = counts_top + _LINE + _CAPTION
        across_top = along_top + cut_high + _GAP + _CAPTION
        return cls(
            above=tuple((MARGIN + number * (SIDE + _GAP), top, wide, high) for number in range(3)),
            counts_top=counts_top,
            along=(MARGIN, along_top, max(round(x * scale), 1), cut_high),
            across=(MARGIN, across_top, max(round(y * scale), 1), cut_high),
            legend_top=across_top + cut_high + _GAP,
        )


def draw_differences(shown: ShownDifference) -> Image.Image:
    """The sheet, RGB, 1600 pixels wide."""
    layout, classes = _Layout.of(shown.differences.grid), _present(shown)
    each = (WIDTH - 2 * MARGIN) // _COLUMN_PX
    lines = -(-len(classes) // each)
    sheet = Image.new("RGB", (WIDTH, layout.legend_top + _LINE * lines + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 16), shown.title, INK, font(24))
    draw.text((WIDTH - MARGIN, 22), shown.facts, FAINT, font(15), anchor="ra")
    for box, view, taxonomy, words in zip(
        layout.above,
        (shown.labels, shown.reference, foremost(shown.differences)),
        (shown.taxonomy, shown.taxonomy, DIFFERENCES),
        (f"A: {shown.names[0]}", f"B: {shown.names[1]}", "Where they differ; grey where nothing in the column does"),
        strict=True,
    ):
        _add_above(sheet, draw, view, taxonomy, box, words)
    counted = zip(DIFFERENCES.classes, DIFFERENCES.colours, shown.counts, strict=True)
    rows = [(f"{name}: {count:,}", colour) for name, colour, count in counted]
    _legend(draw, rows, layout.counts_top, len(rows))
    _add_cuts(sheet, draw, shown.differences, layout)
    _legend(draw, classes, layout.legend_top, each)
    return sheet


def _add_above(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, view: FrameView, taxonomy: Taxonomy, box: Box, words: str
) -> None:
    above = Above.fitting(view.grid, SIDE)
    paste(sheet, voxels_above(view, taxonomy, SIDE), box)
    caption(draw, box, words)
    draw_marks(draw, view, above, box[0], box[1])
    extent = view.grid.shape[1] * view.grid.voxel_m
    draw_scale(draw, above.pixels_per_m, box[0] + 16, box[1] + box[3] - 14, scale_length(extent))


def _add_cuts(sheet: Image.Image, draw: ImageDraw.ImageDraw, view: FrameView, layout: _Layout) -> None:
    ego = view.grid_SE3_ego[:3, 3]
    meaning = "paler: up to 6 m behind the cut; blue: both empty; black: not judged"
    for box, cut, words in (
        (layout.along, cut_along(view, float(ego[1])), f"Cut along the ego vehicle; {meaning}"),
        (layout.across, cut_across(view, float(ego[0])), f"Cut across it, seen from behind; {meaning}"),
    ):
        add_cut(sheet, draw, view, draw_cut(cut, DIFFERENCES, box[2]), box, words, along=box is layout.along)


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
