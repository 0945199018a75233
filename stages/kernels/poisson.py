"""Screened Poisson surface reconstruction (Kazhdan and Hoppe 2013) by a library, on one thread.

One thread because more than one gives other bytes every time, and more than there are cores crashes Open3D.
"""

from __future__ import annotations

import importlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Backend = Literal["open3d", "pymeshlab"]
Float32 = NDArray[np.float32]
Mesh = tuple[Float32, NDArray[np.int32], Float32]

_WIDEST_SCALE = 1.08
"""The octree's cube is at least this much wider than the points, so that the surface does not touch its border."""


def octree(points: Float32, cell_m: float) -> tuple[int, float]:
    """Depth, and width of the octree's cube in units of the points' longest side, that make its finest cells ``cell_m``."""
    extent = max(float(np.ptp(points, axis=0).max()), cell_m)
    depth = max(int(np.ceil(np.log2(extent * _WIDEST_SCALE / cell_m))), 3)
    return depth, cell_m * 2.0**depth / extent


def reconstruct(points: Float32, normals: Float32, cell_m: float, backend: Backend) -> Mesh:
    """A closed surface through oriented points.

    Args:
        points: (N, 3) float32, metres.
        normals: (N, 3) float32, unit, outwards.
        cell_m: edge of the finest octree cell, metres.
        backend: the library.

    Returns:
        vertices (V, 3) float32, metres; triangles (F, 3) int32; density (V,) float32, octree level of the support.
    """
    depth, scale = octree(points, cell_m)
    return (_by_open3d if backend == "open3d" else _by_pymeshlab)(points, normals, depth, scale)


def _by_open3d(points: Float32, normals: Float32, depth: int, scale: float) -> Mesh:
    # Untyped compiled module: everything it gives is converted to arrays here.
    o3d: Any = importlib.import_module("open3d")
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points.astype(np.float64)))
    cloud.normals = o3d.utility.Vector3dVector(normals.astype(np.float64))
    create = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson
    mesh, density = create(cloud, depth=depth, scale=scale, n_threads=1)
    return (
        np.asarray(mesh.vertices).astype(np.float32),
        np.asarray(mesh.triangles).astype(np.int32),
        np.asarray(density).astype(np.float32),
    )


def _by_pymeshlab(points: Float32, normals: Float32, depth: int, scale: float) -> Mesh:
    pymeshlab: Any = importlib.import_module("pymeshlab")
    meshes = pymeshlab.MeshSet(verbose=False)
    meshes.add_mesh(pymeshlab.Mesh(points.astype(np.float64), v_normals_matrix=normals.astype(np.float64)))
    meshes.generate_surface_reconstruction_screened_poisson(depth=depth, scale=scale, threads=1)
    mesh = meshes.current_mesh()
    return (
        mesh.vertex_matrix().astype(np.float32),
        mesh.face_matrix().astype(np.int32),
        mesh.vertex_scalar_array().astype(np.float32),
    )


def load(backend: Backend) -> None:
    """Imports the library ahead of its first use. Raises ImportError or OSError with the loader's own words."""
    importlib.import_module(backend)
