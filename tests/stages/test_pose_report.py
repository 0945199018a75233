"""Residuals and the map's thickness where they are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from occ_pipeline.stages.pose_report import Residuals, Surface, ground_thickness, map_thickness
from occ_pipeline.tests.stages.small_world import lattice, pose


def floor(step: float = 0.1) -> Surface:
    points = lattice((-5, -5, 0), (5, 5, 0), step)
    return Surface(points.astype(np.float32), np.tile(np.float32([0, 0, 1]), (len(points), 1)))


def slow_thickness(points: np.ndarray, scans: np.ndarray, cell_m: float) -> float | None:
    """The same, cell by cell."""
    cells: dict[tuple[int, ...], list[int]] = {}
    corner = points[np.argmin(scans), :2]
    for row, place in enumerate(points[:, :2]):
        cells.setdefault(tuple(np.floor((place - corner) / cell_m).astype(int).tolist()), []).append(row)
    found = [points[rows, 2].std() for rows in cells.values() if len(rows) >= 5 and len(set(scans[rows].tolist())) >= 2]
    return float(np.median(found)) if found else None


@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(1, 4))
def test_thickness_is_that_of_its_slow_twin(seed: int, count: int, scans: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-2, 2, (count, 3)) + np.array([600.0, -90.0, 12.0])
    seen_by = rng.integers(0, scans, count)
    clouds = [points[seen_by == scan] for scan in range(scans)]
    found, wanted = map_thickness(clouds, 0.8), slow_thickness(points, seen_by, 0.8)
    assert (found is None) == (wanted is None)
    assert found is None or found == pytest.approx(wanted, abs=1e-5)


def test_two_layers_are_half_their_distance_thick() -> None:
    poses = np.stack([pose(0, 0, 0), pose(0, 0, 0.12)])
    assert ground_thickness([floor(), floor()], poses) == pytest.approx(0.06, abs=1e-6)


def test_nothing_has_no_thickness() -> None:
    nothing = Surface(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32))
    assert ground_thickness([nothing, nothing], np.tile(np.eye(4), (2, 1, 1))) is None
    assert ground_thickness([floor(), nothing], np.tile(np.eye(4), (2, 1, 1))) is None, "one scan alone"


def test_walls_and_what_is_far_or_high_are_no_ground() -> None:
    points = np.float32([[1, 0, 0], [2, 0, 0], [30, 0, 0], [3, 0, 2]])
    normals = np.float32([[0, 0, -1], [1, 0, 0], [0, 0, 1], [0, 0, 1]])
    assert Surface(points, normals).ground().tolist() == [[1, 0, 0]]


def test_residual_is_the_distance_between_surfaces() -> None:
    poses = np.stack([pose(0, 0, 0), pose(0.03, 0, 0.05), pose(0, 0, 9)])
    residuals = Residuals([floor(), floor(), floor()], [(0, 1), (1, 2)], reach_m=0.5).of(poses)[0]
    assert residuals[:2] == pytest.approx([0.05, 0.05], abs=1e-6), "along the surface nothing counts"
    assert np.isnan(residuals[2]), "nothing within reach"


@given(seed=st.integers(0, 1000), nodes=st.integers(2, 6))
def test_residuals_are_those_of_a_look_at_every_pair(seed: int, nodes: int) -> None:
    """Whatever the order of pairs: scans that are done with are forgotten."""
    rng = np.random.default_rng(seed)
    scans = [rng.uniform(-2, 2, (int(rng.integers(0, 60)), 3)).astype(np.float32) for _ in range(nodes)]
    normals = [np.tile(np.float32([0, 0, 1]), (len(scan), 1)) for scan in scans]
    poses = np.stack([pose(*rng.uniform(-0.5, 0.5, 3), float(rng.uniform(-1, 1))) for _ in range(nodes)])
    pairs = [(i, j) for i in range(nodes) for j in range(i + 1, nodes) if rng.random() < 0.6]
    rng.shuffle(pairs)
    surfaces = [Surface(*each) for each in zip(scans, normals, strict=True)]
    found, again = Residuals(surfaces, pairs, 0.7).of(poses, poses)
    every: list[list[float]] = [[] for _ in range(nodes)]
    for i, j in pairs:
        world = scans[j] @ poses[j][:3, :3].T + poses[j][:3, 3]
        there = (world - poses[i][:3, 3]) @ poses[i][:3, :3]
        for place in there:
            away = np.linalg.norm(scans[i] - place, axis=1)
            if len(away) and away.min() < 0.7:
                distance = abs(float(place[2] - scans[i][np.argmin(away), 2]))
                every[i].append(distance)
                every[j].append(distance)
    wanted = [np.median(each) if each else np.nan for each in every]
    assert found == pytest.approx(wanted, abs=1e-5, nan_ok=True)
    assert (found == again)[np.isfinite(found)].all()
