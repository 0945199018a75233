"""Clouds of coloured points: known points at known pixels, and nearer ones in front."""

from __future__ import annotations

import numpy as np
import pytest
from occ_pipeline.pipeline.picture.camera import Camera
from occ_pipeline.pipeline.picture.cloud import Cloud, cloud_above, cloud_cut, cloud_street
from occ_pipeline.pipeline.picture.stage_points import SAMPLES_PER_M2, spread
from occ_pipeline.schemas.grid import VoxelGrid

GRID = VoxelGrid.from_range((-20.0, -20.0, -1.0, 20.0, 20.0, 3.0), 0.5)
RED, GREEN = (250.0, 10.0, 10.0), (10.0, 250.0, 10.0)
EGO = np.zeros(3)


def cloud(*points: tuple[float, float, float], colour: tuple[float, float, float] = RED, spacing: float = 0.3) -> Cloud:
    return Cloud(np.array(points, np.float32), np.tile(np.array(colour, np.float32), (len(points), 1)), spacing)


def where(pixels: np.ndarray, colour: tuple[float, float, float] = RED) -> tuple[float, float]:
    """Mean column and row, as shares."""
    rows, columns = np.nonzero(np.abs(pixels - np.array(colour)).max(axis=2) < 90)
    assert len(rows)
    return float(columns.mean() + 0.5) / pixels.shape[1], float(rows.mean() + 0.5) / pixels.shape[0]


def test_above_ahead_is_up_and_left_is_left() -> None:
    pixels = cloud_above([cloud((10, 5, 0))], GRID, 400)
    assert where(pixels) == pytest.approx(((20 - 5) / 40, (20 - 10) / 40), abs=0.005)


def test_above_the_highest_point_is_seen_and_later_clouds_lie_on_top() -> None:
    both = Cloud(np.array([(0, 0, 2), (0, 0, 0)], np.float32), np.array([RED, GREEN], np.float32), 0.3)
    assert where(cloud_above([both], GRID, 400)) == pytest.approx((0.5, 0.5), abs=0.005)
    pixels = cloud_above([cloud((0, 0, 2)), cloud((0, 0, 0), colour=GREEN)], GRID, 400)
    assert where(pixels, GREEN) == pytest.approx((0.5, 0.5), abs=0.005)


def test_cuts() -> None:
    points = cloud((10, 0.1, 2.0), (10, 3.0, 2.0))
    along = cloud_cut([points], None, GRID, 1, 0.0, 400)
    assert where(along) == pytest.approx((30 / 40, 1 / 4), abs=0.03)
    across = cloud_cut([cloud((0.1, 5, 0.0))], cloud((0.1, -5, 0.0), colour=GREEN), GRID, 0, 0.0, 400)
    assert where(across) == pytest.approx((15 / 40, 3 / 4), abs=0.03), "left is left"
    assert where(across, GREEN) == pytest.approx((25 / 40, 3 / 4), abs=0.03)


def test_street_nearer_points_hide_farther_ones_whatever_their_order() -> None:
    camera = Camera.behind(GRID, EGO, 800, 400)
    far = np.array([4.0, 0.0, 0.0])
    near = far + 0.3 * (camera.position_m - far)
    for first, second in ((far, near), (near, far)):
        colours = {tuple(far): GREEN, tuple(near): RED}
        pixels = cloud_street(
            [cloud(tuple(p), colour=colours[tuple(p)], spacing=0.2) for p in (first, second)], GRID, EGO, 800, 400
        )
        place = camera.project(near)[0] / (800, 400)
        assert where(pixels) == pytest.approx(tuple(place), abs=0.01)
        assert not (np.abs(pixels - np.array(GREEN)).max(axis=2) < 90).any()


def test_points_are_spread_evenly_over_triangles() -> None:
    corners = np.array([[(0, 0, 0), (4, 0, 0), (0, 3, 0)], [(1, 1, 1), (1, 1, 2), (1, 2, 1)]], np.float32)
    points, triangle, normals = spread(corners)
    counts = np.bincount(triangle)
    assert counts == pytest.approx([6 * SAMPLES_PER_M2, 0.5 * SAMPLES_PER_M2], abs=1)
    big = points[triangle == 0]
    assert (big[:, 2] == 0).all()
    assert (big[:, 0] / 4 + big[:, 1] / 3 <= 1 + 1e-6).all()
    assert big.mean(axis=0)[:2] == pytest.approx((4 / 3, 1), abs=0.02), "their mean is the triangle's"
    assert (points[triangle == 1][:, 0] == 1).all()
    assert normals == pytest.approx(np.array([(0, 0, 1), (-1, 0, 0)]), abs=1e-9)
