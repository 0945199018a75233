"""A scene as a film: its key frames one after the other."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ...schemas.errors import StorageError, UsageError
from .above import Above, points_above
from .colours import FAINT, INK, PAPER
from .oblique import oblique_view
from .sheet import caption, paste
from .shown import ShownFrame
from .text import draw_legend, draw_marks, font, legend_rows

SIZE = (1280, 720)
_MARGIN, _TOP = 16, 84
_STREET = (868, 620)
_SIDE = 348


def film_frame(frame: ShownFrame) -> Image.Image:
    """One picture of a film, 1280 x 720, RGB: the street, and beside it the points from above and the legend."""
    view = frame.view
    image = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((_MARGIN, 14), frame.title, INK, font(22))
    draw.text((SIZE[0] - _MARGIN, 20), frame.facts, FAINT, font(14), anchor="ra")
    street = (_MARGIN, _TOP, *_STREET)
    caption(draw, street, "Occupied voxels from behind; the ego vehicle is white")
    image.paste(oblique_view(view, frame.taxonomy, *_STREET), street[:2])
    above = Above.fitting(view.grid, _SIDE)
    side = (SIZE[0] - _MARGIN - _SIDE, _TOP, *above.size)
    paste(image, points_above(view, frame.taxonomy, _SIDE), side)
    caption(draw, side, f"{frame.points_are} from above")
    draw_marks(draw, view, above, side[0], side[1])
    under = _TOP + above.size[1] + 14
    draw_legend(draw, legend_rows(view, frame.taxonomy), side[0], under, _SIDE, SIZE[1] - under - 8)
    return image


def write_film(path: Path, frames: Iterable[Image.Image], per_second: float) -> None:
    """Writes pictures of :data:`SIZE` as VP9 in MP4, which browsers and players show. Raises UsageError, StorageError."""
    cv2: Any = importlib.import_module("cv2")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"vp09"), per_second, SIZE)
    if not writer.isOpened():
        if not path.parent.is_dir():
            raise UsageError(
                "the film's folder is not there", file=str(path), fix="make it, or give --out another path"
            )
        raise StorageError("the film cannot be written", file=str(path), fix="check the folder's permissions")
    for frame in frames:
        writer.write(np.ascontiguousarray(np.asarray(frame)[:, :, ::-1]))
    writer.release()
