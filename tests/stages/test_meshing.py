"""From points to trimmed meshes: places, senses, edges, loose pieces."""

from __future__ import annotations

import numpy as np
import pytest
from occ_pipeline.stages import meshing
from occ_pipeline.stages.kernels import poisson
from occ_pipeline.stages.kernels.poisson import Mesh, octree
from occ_pipeline.stages.meshing import Trim, areas, centres, compact, surface
from occ_pipeline.tests.stages.small_world import lattice
from scipy.spatial import cKDTree

TRIM = Trim(support_m=0.35, density_quantile=0.0, least_area_m2=0.1)


def ball(radius: float = 1.5, count: int = 4000) -> np.ndarray:
    """Points all over a sphere, evenly."""
    i = np.arange(count) + 0.5
    height, turn = 1 - 2 * i / count, np.pi * (1 + 5**0.5) * i
    ring = np.sqrt(1 - height**2)
    return (radius * np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)).astype(np.float32)


def corner() -> np.ndarray:
    """A floor and two walls that meet it and each other at the origin: a room's corner."""
    n = 3.0
    return np.concatenate(
        [
            lattice((0.05, 0.05, 0), (n, n, 0), 0.1),
            lattice((0, 0.05, 0.05), (0, n, n), 0.1),
            lattice((0.05, 0, 0.05), (n, 0, n), 0.1),
        ]
    ).astype(np.float32)


def normals_of(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[triangles[:, i]].astype(np.float64) for i in range(3))
    normals = np.cross(b - a, c - a)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def facing(mesh: Mesh, sensor: np.ndarray) -> np.ndarray:
    """Cosine between each triangle's outside and the way to the sensor."""
    way = sensor - centres(mesh[0], mesh[1])
    return (normals_of(mesh[0], mesh[1]) * way).sum(axis=1) / np.linalg.norm(way, axis=1)


def test_a_balls_surface_lies_on_the_ball_and_faces_the_sensors_around_it() -> None:
    points = ball(count=2500)
    mesh = surface(points, points * 5, 0.1, 0.15, TRIM, "open3d")
    radii = np.linalg.norm(mesh[0], axis=1)
    assert np.abs(radii - 1.5).max() < 0.03
    assert ((normals_of(mesh[0], mesh[1]) * centres(mesh[0], mesh[1])).sum(axis=1) > 0).all()
    assert areas(mesh[0], mesh[1]).sum() == pytest.approx(4 * np.pi * 1.5**2, rel=0.01)
    # Seen from within, it faces inwards.
    inner = surface(points, np.zeros_like(points), 0.1, 0.15, TRIM, "open3d")
    assert ((normals_of(inner[0], inner[1]) * centres(inner[0], inner[1])).sum(axis=1) < 0).mean() > 0.999


@pytest.fixture(scope="module")
def room() -> Mesh:
    return surface(corner(), np.full_like(corner(), 2.0), 0.1, 0.15, TRIM, "open3d")


def test_a_corners_surface_lies_on_its_planes(room: Mesh) -> None:
    vertices = room[0][(room[0] < 2.9).all(axis=1)]
    distance = np.abs(vertices).min(axis=1)
    assert np.quantile(distance, 0.95) < 0.02
    assert distance.max() < 0.12
    sharp = np.sort(np.abs(vertices), axis=1)[:, 1] > 0.3
    assert distance[sharp].max() < 0.03
    assert (facing(room, np.array([2.0, 2, 2])) > 0).mean() > 0.995


def test_no_triangle_is_farther_from_points_than_their_support(room: Mesh) -> None:
    for support in (0.35, 0.15):
        trim = Trim(support_m=support, density_quantile=0.0, least_area_m2=0.1)
        mesh = surface(corner(), np.full_like(corner(), 2.0), 0.1, 0.15, trim, "open3d")
        distance, _ = cKDTree(corner()).query(centres(mesh[0], mesh[1]))
        assert distance.max() <= support + 1e-6
        assert distance.max() > 0.5 * support


