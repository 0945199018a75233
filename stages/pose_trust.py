"""How far a log's own poses can be trusted: what they say of the way from one sweep to the next, against registration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .pose_graph import Factor, between, difference

Float64 = NDArray[np.float64]
GROUPS = ((0, 1), (2,), (3, 4), (5,))
"""Numbers of a perturbation that share an error: roll and pitch, yaw, x and y, z."""
_FLOOR = np.array([3e-5] * 3 + [3e-4] * 3)
"""Radians and metres: no log is trusted more, also where registrations show no error of it."""


def step_sigmas(logged: Float64, registrations: Sequence[Factor]) -> Float64:
    """(6,) float64: standard error, radians and metres, of the log's way from one pose (N, 4, 4) to the next.

    Variance components: what the log differs from registrations by, less what the registrations' own errors would explain in
    19 of 20 scenes, over pairs that are equally many steps apart, per step; the largest over all such distances, since drift
    that one step hides shows over four.
    """
    ends = np.array([(f.i, f.j) for f in registrations], dtype=np.int64)
    measured = np.stack([f.i_SE3_j for f in registrations])
    squares = difference(measured, between(logged[ends[:, 0]], logged[ends[:, 1]])) ** 2
    noises = np.diagonal(np.linalg.inv(np.stack([f.information for f in registrations])), axis1=1, axis2=2)
    steps = ends[:, 1] - ends[:, 0]
    variance = _FLOOR**2
    for number in np.unique(steps).tolist():
        alike = steps == number
        for group in GROUPS:
            some = list(group)
            # A mean of n squared normal numbers exceeds their variance by this share in one scene of forty.
            by_chance = 2.0 * np.sqrt(2.0 / (np.count_nonzero(alike) * len(some)))
            excess = squares[alike][:, some].mean() - noises[alike][:, some].mean() * (1.0 + by_chance)
            variance[some] = np.maximum(variance[some], excess / number)
    return np.sqrt(variance)


def log_factors(logged: Float64, sigmas: Float64) -> list[Factor]:
    """The log's way from each pose (N, 4, 4) to the next, with standard errors (6,)."""
    information = np.diag(1.0 / sigmas**2)
    return [
        Factor(k, k + 1, between(logged[k], logged[k + 1]), information, robust=False) for k in range(len(logged) - 1)
    ]
