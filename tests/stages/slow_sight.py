"""What a sensor does not see, by its definition: every ray against every occupied voxel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from occ_pipeline.stages.kernels.sight import TOUCH


def hidden_slowly(occupied: np.ndarray, sensor: Sequence[float]) -> np.ndarray:
    """(X, Y, Z) bool: empty voxels of which the ray from the centre to the sensor has more than a touch in an occupied one."""
    end = np.array(sensor)
    start = np.stack(np.meshgrid(*map(np.arange, occupied.shape), indexing="ij"), axis=-1) + 0.5
    step = end - start
    hidden = np.zeros(occupied.shape, dtype=bool)
    for voxel in np.argwhere(occupied):
        if (np.abs(end - voxel - 0.5) <= 0.5).all():
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            enters_and_leaves = np.sort([(voxel - start) / step, (voxel + 1 - start) / step], axis=0)
        # Along a face, or in the layer between two.
        beside = (step == 0) & ((start <= voxel) | (start >= voxel + 1))
        enters = np.where(step == 0, 0.0, enters_and_leaves[0]).max(axis=-1, initial=0.0)
        leaves = np.where(step == 0, 1.0, enters_and_leaves[1]).min(axis=-1, initial=1.0)
        hidden |= (leaves - enters > TOUCH) & ~beside.any(axis=-1)
    return hidden & ~occupied
