"""Scans laid over each other on a grid: what lies in each voxel by most returns, and which voxels no scan saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.scene import PointKind, SweepPoints
from ..schemas.taxonomy import NO_LABEL
from .kernels.sight import distances, empty, keep_hidden
from .kernels.votes import NO_VOTE, count, locate

Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
WITHOUT_CLASS, NOISE, FIRST_CLASS = 0, 1, 2
"""Candidates of a vote; the classes follow, then the classes again, of what moves: as label files tell them apart."""


@dataclass(frozen=True)
class Scan:
    """The returns of one scan that are laid over those of others."""

    points: NDArray[np.float32]
    """(N, 3) float32, metres, LiDAR frame."""
    candidates: UInt8
    """(N,) uint8: what each votes for; NO_VOTE for nothing."""

    @classmethod
    def of(cls, cloud: SweepPoints, kept: Bool, classes: int) -> Scan:
        """Those of a sweep that are ``kept`` (N,) bool; ``classes``: how many its taxonomy has."""
        if cloud.labels is None or cloud.kinds is None:
            candidates = np.full(np.count_nonzero(kept), NO_VOTE, dtype=np.uint8)
        else:
            candidates = candidate_table(classes)[cloud.kinds[kept], cloud.labels[kept]]
        return cls(cloud.points[kept], candidates)


def candidate_table(classes: int) -> UInt8:
    """(4, 256) uint8: what a return votes for, by :class:`PointKind` and class id, of as many classes."""
    table = np.full((len(PointKind), 256), WITHOUT_CLASS, dtype=np.uint8)
    table[PointKind.USUAL, :classes] = FIRST_CLASS + np.arange(classes)
    table[PointKind.MOVING, :classes] = FIRST_CLASS + classes + np.arange(classes)
    table[PointKind.NOISE] = NOISE
    return table


def voted(scans: Sequence[tuple[Scan, Float64]], shape: tuple[int, int, int], classes: int) -> tuple[Bool, UInt8]:
    """Which voxels a return of any scan fell into, (X, Y, Z) bool, and their classes, (X, Y, Z) uint8, 255 without.

    Each scan comes with its ``voxel_SE3_lidar`` (4, 4), to voxels with the grid's lower corner at 0. Most returns win, ties go
    to the first candidate.
    """
    occupied = np.zeros(shape, dtype=np.bool_)
    voxels = [locate(scan.points, voxel_SE3_lidar, occupied) for scan, voxel_SE3_lidar in scans]
    rows = np.cumsum(occupied.ravel(), dtype=np.int32) - 1
    votes = np.zeros((int(np.count_nonzero(occupied)), FIRST_CLASS + 2 * classes), dtype=np.int32)
    for (scan, _), places in zip(scans, voxels, strict=True):
        count(votes, rows, places, scan.candidates)
    class_of = np.array([NO_LABEL, NO_LABEL, *range(classes), *range(classes)], dtype=np.uint8)
    semantics = np.full(shape, NO_LABEL, dtype=np.uint8)
    # Without any vote the first candidate stands, which has no class.
    semantics[occupied] = class_of[np.argmax(votes, axis=1)]
    return occupied, semantics


def unseen(occupied: Bool, own: Float64, others: Sequence[Float64]) -> tuple[Bool, Bool]:
    """Empty voxels hidden from every sensor, and voxels that one's ``own`` does not see, occupied ones too: (X, Y, Z) bool each.

    Sensors are places (3,) float64 in voxels. A voxel is seen where the ray from its centre passes through no occupied one.
    """
    away = distances(occupied)
    voxels = empty(occupied)
    voxels = voxels[: keep_hidden(away, voxels, own)]
    occluded = occupied.copy()
    occluded[tuple(voxels.T)] = True
    for sensor in others:
        voxels = voxels[: keep_hidden(away, voxels, sensor)]
    hidden = np.zeros_like(occupied)
    hidden[tuple(voxels.T)] = True
    return hidden, occluded
