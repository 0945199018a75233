"""A frame's voxels as shaded cubes in perspective, drawn from back to front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...schemas.taxonomy import Taxonomy
from .camera import Camera
from .colours import PANEL, blend
from .faces import exposed_faces, street_colours, with_ego
from .view import FrameView

_SMOOTH = 2
"""Drawn this many times as large, then shrunk, for smooth edges."""
_NEAR_M = 2.0


def oblique_view(view: FrameView, taxonomy: Taxonomy, width: int, height: int) -> Image.Image:
    """The voxels from behind and above the ego vehicle, which is drawn in white, by class."""
    image = Image.new("RGB", (width * _SMOOTH, height * _SMOOTH), PANEL)
    ego_m = view.grid_SE3_ego[:3, 3]
    camera = Camera.behind(view.grid, ego_m, image.width, image.height)
    occupied, classes = with_ego(view)
    colours = street_colours(taxonomy)
    faces = exposed_faces(view.grid, occupied)
    faces = faces.chosen(faces.look_at(camera.position_m, view.grid))
    voxels, brightness = faces.voxels, faces.brightness
    pixels, depth = camera.project(faces.corners_m(view.grid))
    shown = (depth.min(axis=1) > _NEAR_M) & _touches(pixels, image.size)
    voxels, pixels, depth, brightness = voxels[shown], pixels[shown], depth[shown], brightness[shown]
    order = back_to_front(voxels, camera.position_m, view)
    lit = colours[classes[tuple(voxels.T)]] * brightness[:, None]
    haze = np.clip((depth.mean(axis=1) / max(np.linalg.norm(camera.position_m - ego_m), 1e-9) - 1.0) * 0.55, 0, 0.6)
    lit = np.clip(blend(lit, PANEL, 1 - haze), 0, 255).astype(np.uint8)[order]
    draw = ImageDraw.Draw(image)
    for quad, colour in zip(pixels[order].reshape(-1, 8).tolist(), lit.tolist(), strict=True):
        draw.polygon(quad, fill=tuple(colour))
    return image.reduce(_SMOOTH)


def back_to_front(voxels: NDArray[np.int64], position_m: NDArray[np.float64], view: FrameView) -> NDArray[np.int64]:
    """Order (F,) in which faces of these voxels (F, 3) hide each other rightly.

    Planes of voxels hide each other by their distance along one axis; so do rows in a plane, and voxels in a row.
    """
    cell = np.floor((position_m - view.grid.min_m) / view.grid.voxel_m)
    distance = np.abs(voxels - cell)
    return np.lexsort((-distance[:, 2], -distance[:, 1], -distance[:, 0]))


def _touches(pixels: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(F,) bool: faces (F, 4, 2) whose bounds meet the picture."""
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    meets: NDArray[np.bool_] = ((high >= 0) & (low < size)).all(axis=1)
    return meets
