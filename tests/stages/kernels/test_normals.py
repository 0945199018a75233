"""Normals against numpy's eigenvectors, and their sense against the sensor."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.stages.kernels.normals import oriented_normals, smallest_eigenvector


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_smallest_eigenvector_equals_numpy(seed: int) -> None:
    random = np.random.default_rng(seed)
    spread = random.normal(size=(8, 3)) * random.uniform(0.05, 2, 3)
    covariance = spread.T @ spread
    values, vectors = np.linalg.eigh(covariance)
    found = smallest_eigenvector(covariance)
    # Where two eigenvalues are nearly one, any vector between theirs is right: compare by the Rayleigh quotient.
    assert found @ covariance @ found <= values[0] + 1e-6 * values[2]
    if values[1] > 1.05 * values[0]:
        assert abs(found @ vectors[:, 0]) > 1 - 1e-4


def test_normals_of_a_tilted_plane_point_to_the_sensor() -> None:
    random = np.random.default_rng(1)
    normal = np.array([0.3, -0.2, 0.9]) / np.linalg.norm([0.3, -0.2, 0.9])
    xy = random.uniform(0, 3, (900, 2))
    points = np.column_stack([xy, -(xy @ normal[:2]) / normal[2]]).astype(np.float32)
    for side in (1.0, -1.0):
        sensors = np.repeat((side * normal * 10).astype(np.float32)[None], len(points), axis=0)
        found = oriented_normals(points, sensors, (0.3, 0.6), 6)
        assert (found @ (side * normal) > 0.999).all()


def test_each_point_takes_its_normal_from_the_neighbours_within_the_smallest_radius_that_holds_enough() -> None:
    random = np.random.default_rng(2)
    points = random.uniform(0, 2, (150, 3)).astype(np.float32)
    sensors = np.full_like(points, 50)
    found = oriented_normals(points, sensors, (0.2, 0.4), 6)
    for i, point in enumerate(points):
        distance = np.linalg.norm(points.astype(np.float64) - point, axis=1)
        radius = next((r for r in (0.2, 0.4) if (distance <= r).sum() >= 6), None)
        if radius is None:
            assert not found[i].any()
            continue
        vectors = np.linalg.eigh(np.cov(points[distance <= radius].astype(np.float64).T))[1]
        assert abs(found[i] @ vectors[:, 0]) > 0.99
