"""Files of occupied voxels alone, a row each, as SurroundOcc and OpenOccupancy have them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import InputError
from ...schemas.grid import VoxelGrid
from ...schemas.reference_labels import ReferenceLabels
from ...schemas.taxonomy import NO_LABEL, NUSCENES
from .files import DataRoot
from .npy import Wanted, read_npy

NOISE = 0
"""Occupied, of no class that is learnt: loaders ignore it."""
EGO_SE3_LIDAR = np.array([[0.0, 1, 0, 0.94], [-1, 0, 0, 0], [0, 0, 1, 1.84], [0, 0, 0, 1]])
"""nuScenes' LiDAR looks forward along its y, 0.94 m before and 1.84 m above the ego frame, with tilts below a degree that are
left out here (calibrated_sensor.json; its two cars differ by centimetres)."""
UNMASKED = (
    "the format has no masks: what its files leave out is free, and all voxels count as observed, by LiDAR and cameras"
)


def read_rows(files: DataRoot, name: str, grid: VoxelGrid, axes: str) -> ReferenceLabels:
    """Labels from (N, 4) whole numbers: the index along each of ``axes``, as ``zyx``, and a class id of nuScenes.

    Raises InputError for places outside the grid, ids that are no class, and voxels that are told twice, differently.
    """
    rows = read_npy(files, name, Wanted((None, 4), most_rows=math.prod(grid.shape)))
    fix = "give labels of the format that --labels names"
    # Unsigned values beyond int64 are as far outside as any.
    rows = np.minimum(rows, np.iinfo(np.int64).max).astype(np.int64)
    places, ids = rows[:, [axes.index(axis) for axis in "xyz"]], rows[:, 3]
    _refuse(
        (places < 0) | (places >= grid.shape),
        rows,
        name,
        f"voxel lies outside the grid (columns {axes})",
        str(list(grid.shape)),
        fix,
    )
    highest = len(NUSCENES.classes) - 1
    wrong = (ids < 0) | (ids > highest)
    if wrong.any():
        first = int(wrong.argmax())
        more = int(np.count_nonzero(wrong)) - 1
        raise InputError(
            "row holds an id that is no class", file=name,
            found=f"{ids[first]} at [x, y, z] = {places[first].tolist()}" + (f", and {more} more" if more else ""),
            expected=f"1 to {highest}, or {NOISE} for noise", fix=fix,
        )  # fmt: skip
    return _dense(places, ids, grid, name)


def _refuse(wrong: NDArray[np.bool_], rows: NDArray[Any], name: str, what: str, shape: str, fix: str) -> None:
    if wrong.any():
        first = int(wrong.any(axis=1).argmax())
        raise InputError(
            what, file=name, found=f"row {first}: {rows[first].tolist()}", expected=f"x, y, z in {shape}", fix=fix
        )  # fmt: skip


def _dense(places: NDArray[np.int64], ids: NDArray[np.int64], grid: VoxelGrid, name: str) -> ReferenceLabels:
    semantics = np.full(grid.shape, NO_LABEL, dtype=np.uint8)
    classes = np.where(ids == NOISE, NO_LABEL, ids).astype(np.uint8)
    occupied = np.zeros(grid.shape, dtype=np.bool_)
    where = tuple(places.T)
    semantics[where], occupied[where] = classes, True
    told = semantics[where] != classes
    if told.any():
        first = int(told.argmax())
        raise InputError(
            "a voxel has two classes", file=name,
            found=f"{ids[first]} and another one at [x, y, z] = {places[first].tolist()}", expected="one row for each voxel",
            fix="download the file again",
        )  # fmt: skip
    seen = np.ones(grid.shape, dtype=np.uint8)
    return ReferenceLabels(grid, occupied, semantics, seen, seen)
