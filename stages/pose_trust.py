"""How far a log's own poses can be trusted: what they say of the way from one sweep to the next, against registration."""

from __future__ import annotations

from collections import defaultdict
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
    errors: defaultdict[int, list[Float64]] = defaultdict(list)
    noises: defaultdict[int, list[Float64]] = defaultdict(list)
    for factor in registrations:
        steps = factor.j - factor.i
        i_SE3_j = between(logged[factor.i], logged[factor.j])
        errors[steps].append(difference(factor.i_SE3_j, i_SE3_j) ** 2)
        noises[steps].append(np.diag(np.linalg.inv(factor.information)))
    variance = _FLOOR**2
    for steps, squares in errors.items():
        found, explained = np.mean(squares, axis=0), np.mean(noises[steps], axis=0)
        for group in GROUPS:
            some = list(group)
            # A mean of n squared normal numbers exceeds their variance by this share in one scene of forty.
            by_chance = 2.0 * np.sqrt(2.0 / (len(squares) * len(some)))
            excess = found[some].mean() - explained[some].mean() * (1.0 + by_chance)
            variance[some] = np.maximum(variance[some], excess / steps)
    return np.sqrt(variance)


def log_factors(logged: Float64, sigmas: Float64) -> list[Factor]:
    """The log's way from each pose (N, 4, 4) to the next, with standard errors (6,)."""
    information = np.diag(1.0 / sigmas**2)
    return [
        Factor(k, k + 1, between(logged[k], logged[k + 1]), information, robust=False) for k in range(len(logged) - 1)
    ]
