"""Rigid transforms against SciPy, and what is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from occ_pipeline.schemas.frames import SE3, rotation_from_quaternion
from scipy.spatial.transform import Rotation

seeds = st.integers(0, 2**32 - 1)


def some(seed: int) -> SE3:
    random = np.random.default_rng(seed)
    x, y, z, w = Rotation.random(random_state=seed).as_quat()
    return SE3.from_quaternion(np.array([w, x, y, z]), random.uniform(-1000, 1000, 3))


@given(seeds)
def test_quaternions_are_w_first_and_agree_with_scipy(seed: int) -> None:
    x, y, z, w = Rotation.random(random_state=seed).as_quat()
    expected = Rotation.from_quat([x, y, z, w]).as_matrix()
    assert rotation_from_quaternion(np.array([w, x, y, z])) == pytest.approx(expected, abs=1e-12)
    assert rotation_from_quaternion(1.005 * np.array([w, x, y, z])) == pytest.approx(expected, abs=1e-12)
    assert rotation_from_quaternion(-np.array([w, x, y, z])) == pytest.approx(expected, abs=1e-12)


@given(seeds, seeds, seeds)
def test_transforms_compose_left_to_right(a: int, b: int, c: int) -> None:
    world_SE3_ego, ego_SE3_lidar = some(a), some(b)
    points = np.random.default_rng(c).uniform(-50, 50, (5, 3))
    expected = world_SE3_ego.apply(ego_SE3_lidar.apply(points))
    assert (world_SE3_ego @ ego_SE3_lidar).apply(points) == pytest.approx(expected, abs=1e-8)
    assert world_SE3_ego.apply(np.zeros((1, 3)))[0] == pytest.approx(world_SE3_ego.translation)


@given(seeds)
def test_the_inverse_undoes(seed: int) -> None:
    pose = some(seed)
    assert (pose @ pose.inverse()).matrix == pytest.approx(np.eye(4), abs=1e-9)
    assert pose.inverse().matrix == pytest.approx(np.linalg.inv(pose.matrix), abs=1e-8)
    assert SE3.identity().matrix.tolist() == np.eye(4).tolist()


def changed(row: int, column: int, value: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[row, column] = value
    return matrix


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.eye(3), "shape"),
        (changed(0, 3, np.nan), "finite"),
        (changed(1, 1, np.inf), "finite"),
        (changed(0, 0, -1.0), "right-handed"),
        (changed(0, 0, 1.01), "orthonormal"),
        (changed(0, 1, 0.1), "orthonormal"),
        (changed(3, 0, 1.0), "last row"),
        (changed(3, 3, 2.0), "last row"),
    ],
)
def test_what_is_no_rigid_transform_is_refused(matrix: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SE3(matrix)


@pytest.mark.parametrize(
    ("wxyz", "words"),
    [([0, 0, 0, 0], "norm 0"), ([1, 1, 0, 0], "norm"), ([1, 0, 0], "four"), ([np.nan, 0, 0, 1], "finite")],
)
def test_what_is_no_rotation_is_refused(wxyz: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SE3.from_quaternion(np.array(wxyz), np.zeros(3))
    with pytest.raises(ValueError, match=words):
        rotation_from_quaternion(np.array(wxyz))


def test_a_transform_keeps_its_own_unchangeable_matrix() -> None:
    matrix = np.eye(4)
    pose = SE3(matrix)
    matrix[0, 3] = 5
    assert pose.translation[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        pose.matrix[0, 3] = 5
