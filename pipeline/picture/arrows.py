"""Arrows on a picture from above: how far each moving object goes in a second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...schemas.product import ProductReader
from .above import Above
from .colours import INK, PAPER

Float64 = NDArray[np.float64]
_HEAD_PX, _HEAD_ANGLE = 8.0, 0.5
_LEAST_M_S = 0.1


def object_arrows(flow: ProductReader, frame: int, turn: Float64, voxel_m: float, min_m: tuple[float, ...]) -> Float64:
    """(A, 4) float64: where the voxels of each object that moves have their middle, x and y in metres, and their mean
    velocity, metres per second, after ``turn`` (4, 4) of the grid's axes. Objects slower than 0.1 m/s have none.
    """
    start, stop = flow.read("offsets")[frame : frame + 2].tolist()
    tracks, known = flow.rows("tracks", start, stop), flow.rows("velocity_known", start, stop)
    places = (flow.rows("voxels", start, stop) + 0.5) * voxel_m + np.array(min_m)
    velocity = flow.rows("velocity_m_s", start, stop).astype(np.float64)
    arrows = [
        np.concatenate([turn[:3, :3] @ places[mine].mean(axis=0), turn[:3, :3] @ velocity[mine].mean(axis=0)])
        for track in np.unique(tracks[(tracks >= 0) & (known == 1)])
        for mine in [tracks == track]
    ]
    found = np.array(arrows, dtype=np.float64).reshape(-1, 6)[:, [0, 1, 3, 4]]
    return found[np.hypot(found[:, 2], found[:, 3]) >= _LEAST_M_S]


def draw_arrows(panel: Image.Image, above: Above, arrows: Float64) -> None:
    """Arrows (A, 4) as :func:`object_arrows` has them, one second long, on a picture from above; cut off at its edges."""
    draw = ImageDraw.Draw(panel)
    for arrow in arrows:
        start, end = above.column_row(np.stack([arrow[:2], arrow[:2] + arrow[2:]]))
        along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
        sides = [_turned(-along, side) * _HEAD_PX + end for side in (_HEAD_ANGLE, -_HEAD_ANGLE)]
        for colour, width in ((PAPER, 5), (INK, 2)):
            for first, last in ((start, end), *((end, side) for side in sides)):
                draw.line((*first.tolist(), *last.tolist()), fill=colour, width=width)


def _turned(direction: Float64, angle: float) -> Float64:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([cos * direction[0] - sin * direction[1], sin * direction[0] + cos * direction[1]])
