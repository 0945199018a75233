"""A frame's sheet: the scan and its labels from above, the labels as a street, two cuts, and what the colours mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from ...schemas.taxonomy import Taxonomy
from .above import Above, points_above, voxels_above
from .arrows import draw_arrows
from .colours import EGO, FAINT, INK, PAPER, Pixels
from .ego import ego_bounds
from .oblique import oblique_view
from .shown import ShownFrame
from .slices import cut_across, cut_along, draw_cut
from .text import draw_legend, draw_marks, draw_scale, font, label, legend_rows, scale_length
from .view import FrameView

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, width, height, pixels."""

WIDTH = 1600
MARGIN, _GAP, _TITLE, _CAPTION = 20, 18, 62, 26
SQUARE, _STREET = 600, 640


@dataclass(frozen=True)
class Layout:
    """Where each panel of a sheet lies."""

    points: Box
    voxels: Box
    legend: Box
    street: Box
    along: Box
    across: Box
    size: tuple[int, int]

    @classmethod
    def of(cls, view: FrameView) -> Layout:
        """Room for a grid of any shape."""
        inner = WIDTH - 2 * MARGIN
        wide, high = Above.fitting(view.grid, SQUARE).size
        top = _TITLE + _CAPTION
        second = MARGIN + SQUARE + _GAP
        third = second + SQUARE + 2 * _GAP
        street_top = top + max(high, 300) + _GAP + _CAPTION
        x, y, z = view.grid.shape
        # Both cuts at one scale, so that a voxel is a square of the same size in each.
        scale = inner / max(x, y)
        cut_high = max(round(z * scale), 1)
        along_top = street_top + _STREET + _GAP + _CAPTION
        across_top = along_top + cut_high + _GAP + _CAPTION
        return cls(
            points=(MARGIN, top, wide, high),
            voxels=(second, top, wide, high),
            legend=(third, top, WIDTH - MARGIN - third, max(high, 300)),
            street=(MARGIN, street_top, inner, _STREET),
            along=(MARGIN, along_top, max(round(x * scale), 1), cut_high),
            across=(MARGIN, across_top, max(round(y * scale), 1), cut_high),
            size=(WIDTH, across_top + cut_high + MARGIN),
        )


def draw_frame(frame: ShownFrame, *, slice_y_m: float = 0.0) -> Image.Image:
    """One key frame's labels beside its points, RGB, 1600 pixels wide.

    ``slice_y_m``: how far left of the ego vehicle the first cut lies.
    """
    view, taxonomy = frame.view, frame.taxonomy
    layout = Layout.of(view)
    sheet = Image.new("RGB", layout.size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 16), frame.title, INK, font(24))
    draw.text((WIDTH - MARGIN, 22), frame.facts, FAINT, font(15), anchor="ra")
    _add_above(sheet, draw, frame, layout)
    draw_legend(draw, legend_rows(view, taxonomy), *layout.legend)
    left, top, wide, high = layout.street
    caption(draw, layout.street, "Occupied voxels from behind; the ego vehicle is white")
    sheet.paste(oblique_view(view, taxonomy, wide, high), (left, top))
    _add_cuts(sheet, draw, view, taxonomy, layout, slice_y_m)
    return sheet


def _add_above(sheet: Image.Image, draw: ImageDraw.ImageDraw, frame: ShownFrame, layout: Layout) -> None:
    view, taxonomy = frame.view, frame.taxonomy
    above = Above.fitting(view.grid, SQUARE)
    coloured = "class" if view.labels is not None else "height"
    voxels_are = "Occupied voxels from above" + ("" if frame.arrows is None else "; arrows: the way of one second")
    for box, pixels, words in (
        (layout.points, points_above(view, taxonomy, SQUARE), f"{frame.points_are} from above, by {coloured}"),
        (layout.voxels, voxels_above(view, taxonomy, SQUARE), voxels_are),
    ):
        paste(sheet, pixels, box)
        caption(draw, box, words)
        draw_marks(draw, view, above, box[0], box[1])
        extent = view.grid.shape[1] * view.grid.voxel_m
        draw_scale(draw, above.pixels_per_m, box[0] + 16, box[1] + box[3] - 14, scale_length(extent))
    if frame.arrows is not None:
        left, top, wide, high = layout.voxels
        panel = sheet.crop((left, top, left + wide, top + high))
        draw_arrows(panel, above, frame.arrows)
        sheet.paste(panel, (left, top))


def _add_cuts(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    view: FrameView,
    taxonomy: Taxonomy,
    layout: Layout,
    slice_y_m: float,
) -> None:
    ego = view.grid_SE3_ego[:3, 3]
    ahead = f"Cut along the ego vehicle, {slice_y_m:g} m to its left" if slice_y_m else "Cut along the ego vehicle"
    behind = "paler: up to 6 m behind the cut; dots: points in the cut"
    if view.free.any():
        behind += "; blue: free; black: unknown"
    across = f"Cut across the ego vehicle, seen from behind; {behind}"
    for box, cut, words in (
        (layout.along, cut_along(view, float(ego[1]) + slice_y_m), f"{ahead}; {behind}"),
        (layout.across, cut_across(view, float(ego[0])), across),
    ):
        add_cut(sheet, draw, view, draw_cut(cut, taxonomy, box[2]), box, words, along=box is layout.along)


def add_cut(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, view: FrameView, pixels: Pixels, box: Box, words: str, *, along: bool
) -> None:
    """A cut along the ego vehicle or across it, with its caption, the vehicle's outline and which way is which."""
    paste(sheet, pixels, box)
    caption(draw, box, words)
    _outline_ego(draw, view, box, along=along)
    left, top, wide, _ = box
    low, high = ("back", "forward") if along else ("left", "right")
    label(draw, left + 8, top + 6, f"< {low}")
    label(draw, left + wide - 8, top + 6, f"{high} >", anchor="ra")


def _outline_ego(draw: ImageDraw.ImageDraw, view: FrameView, box: Box, *, along: bool) -> None:
    """Marks where the ego vehicle stands in a cut along or across it."""
    grid, (low, high) = view.grid, ego_bounds(view)
    left, top, wide, deep = box
    scale = wide / (grid.shape[0 if along else 1] * grid.voxel_m)
    if along:
        start, end = low[0] - grid.min_m[0], high[0] - grid.min_m[0]
    else:
        start, end = grid.max_m[1] - high[1], grid.max_m[1] - low[1]
    x0, x1, y0, y1 = (round(m * scale) for m in (start, end, grid.max_m[2] - high[2], grid.max_m[2] - low[2]))
    if min(x0, y0) >= 0 and x1 <= wide and y1 <= deep:
        draw.rectangle((left + x0, top + y0, left + x1, top + y1), outline=EGO, width=2)


def paste(sheet: Image.Image, pixels: Pixels, box: Box) -> None:
    """Pixels into a panel."""
    sheet.paste(Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8)), box[:2])


def caption(draw: ImageDraw.ImageDraw, box: Box, words: str) -> None:
    """Words above a panel."""
    draw.text((box[0], box[1] - 7), words, FAINT, font(15), anchor="ls")
