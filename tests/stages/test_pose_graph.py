"""Pose graphs whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from occ_pipeline.stages.pose_graph import Factor, adjoint, between, difference, exponential, gauge, solve
from occ_pipeline.stages.pose_trust import log_factors, step_sigmas
from occ_pipeline.tests.schemas.test_refined_poses import some_poses
from occ_pipeline.tests.stages.small_world import pose

COUNT = 20
TRUE = np.stack([pose(4.0 * k, 0.5 * k, 0.1 * k, 0.05 * k) @ some_poses(COUNT, 0, 0.0, 2.0)[k] for k in range(COUNT)])
PAIRS = [(i, i + step) for step in (1, 2, 4) for i in range(COUNT - step)]
SHARP = np.diag([1 / 2e-4] * 3 + [1 / 2e-3] * 3) ** 2


def measured(poses: np.ndarray, noise: float = 0.0, seed: int = 0) -> list[Factor]:
    """Registrations of all pairs; ``noise`` in standard errors of :data:`SHARP`."""
    rng = np.random.default_rng(seed)
    sigma = noise / np.sqrt(np.diag(SHARP))
    return [
        Factor(i, j, between(poses[i], poses[j]) @ exponential(rng.normal(0, 1, 6) * sigma), SHARP) for i, j in PAIRS
    ]


def worst(poses: np.ndarray) -> np.ndarray:
    """Largest error in radians and metres, relative to the first pose."""
    errors = np.array([difference(TRUE[0] @ between(poses[0], p), t) for p, t in zip(poses, TRUE, strict=True)])
    return np.array([np.abs(errors[:, :3]).max(), np.abs(errors[:, 3:]).max()])


def test_exact_measurements_give_exact_poses() -> None:
    guess = TRUE @ some_poses(COUNT, 1, 0.5, 3.0)
    guess[0] = TRUE[0]
    assert worst(guess)[1] > 0.5
    assert worst(solve(guess, measured(TRUE))) == pytest.approx(0.0, abs=1e-5)


def test_one_wrong_measurement_among_good_ones_has_no_say() -> None:
    factors = measured(TRUE)
    wrong = factors[25]
    factors[25] = Factor(wrong.i, wrong.j, wrong.i_SE3_j @ pose(0.8, 0.3, 0.2, 0.05), SHARP)
    angle, metres = worst(solve(TRUE, factors))
    assert angle < 2e-4
    assert metres < 2e-3


def test_moved_as_a_perturbation_on_the_right() -> None:
    delta = np.array([1.0, -2.0, 3.0, 2.0, 1.0, -1.0]) * 1e-7
    left = exponential(adjoint(TRUE[7]) @ delta) @ TRUE[7]
    assert left == pytest.approx(TRUE[7] @ exponential(delta), abs=2e-12)


def test_gauge_undoes_a_rigid_motion() -> None:
    moved = pose(30.0, -5.0, 2.0, 0.4) @ some_poses(1, 3, 0.0, 4.0)[0]
    assert gauge(moved @ TRUE, TRUE) @ moved == pytest.approx(np.eye(4), abs=1e-9)


def test_gauge_does_not_tilt_the_world_to_a_log_without_heights() -> None:
    flat = TRUE.copy()
    flat[:, 2, 3] = 0.0
    assert gauge(TRUE, flat)[:3, :3] == pytest.approx(np.eye(3), abs=1e-6)


def test_a_log_that_agrees_is_trusted_far_more_than_registrations() -> None:
    own = 1 / np.sqrt(np.diag(SHARP))
    sigmas = np.array([step_sigmas(TRUE, measured(TRUE, noise=1.0, seed=seed)) for seed in range(20)])
    assert (sigmas < own / 2).all()
    assert (np.median(sigmas, axis=0) == sigmas.min(axis=0)).all(), "the floor, in most scenes"


@pytest.mark.parametrize(("axis", "size"), [(1, 0.01), (2, 0.01), (3, 0.05), (5, 0.05)])
def test_what_is_wrong_with_a_log_shows_on_its_axis(axis: int, size: float) -> None:
    rng = np.random.default_rng(axis)
    logged = [TRUE[0]]
    for k in range(COUNT - 1):
        error = np.zeros(6)
        error[axis] = rng.normal(0, size)
        logged.append(logged[-1] @ between(TRUE[k], TRUE[k + 1]) @ exponential(error))
    sigmas = step_sigmas(np.array(logged), measured(TRUE, noise=1.0))
    assert size / 3 < sigmas[axis] < 3 * size
    other = [a for a in range(6) if a // 3 == axis // 3 and not {a, axis} <= {0, 1} and not {a, axis} <= {3, 4}]
    assert (sigmas[[a for a in other if a != axis]] < sigmas[axis] / 3).all()


def test_drift_that_one_step_hides_shows_over_four() -> None:
    slow = 1.5e-3
    assert slow < 1 / np.sqrt(SHARP[3, 3])
    drifted = TRUE.copy()
    drifted[:, 0, 3] += slow * np.arange(COUNT)
    assert step_sigmas(drifted, measured(TRUE, noise=1.0))[3] > slow


def test_the_log_fills_what_registrations_leave_open() -> None:
    some = [f for f in measured(TRUE) if not {9, 10} & {f.i, f.j}]
    sigmas = np.array([1e-3] * 3 + [1e-2] * 3)
    assert worst(solve(TRUE, [*some, *log_factors(TRUE, sigmas)])) == pytest.approx(0.0, abs=1e-6)
