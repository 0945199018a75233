"""A frame's voxels as shaded cubes in perspective, drawn from back to front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...schemas.taxonomy import Taxonomy
from .camera import Camera
from .colours import EGO, PANEL, blend, class_colours
from .ego import ego_voxels
from .shading import openness, shadowed
from .view import FrameView

_SMOOTH = 2
"""Drawn this many times as large, then shrunk, for smooth edges."""
_NEAR_M = 2.0
_BRIGHTNESS = {(0, -1): 0.66, (0, 1): 0.80, (1, -1): 0.58, (1, 1): 0.86, (2, -1): 0.40, (2, 1): 1.06}
"""Of a face that looks along an axis, in a direction."""
_EGO_COLOUR = 254


def oblique_view(view: FrameView, taxonomy: Taxonomy, width: int, height: int) -> Image.Image:
    """The voxels from behind and above the ego vehicle, which is drawn in white, by class."""
    image = Image.new("RGB", (width * _SMOOTH, height * _SMOOTH), PANEL)
    ego_m = view.grid_SE3_ego[:3, 3]
    camera = Camera.behind(view.grid, ego_m, image.width, image.height)
    occupied, classes = with_ego(view)
    colours = class_colours(taxonomy)
    colours[_EGO_COLOUR] = EGO
    voxels, corners, brightness = visible_faces(view, occupied, camera)
    pixels, depth = camera.project(corners)
    shown = (depth.min(axis=1) > _NEAR_M) & _touches(pixels, image.size)
    voxels, pixels, depth, brightness = voxels[shown], pixels[shown], depth[shown], brightness[shown]
    order = back_to_front(voxels, camera.position_m, view)
    faces = colours[classes[tuple(voxels.T)]] * brightness[:, None]
    haze = np.clip((depth.mean(axis=1) / max(np.linalg.norm(camera.position_m - ego_m), 1e-9) - 1.0) * 0.55, 0, 0.6)
    faces = np.clip(blend(faces, PANEL, 1 - haze), 0, 255).astype(np.uint8)[order]
    draw = ImageDraw.Draw(image)
    for quad, colour in zip(pixels[order].reshape(-1, 8).tolist(), faces.tolist(), strict=True):
        draw.polygon(quad, fill=tuple(colour))
    return image.reduce(_SMOOTH)


def with_ego(view: FrameView) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Occupied voxels and their colour ids (X, Y, Z), with a block in the shape of a car where the ego vehicle is."""
    occupied, classes = view.occupied.copy(), view.classes.copy()
    body = ego_voxels(view)
    occupied |= body
    classes[body] = _EGO_COLOUR
    return occupied, classes


def visible_faces(
    view: FrameView, occupied: NDArray[np.bool_], camera: Camera
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float32]]:
    """Faces between an occupied voxel and an empty one, that look towards the camera.

    Returns their voxels (F, 3) int64, corners (F, 4, 3) float64 in metres, and brightness (F,) float32.
    """
    grid = view.grid
    low = np.array(grid.min_m)
    padded = np.pad(occupied, 1)
    top = np.where(occupied.any(2), grid.shape[2] - 1 - occupied[:, :, ::-1].argmax(2), -1).astype(np.float64)
    shadow = shadowed(top, top >= 0)
    voxels: list[NDArray[np.int64]] = []
    corners: list[NDArray[np.float64]] = []
    brightness: list[NDArray[np.float32]] = []
    for (axis, sign), light in _BRIGHTNESS.items():
        bare = occupied & ~np.roll(padded, -sign, axis)[1:-1, 1:-1, 1:-1]
        found = np.argwhere(bare)
        plane = low[axis] + (found[:, axis] + (sign > 0)) * grid.voxel_m
        found = found[(camera.position_m[axis] - plane) * sign > 0]
        free = openness(occupied, axis, sign)[tuple(found.T)]
        shade = np.float32(light) * (0.50 + 0.50 * free)
        if axis == 2:
            x, y, z = found.T
            shade = shade * np.where(shadow[x, y] & (z == top[x, y]), np.float32(0.66), np.float32(1))
        voxels.append(found)
        corners.append(low + (found[:, None, :] + _face(axis, sign)) * grid.voxel_m)
        brightness.append(shade)
    return np.concatenate(voxels), np.concatenate(corners), np.concatenate(brightness)


def back_to_front(voxels: NDArray[np.int64], position_m: NDArray[np.float64], view: FrameView) -> NDArray[np.int64]:
    """Order (F,) in which faces of these voxels (F, 3) hide each other rightly.

    Planes of voxels hide each other by their distance along one axis; so do rows in a plane, and voxels in a row.
    """
    cell = np.floor((position_m - view.grid.min_m) / view.grid.voxel_m)
    distance = np.abs(voxels - cell)
    return np.lexsort((-distance[:, 2], -distance[:, 1], -distance[:, 0]))


def _face(axis: int, sign: int) -> NDArray[np.int64]:
    """(4, 3) int64: corners of a unit cube's face, around it."""
    first, second = (a for a in range(3) if a != axis)
    face = np.zeros((4, 3), dtype=np.int64)
    face[:, axis] = int(sign > 0)
    face[:, first] = (0, 1, 1, 0)
    face[:, second] = (0, 0, 1, 1)
    return face


def _touches(pixels: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(F,) bool: faces (F, 4, 2) whose bounds meet the picture."""
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    meets: NDArray[np.bool_] = ((high >= 0) & (low < size)).all(axis=1)
    return meets
