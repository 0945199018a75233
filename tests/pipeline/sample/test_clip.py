from __future__ import annotations

import numpy as np
import pytest
from occ_pipeline.pipeline.sample.clip import clip
from occ_pipeline.pipeline.sample.meshes import box, tube


def area_of(corners: np.ndarray) -> float:
    return float(
        np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    )


def test_a_diagonal_plane_has_its_analytic_area_in_each_voxel() -> None:
    square = np.array([[(0, 0, 0), (2, 0, 2), (2, 2, 2)], [(0, 0, 0), (2, 2, 2), (0, 2, 0)]], dtype=float)
    _, voxels, found = clip(square, (3, 3, 3))
    totals = np.bincount(voxels, found, 27).reshape(3, 3, 3)
    expected = np.zeros((3, 3, 3))
    for k in (0, 1):
        expected[k, :2, k] = np.sqrt(2)
    assert totals == pytest.approx(expected)


def test_areas_of_a_closed_shape_add_up() -> None:
    solid = tube((3.3, 2.6, 2.2), (6.2, 7.4, 5.9), 1.7, 1, sides=9).corners
    triangles, _, found = clip(solid, (10, 10, 10))
    each = np.bincount(triangles, found, len(solid))
    assert each == pytest.approx([area_of(triangle[None]) for triangle in solid])


def test_a_face_on_a_border_lies_in_the_upper_voxel_only() -> None:
    face = box((0.2, 0.2, 1.0), (0.8, 0.8, 2.0), 1, without="xXyYZ").corners
    _, voxels, found = clip(face, (2, 2, 3))
    assert set(voxels.tolist()) == {1}
    assert found.sum() == pytest.approx(0.36)


def test_what_lies_outside_counts_nowhere() -> None:
    assert len(clip(box((5, 5, 5), (6, 6, 6), 1).corners, (3, 3, 3))[0]) == 0
    assert len(clip(box((-2, -2, -2), (-1, -1, 9), 1).corners, (3, 3, 3))[0]) == 0
