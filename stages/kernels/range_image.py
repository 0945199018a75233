"""A sweep as an image of ranges, and other sweeps' returns held against it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]

COLUMNS, ROWS = 900, 140
"""Pixels are 0.4 degrees wide and 0.5 high: two of the 0.2 degrees between a LiDAR's returns, and its rows where it has 64."""
_LOWEST_RAD = -0.5 * ROWS * np.pi / 360.0
_COLUMNS_A_RAD, _ROWS_A_RAD = COLUMNS / (2.0 * np.pi), 360.0 / np.pi
NOTHING = np.float32(np.inf)
"""Range of a pixel without a return."""
LEAST_AROUND = 3
"""Pixels with a return, of the nine around a place, that tell whether it was looked through."""


@kernel
def pixel(x: float, y: float, z: float) -> tuple[int, int, float]:
    """Column, row and range of a place in the sensor's frame; the row may lie outside the image. O(1)."""
    distance = np.sqrt(x * x + y * y + z * z)
    column = int((np.arctan2(y, x) + np.pi) * _COLUMNS_A_RAD) % COLUMNS
    row = int(np.floor((np.arcsin(z / max(distance, 1e-9)) - _LOWEST_RAD) * _ROWS_A_RAD))
    return column, row, distance


@kernel
def draw_ranges(points: Float64, clear_m: float, image: Float32) -> None:
    """Writes the nearest range of the returns (N, 3), sensor frame, metres, into each pixel of ``image`` (COLUMNS, ROWS) float32.

    Returns nearer than ``clear_m`` are the vehicle's own. O(N).
    """
    for i in range(len(points)):
        column, row, distance = pixel(points[i, 0], points[i, 1], points[i, 2])
        if distance >= clear_m and 0 <= row < ROWS and distance < image[column, row]:
            image[column, row] = np.float32(distance)


@kernel
def look(points: Float64, image: Float32, margin_m: float, margin_share: float, through: Int16, there: Int16) -> None:
    """Adds one, per place (N, 3) in the image's frame, to ``there`` (N,) where a return lies as far, else to ``through`` (N,)
    where all returns around lie beyond.

    "As far" is to ``margin_m`` and a share of the range; "around" are the nine pixels, of which three must hold a return. A
    place behind what was seen, or where nothing was, counts for neither. O(N).
    """
    for i in range(len(points)):
        column, row, distance = pixel(points[i, 0], points[i, 1], points[i, 2])
        margin = margin_m + margin_share * distance
        nearest, around, met = np.inf, 0, False
        for c in range(column - 1, column + 2):
            for r in range(max(row - 1, 0), min(row + 2, ROWS)):
                seen = image[c % COLUMNS, r]
                if seen != NOTHING:
                    around += 1
                    nearest = min(nearest, seen)
                    met = met or abs(seen - distance) <= margin
        if met:
            there[i] += 1
        elif around >= LEAST_AROUND and nearest > distance + margin:
            through[i] += 1
