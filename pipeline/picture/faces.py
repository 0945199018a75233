"""Faces of voxels that can be seen, and how bright each is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import VoxelGrid
from ...schemas.taxonomy import Taxonomy
from .colours import EGO, class_colours
from .ego import ego_voxels
from .shading import openness, shadowed
from .view import FrameView

BRIGHTNESS = {(0, -1): 0.66, (0, 1): 0.80, (1, -1): 0.58, (1, 1): 0.86, (2, -1): 0.40, (2, 1): 1.06}
"""Of a face that looks along an axis, in a direction."""
EGO_ID = 254
"""Stands for the ego vehicle among class ids."""


@dataclass(frozen=True)
class Faces:
    """Squares between an occupied voxel and an empty one."""

    voxels: NDArray[np.int64]
    """(F, 3) int64: the occupied voxel."""
    axis: NDArray[np.int64]
    """(F,) int64: 0 to 2, the axis a face looks along."""
    sign: NDArray[np.int64]
    """(F,) int64: -1 or 1, in which direction."""
    brightness: NDArray[np.float32]
    """(F,) float32: darker in corners and in shadow."""

    def chosen(self, which: NDArray[np.bool_]) -> Faces:
        """Some of them."""
        return Faces(self.voxels[which], self.axis[which], self.sign[which], self.brightness[which])

    def look_at(self, position_m: NDArray[np.float64], grid: VoxelGrid) -> NDArray[np.bool_]:
        """(F,) bool: whether a face turns its outside to a position (3,), metres, grid frame."""
        along = np.take_along_axis(self.voxels, self.axis[:, None], axis=1)[:, 0]
        plane = np.array(grid.min_m)[self.axis] + (along + (self.sign > 0)) * grid.voxel_m
        turned: NDArray[np.bool_] = (position_m[self.axis] - plane) * self.sign > 0
        return turned

    def corners_m(self, grid: VoxelGrid) -> NDArray[np.float64]:
        """(F, 4, 3) float64: corners around each face, metres, grid frame."""
        return (
            np.array(grid.min_m) + (self.voxels[:, None, :] + _CORNERS[self.axis, (self.sign > 0) * 1]) * grid.voxel_m
        )


def exposed_faces(grid: VoxelGrid, occupied: NDArray[np.bool_]) -> Faces:
    """Every face between a voxel of ``occupied`` (X, Y, Z) and an empty one, or the grid's border."""
    padded = np.pad(occupied, 1)
    top = np.where(occupied.any(2), grid.shape[2] - 1 - occupied[:, :, ::-1].argmax(2), -1).astype(np.float64)
    shadow = shadowed(top, top >= 0)
    found: list[NDArray[np.int64]] = []
    looks: list[NDArray[np.int64]] = []
    brightness: list[NDArray[np.float32]] = []
    for (axis, sign), light in BRIGHTNESS.items():
        bare = occupied & ~np.roll(padded, -sign, axis)[1:-1, 1:-1, 1:-1]
        voxels = np.argwhere(bare)
        shade = np.float32(light) * (0.50 + 0.50 * openness(occupied, axis, sign)[tuple(voxels.T)])
        if axis == 2:
            x, y, z = voxels.T
            shade = shade * np.where(shadow[x, y] & (z == top[x, y]), np.float32(0.66), np.float32(1))
        found.append(voxels)
        looks.append(np.tile(np.array([axis, sign]), (len(voxels), 1)))
        brightness.append(shade.astype(np.float32))
    axes, signs = np.concatenate(looks).T
    return Faces(np.concatenate(found), axes, signs, np.concatenate(brightness))


def with_ego(view: FrameView) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Occupied voxels and their colour ids (X, Y, Z), with a block in the shape of a car where the ego vehicle is."""
    occupied, classes = view.occupied.copy(), view.classes.copy()
    body = ego_voxels(view)
    occupied |= body
    classes[body] = EGO_ID
    return occupied, classes


def street_colours(taxonomy: Taxonomy) -> NDArray[np.float32]:
    """(256, 3) float32 RGB of class ids and of the ego vehicle."""
    colours = class_colours(taxonomy)
    colours[EGO_ID] = EGO
    return colours


def _face(axis: int, sign: int) -> NDArray[np.int64]:
    """(4, 3) int64: corners of a unit cube's face, around it."""
    first, second = (a for a in range(3) if a != axis)
    face = np.zeros((4, 3), dtype=np.int64)
    face[:, axis] = int(sign > 0)
    face[:, first] = (0, 1, 1, 0)
    face[:, second] = (0, 0, 1, 1)
    return face


_CORNERS = np.array([[_face(axis, sign) for sign in (-1, 1)] for axis in range(3)])
"""(3, 2, 4, 3) int64: by axis and direction."""
