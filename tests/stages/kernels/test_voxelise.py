"""Rasterisation against an obvious restatement: clip the triangle by the voxel's six half-spaces, see what is left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.stages.kernels.voxelise import UNITS_PER_M2, Canvas, overlaps


def clipped(triangle: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[np.ndarray]:
    polygon = [np.array(corner, dtype=float) for corner in triangle]
    for axis in range(3):
        for sign, bound in ((1.0, low[axis]), (-1.0, -high[axis])):
            kept: list[np.ndarray] = []
            for i, here in enumerate(polygon):
                there = polygon[(i + 1) % len(polygon)]
                a, b = sign * here[axis] - bound, sign * there[axis] - bound
                if a >= 0:
                    kept.append(here)
                if (a > 0 > b) or (a < 0 < b):
                    kept.append(here + (there - here) * a / (a - b))
            polygon = kept
            if not polygon:
                return []
    return polygon


coordinate = st.floats(-1.5, 2.5, allow_nan=False).map(lambda v: round(v, 3))
corner = st.tuples(coordinate, coordinate, coordinate)


@settings(max_examples=400, deadline=None)
@given(st.tuples(corner, corner, corner))
def test_overlap_equals_clipping(triangle: tuple[tuple[float, float, float], ...]) -> None:
    corners = np.array(triangle) + 1e-4  # off the lattice: touching in a point is a matter of rounding
    expected = bool(clipped(corners, np.zeros(3), np.ones(3)))
    boxes_meet = bool(np.all(corners.max(axis=0) >= 0) and np.all(corners.min(axis=0) <= 1))
    assert (boxes_meet and overlaps(*corners, 0.5, 0.5, 0.5)) == expected


def test_canvas_marks_exactly_the_voxels_that_triangles_meet() -> None:
    random = np.random.default_rng(5)
    shape = (7, 6, 5)
    vertices = random.uniform(-2, 8, (60, 3))
    triangles = np.arange(60, dtype=np.int32).reshape(-1, 3)
    labels = random.integers(0, 4, 20).astype(np.uint8)
    canvas = Canvas(shape, 0.5, 4)
    canvas.triangles(vertices, triangles, labels, 1)
    canvas.surfaces_end()
    marked = canvas.marked()
    expected = {
        (x, y, z)
        for t in triangles
        for x in range(7)
        for y in range(6)
        for z in range(5)
        if clipped(vertices[t], np.array([x, y, z]), np.array([x + 1, y + 1, z + 1]))
    }
    found = {tuple(int(i) for i in np.unravel_index(v, shape)) for v in marked.voxels}
    assert found == expected
    assert marked.surface.all()


def test_votes_are_areas_in_square_metres() -> None:
    # A 2 x 2 voxel square of 0.5 m voxels (1 square metre) inside one layer: every voxel gets a quarter of it.
    square = np.array([[1.0, 1.0, 2.5], [3.0, 1.0, 2.5], [3.0, 3.0, 2.5], [1.0, 3.0, 2.5]])
    fine = 16
    corners, faces = [], []
    for i in range(fine):
        for j in range(fine):
            lattice = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
            base = len(corners)
            corners += [square[0] + [2 * a / fine, 2 * b / fine, 0] for a, b in lattice]
            faces += [(base, base + 1, base + 2), (base, base + 2, base + 3)]
    canvas = Canvas((4, 4, 4), 0.5, 3)
    canvas.triangles(np.array(corners), np.array(faces, np.int32), np.full(len(faces), 2, np.uint8), 1)
    votes = canvas.marked().votes
    inner = np.sort(votes[:, 2])[-4:]
    assert inner / UNITS_PER_M2 == pytest.approx(np.full(4, 0.25), rel=0.15)
    assert votes[:, [0, 1, 3]].sum() == 0


def test_points_count_returns_and_average_their_places() -> None:
    canvas = Canvas((3, 3, 3), 0.4, 2)
    points = np.array([[0.25, 0.5, 0.5], [0.75, 0.5, 0.5], [2.5, 2.5, 2.5], [3.0, 0.0, 0.0], [-0.1, 0.0, 0.0]])
    labels = np.array([1, 1, 255, 0, 0], np.uint8)
    canvas.points(points, np.array([1, 3, 2, 9, 9], np.uint16), labels, 0.1, 1)
    marked = canvas.marked()
    assert marked.voxels.tolist() == [0, 26]
    assert marked.returns.tolist() == [4, 2]
    assert marked.mean[0] == pytest.approx([0.625, 0.5, 0.5])
    assert marked.votes[0].tolist() == [0, 2000, 0]
    assert marked.votes[1].tolist() == [0, 0, 1000]
    assert not marked.surface.any()


def test_rows_grow_beyond_their_first_number() -> None:
    side = 40
    grid = np.stack(np.meshgrid(*[np.arange(side) + 0.5] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    canvas = Canvas((side, side, side), 0.1, 1)
    canvas.points(grid, np.ones(len(grid), np.uint16), np.zeros(len(grid), np.uint8), 0.1, 1)
    assert len(canvas.marked().voxels) == side**3