def test_sparse_vertices_go_where_a_share_is_asked_for(room: Mesh) -> None:
    trim = Trim(support_m=0.35, density_quantile=0.8, least_area_m2=0.0)
    mesh = surface(corner(), np.full_like(corner(), 2.0), 0.1, 0.15, trim, "open3d")
    assert 0.1 * len(room[1]) < len(mesh[1]) < 0.95 * len(room[1])
    assert mesh[2].min() > room[2].min()


def test_a_gap_stays_a_gap_and_loose_pieces_go_by_area() -> None:
    plane, patch = lattice((0, 0, 0), (4, 4, 0), 0.1), lattice((2, 7, 1), (2.5, 7.5, 1), 0.1)
    points = np.concatenate([plane, patch]).astype(np.float32)
    sensors = np.tile(np.float32([2, 3, 8]), (len(points), 1))
    kept = {}
    for least in (0.0, 3.0):
        mesh = surface(
            points, sensors, 0.1, 0.2, Trim(support_m=0.3, density_quantile=0, least_area_m2=least), "open3d"
        )
        middle = centres(mesh[0], mesh[1])
        assert not ((middle[:, 1] > 4.4) & (middle[:, 1] < 6.6)).any()
        kept[least] = bool((middle[:, 1] > 6).any())
        assert (middle[:, 1] < 4).any()
    assert kept == {0.0: True, 3.0: False}


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.ones((3, 3)), np.arange(60).reshape(-1, 3) * 1.0])
def test_points_too_few_or_too_far_apart_have_no_surface(points: np.ndarray) -> None:
    mesh = surface(points.astype(np.float32), np.zeros((len(points), 3), np.float32), 0.1, 0.2, TRIM, "open3d")
    assert [len(part) for part in mesh] == [0, 0, 0]
    assert [part.dtype for part in mesh] == [np.float32, np.int32, np.float32]


def test_the_child_gives_the_bytes_that_this_process_gives(room: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    class Here:
        @staticmethod
        def call(function: object, *args: object) -> Mesh:
            assert function is poisson.reconstruct
            return poisson.reconstruct(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(meshing, "NATIVE", Here)
    here = surface(corner(), np.full_like(corner(), 2.0), 0.1, 0.15, TRIM, "open3d")
    for ours, theirs in zip(here, room, strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_meshlab_finds_the_same_surface(room: Mesh) -> None:
    pytest.importorskip("pymeshlab", reason="extra meshlab is not installed")
    mesh = surface(corner(), np.full_like(corner(), 2.0), 0.1, 0.15, TRIM, "pymeshlab")
    assert areas(mesh[0], mesh[1]).sum() == pytest.approx(areas(room[0], room[1]).sum(), rel=0.1)
    distance, _ = cKDTree(room[0]).query(mesh[0])
    assert np.quantile(distance, 0.95) < 0.1
    assert (facing(mesh, np.array([2.0, 2, 2])) > 0).mean() > 0.99


def test_unused_vertices_go_and_triangles_keep_their_corners() -> None:
    vertices = np.arange(15, dtype=np.float32).reshape(5, 3)
    triangles = np.array([[4, 1, 3]], np.int32)
    found = compact(vertices, triangles, np.arange(5, dtype=np.float32))
    assert (found[0][found[1]] == vertices[triangles]).all()
    assert found[2].tolist() == [1, 3, 4]


def test_areas() -> None:
    vertices = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0], [6, 0, 0]], np.float32)
    assert areas(vertices, np.array([[0, 1, 2], [0, 1, 3]], np.int32)).tolist() == [6.0, 0.0]


@pytest.mark.parametrize("cell", [0.1, 0.25, 0.3])
@pytest.mark.parametrize("extent", [0.05, 1.0, 7.3, 55.0])
def test_the_octrees_finest_cells_are_as_wide_as_asked_for(extent: float, cell: float) -> None:
    points = np.array([[0, 0, 0], [extent, extent / 3, 0]], np.float32)
    depth, scale = octree(points, cell)
    longest = max(extent, cell)
    assert scale * longest / 2**depth == pytest.approx(cell)
    assert scale >= 1.08 - 1e-6
