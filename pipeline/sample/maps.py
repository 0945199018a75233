"""The map image of a scene: the road, white on black, ten pixels a metre as nuScenes draws it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .ground import Ground
from .labels import ROAD
from .street import Street

PIXELS_PER_M = 10


def write_map(path: Path, street: Street, ground: Ground) -> None:
    """Draws the road cells; the image's lower left corner is the world's origin."""
    s, d = np.meshgrid(ground.s, ground.d, indexing="ij")
    xy = street.place(s, d, 0.0)[..., :2] * PIXELS_PER_M
    width, height = (int(v) for v in np.ceil(xy.reshape(-1, 2).max(axis=0)) + 10)
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    for row, column in zip(*np.nonzero(ground.use == ROAD), strict=True):
        cell = xy[[row, row + 1, row + 1, row], [column, column, column + 1, column + 1]]
        draw.polygon([(float(x), height - float(y)) for x, y in cell], fill=255)
    image.save(path)
