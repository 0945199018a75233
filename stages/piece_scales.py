"""How far voxels of a class that hang together reach along each axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .kernels.pieces import number_pieces
from .voxnt import Scales


def piece_scales(chosen: NDArray[np.bool_], semantics: NDArray[np.uint8]) -> Scales:
    """As scales of runs: (3, X, Y, Z) uint16 voxels from one end to the other of the piece that each ``chosen`` voxel is of.

    ``chosen`` (X, Y, Z) bool; pieces are voxels of one class of ``semantics`` (X, Y, Z) uint8 that touch, be it at a corner.
    0 where nothing is chosen.
    """
    pieces = np.empty(chosen.shape, dtype=np.int32)
    count = number_pieces(chosen, semantics, pieces)
    reach = np.zeros((3, *chosen.shape), dtype=np.uint16)
    numbers = pieces[chosen]
    for axis, places in enumerate(np.nonzero(chosen)):
        low, high = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
        np.minimum.at(low, numbers, places)
        np.maximum.at(high, numbers, places)
        reach[axis][chosen] = (high - low + 1)[numbers]
    return Scales(reach)
