"""A pose graph: poses that agree best with measured transforms between pairs of them, by robust Gauss-Newton on SE(3).

Perturbations are on the right, rotation first: ``pose @ exp(delta)``, as in small_gicp, whose Hessians are used as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse import linalg as sparse
from scipy.spatial.transform import Rotation

Float64 = NDArray[np.float64]
_OUTLIER = 16.8
"""Squared Mahalanobis distance that one of a hundred good measurements of six numbers exceeds."""
_HELD = 1e12
"""Information that keeps a pose where it is."""


@dataclass(frozen=True)
class Factor:
    """A measured transform between two poses."""

    i: int
    j: int
    i_SE3_j: Float64
    """(4, 4) float64: the second pose in the first's frame."""
    information: Float64
    """(6, 6) float64, rotation before translation, 1/rad and 1/m squared: of a perturbation on the right."""
    robust: bool = True
    """Whether it loses weight where it disagrees with the others."""


def exponential(delta: Float64) -> Float64:
    """(..., 4, 4) of small perturbations (..., 6), rotation vector and translation kept apart."""
    matrix = np.zeros((*delta.shape[:-1], 4, 4))
    matrix[..., :3, :3] = Rotation.from_rotvec(delta[..., :3]).as_matrix()
    matrix[..., :3, 3] = delta[..., 3:]
    matrix[..., 3, 3] = 1.0
    return matrix


def between(world_SE3_a: Float64, world_SE3_b: Float64) -> Float64:
    """``a_SE3_b`` (..., 4, 4) float64 of two poses, or of two runs of them."""
    way: Float64 = np.linalg.inv(world_SE3_a) @ world_SE3_b
    return way


def difference(a: Float64, b: Float64) -> Float64:
    """(..., 6) float64: rotation vector and translation of ``inv(a) @ b``."""
    away = between(a, b)
    return np.concatenate([Rotation.from_matrix(away[..., :3, :3]).as_rotvec(), away[..., :3, 3]], axis=-1)


def adjoint(pose: Float64) -> Float64:
    """(..., 6, 6) float64: moves a perturbation from the right of a transform to its left, rotation first."""
    rotation, (x, y, z) = pose[..., :3, :3], np.moveaxis(pose[..., :3, 3], -1, 0)
    none = np.zeros_like(x)
    skew = np.stack([none, -z, y, z, none, -x, -y, x, none], axis=-1).reshape(*x.shape, 3, 3)
    matrix = np.zeros((*x.shape, 6, 6))
    matrix[..., :3, :3] = matrix[..., 3:, 3:] = rotation
    matrix[..., 3:, :3] = skew @ rotation
    return matrix


def solve(poses: Float64, factors: Sequence[Factor], iterations: int = 50) -> Float64:
    """Poses (N, 4, 4) float64 that agree best with the factors, from a first guess; pose 0 stays where it is.

    Cauchy weights; stops when no pose moves by more than a micrometre or microradian. Every pose must be tied to pose 0
    by some chain of factors. O(N) for chains with short loops.
    """
    found = np.array(poses, dtype=np.float64)
    stacked = _Stacked.of(factors)
    for _ in range(iterations):
        step = stacked.step(found)
        found[1:] = found[1:] @ exponential(step[1:])
        found[:, 3] = (0.0, 0.0, 0.0, 1.0)
        if np.abs(step).max(initial=0.0) < 1e-6:
            break
    return found


@dataclass(frozen=True)
class _Stacked:
    """Factors as arrays."""

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    i_SE3_j: Float64
    information: Float64
    robust: NDArray[np.bool_]

    @classmethod
    def of(cls, factors: Sequence[Factor]) -> _Stacked:
        """All of them, in order."""
        ends = np.array([(f.i, f.j) for f in factors], dtype=np.int64)
        measured, information = (np.stack([getattr(f, n) for f in factors]) for n in ("i_SE3_j", "information"))
        return cls(ends[:, 0], ends[:, 1], measured, information, np.array([f.robust for f in factors]))

    def step(self, poses: Float64) -> Float64:
        """(N, 6) float64: the Gauss-Newton step from poses (N, 4, 4)."""
        error = difference(self.i_SE3_j, between(poses[self.i], poses[self.j]))
        squared = np.einsum("ma,mab,mb->m", error, self.information, error)
        weight = np.where(self.robust, 1.0 / (1.0 + squared / _OUTLIER), 1.0)
        here = np.broadcast_to(np.eye(6), (len(error), 6, 6))
        jacobian = np.concatenate([-adjoint(between(poses[self.j], poses[self.i])), here], axis=2)
        weighted = np.swapaxes(jacobian, 1, 2) @ self.information * weight[:, None, None]
        six = np.arange(6)
        places = np.concatenate([6 * self.i[:, None] + six, 6 * self.j[:, None] + six], axis=1)
        size = 6 * len(poses)
        right = np.zeros(size)
        np.subtract.at(right, places, np.einsum("mab,mb->ma", weighted, error))
        rows, columns = np.repeat(places, 12, axis=1).ravel(), np.tile(places, 12).ravel()
        # Pose 0 is held.
        entries = np.concatenate([(weighted @ jacobian).ravel(), np.full(6, _HELD)])
        where = (np.concatenate([rows, six]), np.concatenate([columns, six]))
        matrix = coo_matrix((entries, where), shape=(size, size)).tocsc()
        factorised: Any = cast("Any", sparse).splu(matrix)
        solved: Float64 = factorised.solve(right)
        return solved.reshape(-1, 6)


def gauge(poses: Float64, like: Float64, arm_m: float = 10.0) -> Float64:
    """The rigid transform (4, 4) that brings a trajectory (N, 4, 4) nearest to another.

    Up and north come from the mean of all rotations, since logs that put every pose at height 0 are right about up and wrong
    about slopes; then heading and place from the vehicle's positions and from points ``arm_m`` ahead and to its left.
    """
    turns = like[:, :3, :3] @ np.swapaxes(poses[:, :3, :3], 1, 2)
    first = np.eye(4)
    first[:3, :3] = Rotation.from_matrix(turns).mean().as_matrix()
    here, there = (_marks(first @ poses, arm_m), _marks(like, arm_m))
    here_flat, there_flat = here[:, :2] - here[:, :2].mean(axis=0), there[:, :2] - there[:, :2].mean(axis=0)
    cross = float((here_flat[:, 0] * there_flat[:, 1] - here_flat[:, 1] * there_flat[:, 0]).sum())
    yaw = np.arctan2(cross, float((here_flat * there_flat).sum()))
    second = np.eye(4)
    second[:3, :3] = Rotation.from_rotvec([0.0, 0.0, yaw]).as_matrix()
    second[:3, 3] = like[:, :3, 3].mean(axis=0) - (second @ first @ poses)[:, :3, 3].mean(axis=0)
    return second @ first


def _marks(poses: Float64, arm_m: float) -> Float64:
    """(3 N, 3) float64: of every pose its place, and points ahead of it and to its left."""
    places = poses[:, :3, 3]
    return np.concatenate([places, places + arm_m * poses[:, :3, 0], places + arm_m * poses[:, :3, 1]])
