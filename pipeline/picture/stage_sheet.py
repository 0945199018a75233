"""The sheet of a stage before the voxels: what it made, from above, as a street and in two cuts."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .above import Above
from .cloud import cloud_above, cloud_cut, cloud_street
from .colours import FAINT, INK, PAPER
from .sheet import MARGIN, SQUARE, WIDTH, Layout, add_cut, caption, paste
from .stages import StageClouds
from .text import draw_legend, draw_marks, draw_scale, font, legend_rows, scale_length

_SMOOTH = 2


def draw_stage(shown: StageClouds) -> Image.Image:
    """One key frame as a stage left it, RGB, 1600 pixels wide."""
    view = shown.frame.view
    layout = Layout.of(view)
    sheet = Image.new("RGB", layout.size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 16), shown.frame.title, INK, font(24))
    draw.text((WIDTH - MARGIN, 22), f"{len(view.points):,} points", FAINT, font(15), anchor="ra")
    above = Above.fitting(view.grid, SQUARE)
    for box, clouds, words in (
        (layout.points, shown.left, shown.left_are), (layout.voxels, shown.right, shown.right_are),
    ):  # fmt: skip
        paste(sheet, cloud_above(clouds, view.grid, SQUARE), box)
        caption(draw, box, words)
        draw_marks(draw, view, above, box[0], box[1])
        extent = view.grid.shape[1] * view.grid.voxel_m
        draw_scale(draw, above.pixels_per_m, box[0] + 16, box[1] + box[3] - 14, scale_length(extent))
    draw_legend(draw, legend_rows(view, shown.frame.taxonomy), *layout.legend)
    ego = view.grid_SE3_ego[:3, 3]
    left, top, wide, high = layout.street
    caption(draw, layout.street, "The same from behind and above the ego vehicle")
    street = cloud_street(shown.left, view.grid, ego, wide * _SMOOTH, high * _SMOOTH)
    sheet.paste(Image.fromarray(street.clip(0, 255).astype(np.uint8)).reduce(_SMOOTH), (left, top))
    dots = "" if shown.dots is None else "; white: the points"
    for box, axis, words in (
        (layout.along, 1, f"Cut along the ego vehicle, 0.4 m thick{dots}"),
        (layout.across, 0, f"Cut across the ego vehicle, 0.4 m thick, seen from behind{dots}"),
    ):
        pixels = cloud_cut(shown.left, shown.dots, view.grid, axis, float(ego[axis]), box[2])
        add_cut(sheet, draw, view, pixels, box, words, along=axis == 1)
    return sheet
