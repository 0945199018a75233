"""Words, marks and the legend of a sheet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

from ...schemas.taxonomy import Taxonomy
from .above import Above
from .colours import EGO, FAINT, INK, UNLABELLED, Rgb
from .ego import outline
from .view import FrameView

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
_ROW_PX = 27


@dataclass(frozen=True)
class LegendRow:
    """One class of a frame."""

    name: str
    colour: Rgb
    voxels: int
    points: int


@lru_cache(maxsize=16)
def font(size: int) -> Font:
    """Pillow's own font: there on every machine."""
    return ImageFont.load_default(size=size)


def legend_rows(view: FrameView, taxonomy: Taxonomy) -> list[LegendRow]:
    """Classes that a frame's voxels or points have, most voxels first; those without a class last."""
    voxels = np.bincount(view.classes[view.occupied], minlength=256)
    points = np.zeros(256, dtype=np.int64) if view.labels is None else np.bincount(view.labels, minlength=256)
    rows = [
        LegendRow(name.replace("_", " "), colour, int(voxels[i]), int(points[i]))
        for i, (name, colour) in enumerate(zip(taxonomy.classes, taxonomy.colours, strict=True))
        if voxels[i] or points[i]
    ]
    rows.sort(key=lambda row: (-row.voxels, -row.points, row.name))
    rest = slice(len(taxonomy.classes), None)
    if voxels[rest].any() or points[rest].any():
        rows.append(LegendRow("no label", UNLABELLED, int(voxels[rest].sum()), int(points[rest].sum())))
    return rows


def draw_legend(draw: ImageDraw.ImageDraw, rows: list[LegendRow], left: int, top: int, width: int, height: int) -> None:
    """Swatch, name, voxels, if there are any, and points of every class, as many as fit."""
    small = font(14)
    right, middle = left + width, left + width - 74
    voxels = any(row.voxels for row in rows)
    draw.text((left, top), "class", FAINT, small)
    if voxels:
        draw.text((middle, top), "voxels", FAINT, small, anchor="ra")
    draw.text((right, top), "points", FAINT, small, anchor="ra")
    step = min(_ROW_PX, (height - 26) / max(len(rows), 1))
    for i, row in enumerate(rows):
        y = top + 26 + i * step
        draw.rounded_rectangle((left, y + 2, left + 16, y + 16), radius=3, fill=row.colour)
        draw.text((left + 26, y), row.name, INK, font(15))
        if voxels:
            draw.text((middle, y), _count(row.voxels), FAINT, font(15), anchor="ra")
        draw.text((right, y), _count(row.points), FAINT, font(15), anchor="ra")


def draw_marks(draw: ImageDraw.ImageDraw, view: FrameView, above: Above, left: int, top: int) -> None:
    """The ego vehicle and the forward direction, on a picture from above whose corner is at (left, top)."""
    corners = above.column_row(outline(view)[:, :2]) + np.array([left, top])
    # Rounded, so that poses that differ by less than can be seen give the same picture.
    car = [tuple(xy) for xy in corners.round(3).tolist()]
    draw.polygon(car, fill=None, outline=(0, 0, 0), width=5)
    draw.polygon(car, fill=None, outline=EGO, width=2)
    x, y = left + above.size[0] - 26, top + 16
    draw.polygon([(x, y), (x - 8, y + 16), (x + 8, y + 16)], fill=INK)
    draw.line((x, y + 14, x, y + 34), fill=INK, width=3)
    draw.text((x, y + 38), f"forward {view.forward}", INK, font(13), anchor="ra" if x > left + 60 else "la")


def draw_scale(draw: ImageDraw.ImageDraw, pixels_per_m: float, left: int, bottom: int, metres: float) -> None:
    """A bar of this many metres, its lower left end at (left, bottom)."""
    right = left + round(metres * pixels_per_m)
    for width, colour in ((6, (0, 0, 0)), (3, INK)):
        draw.line([(left, bottom - 6), (left, bottom), (right, bottom), (right, bottom - 6)], colour, width)
    label(draw, (left + right) // 2, bottom - 22, f"{metres:g} m", anchor="ma")


def label(draw: ImageDraw.ImageDraw, x: float, y: float, words: str, anchor: str = "la", size: int = 13) -> None:
    """Words that can be read on any ground."""
    draw.text((x, y), words, INK, font(size), anchor=anchor, stroke_width=2, stroke_fill=(0, 0, 0))


def scale_length(extent_m: float) -> float:
    """A round length, at most a quarter of the extent: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(max(extent_m / 4, 1e-6)))
    lengths: NDArray[np.float64] = np.array([1.0, 2.0, 5.0]) * power
    return float(lengths[lengths <= max(extent_m / 4, 1e-6)].max(initial=power))


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"
