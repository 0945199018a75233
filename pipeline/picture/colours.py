"""Colours of classes, heights and of the sheet itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...schemas.taxonomy import Taxonomy

Rgb: TypeAlias = tuple[int, int, int]
Pixels: TypeAlias = NDArray[np.float32]
"""(height, width, 3) float32, RGB 0-255."""

PAPER: Rgb = (17, 19, 24)
"""Around the panels."""
PANEL: Rgb = (28, 31, 38)
"""Where a panel shows nothing."""
FREE: Rgb = (44, 66, 84)
"""Where nothing is, as rays tell."""
INK: Rgb = (236, 238, 242)
FAINT: Rgb = (150, 156, 168)
UNLABELLED: Rgb = (172, 176, 184)
"""Occupied, but of no class."""
EGO: Rgb = (255, 255, 255)

_HEIGHTS = np.array(
    [(52, 60, 148), (38, 130, 190), (40, 185, 160), (140, 210, 90), (245, 215, 70), (250, 140, 60)], dtype=np.float32
)


def class_colours(taxonomy: Taxonomy) -> NDArray[np.float32]:
    """(256, 3) float32 RGB of every class id; ids without a class, 255 among them, are neutral grey."""
    table = np.empty((256, 3), dtype=np.float32)
    table[:] = UNLABELLED
    table[: len(taxonomy.colours)] = taxonomy.colours
    return table


def height_colours(heights: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """(N, 3) float32 RGB of heights (N,), blue at ``low`` to orange at ``high``, metres."""
    span = (np.clip(heights, low, high) - low) / max(high - low, 1e-9) * (len(_HEIGHTS) - 1)
    step = np.minimum(span.astype(np.int64), len(_HEIGHTS) - 2)
    part = (span - step)[:, None]
    mixed: NDArray[np.float32] = (_HEIGHTS[step] * (1 - part) + _HEIGHTS[step + 1] * part).astype(np.float32)
    return mixed


def height_range(points: NDArray[np.float32]) -> tuple[float, float]:
    """Heights, metres, between which nearly all of the points (N, 3) lie."""
    if not len(points):
        return 0.0, 1.0
    low, high = np.percentile(points[:, 2], (2, 98))
    return float(low), float(high)


def object_colours(tracks: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """(N, 3) float32 RGB, bright, unlike for neighbouring track numbers (N,)."""
    hue = (tracks.astype(np.float64) * 0.6180339887498949) % 1
    wave = np.abs((hue[:, None] * 6 + np.array([0, 4, 2])) % 6 - 3) - 1
    return (70 + 185 * np.clip(wave, 0, 1)).astype(np.float32)


def blank(width: int, height: int, colour: Sequence[int] = PANEL) -> Pixels:
    """An image of one colour."""
    pixels = np.empty((height, width, 3), dtype=np.float32)
    pixels[:] = colour
    return pixels


def blend(over: NDArray[np.float32], under: NDArray[np.float32] | Sequence[int], share: Any) -> NDArray[np.float32]:
    """``share`` (0 to 1, broadcast over RGB) of one colour over another."""
    share = np.asarray(share, dtype=np.float32)
    share = share[..., None] if share.ndim else share
    mixed: NDArray[np.float32] = (over * share + np.asarray(under, dtype=np.float32) * (1 - share)).astype(np.float32)
    return mixed
