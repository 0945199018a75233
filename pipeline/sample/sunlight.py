"""Where the sun shines: a depth map seen from the sun, of what stands and, per picture, of what moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .meshes import Float64
from .rasterise import Float32, move, rasterise
from .scenery import Scenery

SIDE = 2048
REACH_M = 72.0
"""The map covers this much around the recording car."""
AWAY_M = 20_000.0
"""The sun is a camera far enough away that its rays are as good as parallel."""


@dataclass(frozen=True)
class Sunlight:
    """A shadow map."""

    nearness: Float32
    """(SIDE, SIDE) 1 / distance from the sun; 0 where nothing is."""
    sun_SE3_origin: Float64
    """(4, 4) to the sun's camera."""
    lens: tuple[float, float, float, float]

    def moved(self, scenery: Scenery, poses: Float64) -> Sunlight:
        """With everything that moves where it is at a moment: ``poses`` (B, 4, 4)."""
        first = 1 + len(scenery.world.parked)
        return Sunlight(
            _draw(scenery, self.sun_SE3_origin @ poses, self.lens, self.nearness.copy(), (first, len(poses))),
            self.sun_SE3_origin,
            self.lens,
        )


def standing(scenery: Scenery, poses: Float64, sun: Float64) -> Sunlight:
    """The map around the recording car of what never moves; ``sun`` (3,): unit vector towards it."""
    pose = np.eye(4)
    right = np.cross([0.0, 0.0, 1.0], sun)
    pose[:3, 0] = right / np.linalg.norm(right)
    pose[:3, 1] = np.cross(-sun, pose[:3, 0])
    pose[:3, 2] = -sun
    pose[:3, 3] = poses[-1, :3, 3] + AWAY_M * sun
    focal = AWAY_M * SIDE / (2 * REACH_M)
    lens = (focal, focal, -SIDE / 2 + 0.5, -SIDE / 2 + 0.5)
    matrix = np.linalg.inv(pose)
    blank = np.zeros((SIDE, SIDE), dtype=np.float32)
    return Sunlight(
        _draw(scenery, matrix @ poses, lens, blank, (0, 1 + len(scenery.world.parked))),
        matrix,
        lens,
    )


def _draw(
    scenery: Scenery,
    sun_SE3_body: Float64,
    lens: tuple[float, float, float, float],
    nearness: Float32,
    bodies: tuple[int, int],
) -> Float32:
    vertices = slice(*np.searchsorted(scenery.vertex_bodies, bodies).tolist())
    faces = slice(*np.searchsorted(scenery.bodies, bodies).tolist())
    points = np.empty((len(scenery.vertices), 3))
    move(scenery.vertices[vertices], scenery.vertex_bodies[vertices], sun_SE3_body, points[vertices])
    shown = np.full(nearness.shape, -1, dtype=np.int32)
    rasterise(points, scenery.triangles[faces], lens, (AWAY_M - 400.0, AWAY_M + 400.0), nearness, shown)
    return nearness
