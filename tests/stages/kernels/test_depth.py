"""Occlusion kernels against obvious restatements: a ray for every pixel, a pixel for every place of a voxel."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.stages.kernels.depth import NEAR_M, NEAR_SIDE, draw_points, draw_triangles, find_looked_at

HEIGHT, WIDTH = 9, 12
LENS = (8.0, 7.0, 6.2, 4.4)
FX, FY, CX, CY = LENS


def empty() -> np.ndarray:
    return np.zeros((HEIGHT, WIDTH), np.float32)


def cast_pixels(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(H, W): every pixel's ray met with every triangle's plane, inside decided by three cross products."""
    nearness = np.zeros((HEIGHT, WIDTH))
    for j, i in itertools.product(range(HEIGHT), range(WIDTH)):
        ray = np.array([(i + 0.5 - CX) / FX, (j + 0.5 - CY) / FY, 1.0])
        for a, b, c in points[triangles]:
            normal = np.cross(b - a, c - a)
            if min(a[2], b[2], c[2]) < NEAR_M or abs(normal @ ray) < 1e-12:
                continue
            depth = (normal @ a) / (normal @ ray)
            sides = [normal @ np.cross(end - start, depth * ray - start) for start, end in ((a, b), (b, c), (c, a))]
            if depth > 0 and min(sides) >= 0:
                nearness[j, i] = max(nearness[j, i], 1 / depth)
    return nearness


corner = st.tuples(st.floats(-4, 4), st.floats(-4, 4), st.floats(-0.5, 6)).map(
    lambda p: [round(v, 2) + 0.0031 for v in p]
)


@given(st.lists(st.tuples(corner, corner, corner), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_drawn_triangles_are_what_rays_meet(corners: list[tuple[list[float], ...]]) -> None:
    points = np.array(corners, dtype=np.float64).reshape(-1, 3)
    triangles = np.arange(len(points), dtype=np.int32).reshape(-1, 3)
    drawn, want = empty(), cast_pixels(points, triangles)
    draw_triangles(points, triangles, LENS, drawn)
    differs = np.abs(drawn - want) > 1e-3 * np.maximum(want, 1)
    # A ray along an edge may fall to either side by rounding.
    assert differs.sum() <= 1


def test_a_wall_before_another_hides_it_whatever_the_order() -> None:
    square = np.array([(-9, -9, 0), (9, -9, 0), (9, 9, 0), (-9, 9, 0)], dtype=float)
    points = np.concatenate([square + np.array([0, 0, 5]), square * 0.1 + np.array([0, 0, 2])])
    triangles = np.array([(0, 1, 2), (0, 2, 3), (4, 5, 6), (4, 6, 7)], np.int32)
    first, second = empty(), empty()
    draw_triangles(points, triangles, LENS, first)
    draw_triangles(points, triangles[::-1].copy(), LENS, second)
    assert np.array_equal(first, second)
    assert first[4, 6] == np.float32(0.5)
    assert first[0, 0] == np.float32(0.2)


def test_a_mesh_has_no_seams() -> None:
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.linspace(-8, 8, 9), np.linspace(-8, 8, 9), indexing="ij"), -1).reshape(-1, 2)
    points = np.column_stack([grid + rng.uniform(-0.5, 0.5, grid.shape), rng.uniform(3.5, 4.5, len(grid))])
    corner_of = np.arange(81).reshape(9, 9)
    a, b, c, d = (x.ravel() for x in (corner_of[:-1, :-1], corner_of[1:, :-1], corner_of[1:, 1:], corner_of[:-1, 1:]))
    drawn = empty()
    draw_triangles(
        points, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32), LENS, drawn
    )
    assert (drawn > 1 / 6).all()


def test_points_are_squares_that_shrink_with_distance() -> None:
    drawn = empty()
    draw_points(np.array([[0.0, 0.0, 2.0]]), 1.0, LENS, drawn)
    want = [
        (j, i)
        for j, i in itertools.product(range(HEIGHT), range(WIDTH))
        if abs(i + 0.5 - CX) <= 0.5 * FX / 2 and abs(j + 0.5 - CY) <= 0.5 * FY / 2
    ]
    assert sorted(zip(*(axis.tolist() for axis in np.nonzero(drawn)), strict=True)) == want
    assert set(drawn[drawn > 0].tolist()) == {0.5}
    far = empty()
    draw_points(np.array([[0.0, 0.0, 50.0], [0.0, 0.0, -3.0], [900.0, 0.0, 5.0]]), 0.1, LENS, far)
    assert np.argwhere(far > 0).tolist() == [[4, 6]]


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_a_voxel_is_looked_at_where_one_of_its_places_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nearness = np.where(rng.random((HEIGHT, WIDTH)) < 0.3, 0, 1 / rng.uniform(0.5, 8, (HEIGHT, WIDTH))).astype(
        np.float32
    )
    pixel_P_voxel = np.array([(FX, 0, CX, -5 * FX), (0, FY, CY, -5 * FY), (0, 0, 1.0, -1.0)]) * 0.5
    voxels, margin = np.argwhere(np.ones((10, 10, 10))), 0.1
    seen = np.zeros((10, 10, 10), bool)
    find_looked_at(nearness, pixel_P_voxel, voxels, margin, seen)
    want = np.zeros_like(seen)
    for offsets in itertools.product((-NEAR_SIDE, 0.0, NEAR_SIDE), repeat=3):
        places = voxels + 0.5 + np.array(offsets)
        u, v, w = pixel_P_voxel @ np.column_stack([places, np.ones(len(places))]).T
        ahead = w >= NEAR_M
        column, row = (np.floor(x / np.where(ahead, w, 1)).astype(int) for x in (u, v))
        inside = ahead & (u >= 0) & (v >= 0) & (column < WIDTH) & (row < HEIGHT)
        drawn = nearness[np.clip(row, 0, HEIGHT - 1), np.clip(column, 0, WIDTH - 1)]
        want[tuple(voxels[inside & ((w - margin) * drawn <= 1)].T)] = True
    assert (seen != want).sum() <= 1, "but for rounding at a pixel's side"
    assert 0 < want.sum() < want.size
