"""How occupied voxels move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .occupancy import Body, State
from .product import Array, Product, ProductReader, array
from .validity import AtLeast, Finite, Offsets, OneOf

_NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class OccupancyFlow(Product):
    """Motion of the voxels that moving objects occupy, over the ground, in axes of the key frame's grid.

    Only those voxels have rows; every other occupied voxel stands still. :func:`dense_flow` spreads a frame's rows over its
    grid. OpenOcc gives velocities of x and y, UniOcc displacements to the next key frame; both are here.
    """

    name: ClassVar[str] = "occupancy_flow"

    voxels: Array = array("voxel", "xyz", dtype="int16", fill=-1, valid=[AtLeast(0)], xyz=3)
    """(N, 3) int16: index in the grid; sorted within a frame."""
    tracks: Array = array("voxel", dtype="int32", fill=-2, valid=[AtLeast(-1)])
    """(N,) int32: the moving object, an index into the scene's tracks; -1 where the voxel lies in no object's box."""
    velocity_m_s: Array = array("voxel", "xyz", dtype="float32", fill=_NAN, valid=[Finite()], xyz=3)
    """(N, 3) float32, metres per second: of the voxel's centre as part of the object; 0 where not known."""
    velocity_known: Array = array("voxel", dtype="uint8", fill=255, valid=[OneOf((0, 1))])
    """(N,) uint8: 0 where the object has no second box near in time."""
    displacement_m: Array = array("voxel", "xyz", dtype="float32", fill=_NAN, valid=[Finite()], xyz=3)
    """(N, 3) float32, metres: from here to where the same spot of the object is in the next key frame, the ego vehicle's own
    motion left out; 0 where not known."""
    displacement_known: Array = array("voxel", dtype="uint8", fill=255, valid=[OneOf((0, 1))])
    """(N,) uint8: 0 where the object is not in the next key frame, or there is none."""
    offsets: Array = array("frame_bound", dtype="int64", fill=-1, valid=[Offsets("voxel")])
    """(K + 1,) int64: rows of each key frame."""

    labels: str
    """Name of the product of voxel labels whose voxels these are."""
    frame_tokens: list[str]
    """The dataset's own name of each key frame."""


@dataclass(frozen=True, kw_only=True)
class ReferenceFlow(Product):
    """Velocities taken over with published labels, in axes of their grid. Only voxels whose velocity is not 0 have rows."""

    name: ClassVar[str] = "reference_flow"

    voxels: Array = array("voxel", "xyz", dtype="int16", fill=-1, valid=[AtLeast(0)], xyz=3)
    """(N, 3) int16: index in the grid; sorted within a frame."""
    velocity_m_s: Array = array("voxel", "xy", dtype="float32", fill=_NAN, valid=[Finite()], xy=2)
    """(N, 2) float32, metres per second along x and y, as published."""
    offsets: Array = array("frame_bound", dtype="int64", fill=-1, valid=[Offsets("voxel")])
    """(K + 1,) int64: rows of each key frame."""

    told: bool
    """Whether the format has velocities; without, there are no rows."""
    frame_tokens: list[str]
    """The dataset's own name of each key frame."""


@dataclass(frozen=True)
class DenseFlow:
    """Motion of every voxel of one key frame, (X, Y, Z): 0 for what stands still and for what is not known."""

    velocity_m_s: NDArray[np.float32]
    """(X, Y, Z, 3) float32."""
    velocity_mask: NDArray[np.bool_]
    """(X, Y, Z) bool: occupied, and its velocity is known."""
    displacement_m: NDArray[np.float32]
    """(X, Y, Z, 3) float32."""
    displacement_mask: NDArray[np.bool_]
    """(X, Y, Z) bool: occupied, and its displacement is known."""


def dense_flow(flow: ProductReader, labels: ProductReader, frame: int) -> DenseFlow:
    """A key frame's :class:`OccupancyFlow` on the grid of the labels it was made of. Raises ValueError for other labels."""
    state, body = (labels.rows(name, frame, frame + 1)[0] for name in ("state", "body"))
    start, stop = flow.read("offsets")[frame : frame + 2].tolist()
    where = tuple(flow.rows("voxels", start, stop).astype(np.int64).T)
    if np.count_nonzero(body > Body.STATIC) != stop - start or (body[where] <= Body.STATIC).any():
        raise ValueError(f"key frame {frame}: the flow is not of these labels' moving voxels")
    occupied = state == State.OCCUPIED

    def spread(values: str, known: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        dense, mask = np.zeros((*state.shape, 3), dtype=np.float32), occupied.copy()
        dense[where], mask[where] = flow.rows(values, start, stop), flow.rows(known, start, stop) == 1
        return dense, mask

    return DenseFlow(*spread("velocity_m_s", "velocity_known"), *spread("displacement_m", "displacement_known"))
