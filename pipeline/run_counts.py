"""How many voxels of each class lie in runs of each length along the axes of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..schemas.instance_offsets import FREE_RUN, UNKNOWN_RUN
from ..schemas.taxonomy import NO_LABEL
from ..stages.voxnt import instance_offsets, run_classes, scales

Int64 = NDArray[np.int64]
UInt8 = NDArray[np.uint8]
AXES = ("x", "y", "z")
FREE, UNKNOWN, NO_CLASS = "free", "unknown", "no_class"
"""What voxels are that have no class; ``no_class`` are occupied."""
BESIDE = {FREE: FREE_RUN, UNKNOWN: UNKNOWN_RUN, NO_CLASS: NO_LABEL}
"""What each counts as when runs are made."""


class RunCounts(NamedTuple):
    """Voxels by class and by the length L of the run they lie in, along x, y and z.

    Each (C + 3, N + 1) int64, with C classes and N voxels along the axis: row c is class c, the last three are free, unknown
    and without a class; column L counts voxels whose run has L voxels, so that a run counts L times, and column 0 none.
    """

    x: Int64
    y: Int64
    z: Int64

    @classmethod
    def none(cls, shape: Sequence[int], classes: int) -> RunCounts:
        """No voxels yet, of a grid of ``shape``."""
        x, y, z = (np.zeros((classes + len(BESIDE), length + 1), np.int64) for length in shape)
        return cls(x, y, z)

    @classmethod
    def of(cls, state: UInt8, semantics: UInt8, classes: int) -> RunCounts:
        """Of one key frame: ``state`` and ``semantics`` (X, Y, Z) uint8. Raises ValueError for an id that is no class."""
        labels = run_classes(state, semantics)
        runs = scales(instance_offsets(labels)).run_voxels
        x, y, z = (_counted(labels, lengths, n, classes) for lengths, n in zip(runs, labels.shape, strict=True))
        return cls(x, y, z)

    def plus(self, other: RunCounts) -> RunCounts:
        """Of both."""
        x, y, z = (one + more for one, more in zip(self, other, strict=True))
        return RunCounts(x, y, z)


def runs_of(voxels: Int64) -> Int64:
    """Numbers of runs from numbers of voxels by run length, both (..., N + 1) int64 with L along the last axis: voxels / L."""
    return voxels // np.maximum(np.arange(voxels.shape[-1]), 1)


def median_run(voxels: Int64) -> int | None:
    """The run length L that half of the voxels do not exceed, from (N + 1,) int64 voxels by L; None without voxels."""
    total = int(voxels.sum())
    return int(np.searchsorted(np.cumsum(voxels), (total + 1) // 2)) if total else None


def _counted(labels: UInt8, lengths: NDArray[np.uint16], longest: int, classes: int) -> Int64:
    """(C + 3, longest + 1) int64 voxels by label and run length along one axis."""
    width = longest + 1
    # Where each label's row starts: one look-up and one sum make the place in the histogram.
    starts = np.arange(256) * width
    found = np.bincount((starts[labels] + lengths).ravel(), minlength=256 * width).reshape(256, width)
    rows = [*range(classes), *BESIDE.values()]
    others = {int(label) for label in np.flatnonzero(found.any(axis=1))} - {*rows}
    if others:
        raise ValueError(f"class ids must be 0 to {classes - 1}, or {NO_LABEL} for none, found {sorted(others)}")
    return found[rows].astype(np.int64)
