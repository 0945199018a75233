"""Registration of one scan to another by generalised ICP (Segal et al., RSS 2009), as small_gicp implements it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
NEIGHBOURS = 20
"""Points of which a point's covariance is made."""
LEAST_POINTS = 100
"""Scans with fewer are not registered."""
_NOISE = 2.0
"""Errors of neighbouring points are not independent: on simulated streets covariances were half of what they should be."""
_FLOOR = np.array([1e-4] * 3 + [1e-3] * 3)
"""Radians and metres that no registration of real scans is better than."""


@dataclass(frozen=True)
class Scan:
    """A scan thinned for registration, in the ego frame of its sweep."""

    points: Float32
    """(N, 3) float32, metres: the sweep's own, one per voxel, the mean of its returns."""
    normals: Float32
    """(N, 3) float32: unit normals of the surface around each, of either sign."""
    native: Any
    """Of the sweep and those around it, small_gicp's point cloud with covariances and its tree; None where too few returns."""

    @classmethod
    def of(cls, own: Float64, around: Float64, voxel_m: float) -> Scan:
        """Of a sweep's own returns (N, 3), metres, and those of sweeps around it (M, 3), which make surfaces of its rings."""
        import small_gicp

        gicp: Any = small_gicp
        if len(own) < LEAST_POINTS:
            return cls(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32), None)
        # One thread: more give other points.
        native = gicp.preprocess_points(np.concatenate([own, around]), voxel_m, NEIGHBOURS, num_threads=1)
        points = np.asarray(gicp.voxelgrid_sampling(own, voxel_m, num_threads=1).points())[:, :3]
        nearest = native[1].batch_nearest_neighbor_search(points, num_threads=1)[0]
        normals = np.asarray(native[0].normals())[np.asarray(nearest, dtype=np.int64), :3]
        return cls(points.astype(np.float32), normals.astype(np.float32), native)


@dataclass(frozen=True)
class Registration:
    """How one scan lies to another."""

    target_SE3_source: Float64
    """(4, 4) float64."""
    information: Float64
    """(6, 6) float64, rotation before translation, of a perturbation on the right."""
    overlap: float
    """Share of the source's points that found a partner within reach."""
    converged: bool


def register(target: Scan, source: Scan, target_SE3_source: Float64, reach_m: float) -> Registration | None:
    """Registers two scans from a first guess; partners lie at most ``reach_m`` apart. None where a scan has too few points."""
    import small_gicp

    gicp: Any = small_gicp
    if target.native is None or source.native is None:
        return None
    found = gicp.align(
        target.native[0], source.native[0], target.native[1], init_T_target_source=target_SE3_source,
        registration_type="GICP", max_correspondence_distance=reach_m, num_threads=1, max_iterations=30,
        rotation_epsilon=2e-5, translation_epsilon=2e-4,
    )  # fmt: skip
    pose = np.array(found.T_target_source, dtype=np.float64)
    pose[3] = (0.0, 0.0, 0.0, 1.0)
    overlap = float(found.num_inliers) / int(source.native[0].size())
    return Registration(pose, _information(np.asarray(found.H, dtype=np.float64)), overlap, bool(found.converged))


def _information(hessian: Float64) -> Float64:
    """(6, 6) float64: the inverse of an honest covariance."""
    # A direction that nothing holds, as along a tunnel, has no information rather than an infinite covariance.
    covariance = np.linalg.inv((hessian + hessian.T) / 2 + np.eye(6) * 1e-3) * _NOISE + np.diag(_FLOOR**2)
    information: Float64 = np.linalg.inv(covariance)
    return (information + information.T) / 2
