from __future__ import annotations

import numpy as np
import pytest
from occ_pipeline.pipeline.sample.rasterise import rasterise

LENS = (40.0, 40.0, -31.5, -23.5)
SHAPE = (48, 64)


def draw(points: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    nearness, shown = np.zeros(SHAPE, np.float32), np.full(SHAPE, -1, np.int32)
    rasterise(points, triangles.astype(np.int32), LENS, (0.1, 250.0), nearness, shown)
    return nearness, shown


def ray_cast(points: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth and number of the nearest triangle of every pixel by solving for its ray; which pixels an edge passes near."""
    depth, number, edge = np.full(SHAPE, np.inf), np.full(SHAPE, -1), np.zeros(SHAPE, bool)
    for j, i in np.ndindex(SHAPE):
        ray = np.array([(i + LENS[2]) / LENS[0], (j + LENS[3]) / LENS[1], 1.0])
        for f, (a, b, c) in enumerate(points[triangles]):
            t, u, v = np.linalg.solve(np.column_stack([ray, a - b, a - c]), a)
            inside = min(u, v, 1 - u - v)
            if 0.1 <= t <= 250:
                edge[j, i] |= abs(inside) < 1e-9
                if inside >= 0 and t < depth[j, i]:
                    depth[j, i], number[j, i] = t, f
    return depth, number, edge


@pytest.mark.parametrize("seed", range(6))
def test_depth_and_cover_are_those_of_rays(seed: int) -> None:
    """Also of triangles that cross the near plane and reach behind the camera."""
    rng = np.random.default_rng(seed)
    points = rng.uniform([-3, -3, -2], [3, 3, 6], (24, 3))
    triangles = np.arange(24).reshape(8, 3)
    nearness, shown = draw(points, triangles)
    depth, number, edge = ray_cast(points, triangles)
    assert edge.mean() < 0.01
    assert (number >= 0).mean() > 0.1
    assert np.array_equal(shown[~edge], number[~edge])
    hit = ~edge & (number >= 0)
    assert 1 / nearness[hit] == pytest.approx(depth[hit], rel=2e-7)


def test_a_floor_under_the_camera_is_cut_at_the_near_plane() -> None:
    """One triangle from far behind the eye to far ahead, 1.5 m below: depth in row j is 1.5 f / (j - c)."""
    floor = np.array([[-900.0, 1.5, -800.0], [900.0, 1.5, -800.0], [0.0, 1.5, 240.0]])
    nearness, shown = draw(floor, np.array([[0, 1, 2]]))
    rows = np.arange(SHAPE[0])[:, None] + LENS[3]
    below = (rows > 0) & np.ones(SHAPE, bool)
    expected = np.where(below, rows / (1.5 * LENS[1]), 0)
    assert not (shown[~below] >= 0).any()
    assert (shown[-1] == 0).all()
    assert nearness[shown == 0] == pytest.approx(expected[shown == 0], rel=1e-6)


def test_the_order_of_drawing_and_the_side_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform([-3, -3, -1], [3, 3, 9], (60, 3))
    triangles = np.arange(60).reshape(20, 3)
    nearness, shown = draw(points, triangles)
    order = rng.permutation(20)
    again, which = draw(points, triangles[order])
    assert np.array_equal(nearness, again)
    assert np.array_equal(shown, np.where(which >= 0, order[which], -1))
    back, _ = draw(points, triangles[:, ::-1])
    assert 1 / np.maximum(back, 1e-9) == pytest.approx(1 / np.maximum(nearness, 1e-9), rel=1e-6)


def test_neighbours_leave_no_gap() -> None:
    """A bent sheet of triangles covers every pixel it should."""
    x, y = np.meshgrid(np.linspace(-4, 4, 14), np.linspace(-4, 4, 11), indexing="ij")
    points = np.stack([x, y, 3 + 0.3 * np.sin(3 * x) * np.cos(2 * y)], axis=-1).reshape(-1, 3)
    a = (np.arange(13)[:, None] * 11 + np.arange(10)).reshape(-1, 1)
    triangles = np.concatenate([a + np.array(corners) for corners in ((0, 11, 12), (0, 12, 1))])
    _, shown = draw(points, triangles)
    assert (shown >= 0).all()


def test_of_two_in_one_place_the_first_shows() -> None:
    sheet = np.array([[-9.0, -9.0, 2.0], [9.0, -9.0, 2.0], [0.0, 20.0, 2.0]])
    _, shown = draw(np.concatenate([sheet, sheet]), np.array([[0, 1, 2], [3, 4, 5]]))
    assert (shown == 0).all()
