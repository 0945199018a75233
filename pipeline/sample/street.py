"""The street's curve and height: coordinates along (s) and left of (d) its middle line, to the world and back.

The street repeats in blocks of :data:`BLOCK_M`; each has a crossing street and a bend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .meshes import Float64

BLOCK_M = 140.0
CROSSING_M = 60.0
"""Where in a block the crossing street's middle lies."""
BEND_M = (74.0, 136.0)
"""Where in a block the street bends."""
ISLAND, LANE, KERB, PAVEMENT, FRONT = 0.9, 4.7, 7.0, 10.0, 12.8
"""Distance from the middle line of the island's edge, the lane's, the kerb, and where pavement and front strip end, metres."""
CROSSING_KERB, CROSSING_PAVEMENT = 4.6, 7.2
"""The same for the crossing street: half its road, and its pavement's end."""
_STEP = 0.25


@dataclass(frozen=True)
class Street:
    """A bending, sloping street."""

    start_m: float
    """Smallest s; samples stand every 0.25 m."""
    xy: Float64
    """(M, 2) world coordinates of the middle line, metres."""
    heading: Float64
    """(M,) radians."""
    slope: tuple[float, float, float]
    """Steady grade, height of the long waves in metres, and their phase."""

    @classmethod
    def random(cls, rng: np.random.Generator, start_m: float, end_m: float) -> Street:
        """A street from ``start_m`` to ``end_m`` that runs at an angle to the axes and bends once a block."""
        s = start_m + np.arange(int((end_m - start_m) / _STEP) + 2) * _STEP
        # Near a diagonal or an axis in no seed: voxels would line up with the kerbs.
        heading = np.full(len(s), rng.integers(4) * np.pi / 2 + rng.uniform(0.2, 0.65) + (rng.random() < 0.5) * 0.72)
        side = 1.0 if rng.random() < 0.5 else -1.0
        for block in range(int(np.floor(start_m / BLOCK_M)), int(np.ceil(end_m / BLOCK_M))):
            turn = side * (1.0 if block % 2 == 0 else -1.0) * rng.uniform(0.7, 0.9)
            u = np.clip((s - block * BLOCK_M - BEND_M[0]) / (BEND_M[1] - BEND_M[0]), 0.0, 1.0)
            heading += turn * u * u * (3 - 2 * u) - (turn if block < 0 else 0.0)
        heading += 0.05 * np.sin(s / 31.0 + rng.uniform(0, 6.28))
        middle = (heading[1:] + heading[:-1]) / 2
        xy = np.concatenate(
            [np.zeros((1, 2)), np.cumsum(_STEP * np.column_stack([np.cos(middle), np.sin(middle)]), axis=0)]
        )
        # nuScenes maps start at (0, 0); the margin holds the crossing streets.
        xy += 110.0 + rng.uniform(0, 30, 2) - xy.min(axis=0)
        return cls(
            start_m,
            xy,
            heading,
            (float(rng.uniform(-0.012, 0.012)), float(rng.uniform(0.4, 0.7)), float(rng.uniform(0, 6.28))),
        )

    @property
    def end_m(self) -> float:
        """Largest s."""
        return self.start_m + _STEP * (len(self.xy) - 1)

    def _at(self, values: Float64, s: Float64) -> Float64:
        return np.interp(s, self.start_m + _STEP * np.arange(len(values)), values)

    def heading_at(self, s: ArrayLike) -> Float64:
        """Direction of the street, radians."""
        return self._at(self.heading, np.asarray(s, dtype=np.float64))

    def base(self, s: ArrayLike, d: ArrayLike) -> Float64:
        """Height of the ground before kerbs, metres: long slopes, a crowned road, pavements that drain to it, uneven grass."""
        along, across = np.asarray(s, dtype=np.float64), np.abs(np.asarray(d, dtype=np.float64))
        grade, wave, phase = self.slope
        height = grade * along + wave * np.sin(along * (2 * np.pi / 190.0) + phase)
        height = height - 0.02 * np.sqrt(np.minimum(across, KERB) ** 2 + 0.25) + 0.02 * np.clip(across - KERB, 0.0, 8.0)
        bumps = 0.07 * np.sin(along / 2.9 + 1.3 * np.sin(across / 3.1)) * np.clip((across - PAVEMENT) / 2.0, 0.0, 1.0)
        return 5.0 + height + bumps

    def place(self, s: ArrayLike, d: ArrayLike, z: ArrayLike) -> Float64:
        """World coordinates (..., 3) of street coordinates and an absolute height."""
        along, across, up = np.broadcast_arrays(
            np.asarray(s, dtype=np.float64), np.asarray(d, dtype=np.float64), np.asarray(z, dtype=np.float64)
        )
        angle = self._at(self.heading, along)
        x = self._at(self.xy[:, 0], along) - across * np.sin(angle)
        y = self._at(self.xy[:, 1], along) + across * np.cos(angle)
        return np.stack([x, y, up], axis=-1)

    def poses(self, s: ArrayLike, d: ArrayLike, yaw: ArrayLike, level: ArrayLike = 0.0, reach: float = 1.3) -> Float64:
        """Poses (N, 4, 4) of things that stand on the ground, tilted as it is; ``yaw`` is against the street, ``level`` above :meth:`base`.

        ``reach``: how far the tilt is averaged, metres; 0 keeps it upright.
        """
        along, across, turn, up = np.broadcast_arrays(
            *(np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (s, d, yaw, level))
        )
        angle = self._at(self.heading, along) + turn
        forward = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=-1)
        left = np.stack([-np.sin(angle), np.cos(angle), np.zeros_like(angle)], axis=-1)
        if reach > 0:
            forward[:, 2] = self._tilt(along, across, turn, reach)
            left[:, 2] = self._tilt(along, across, turn + np.pi / 2, reach / 2)
        forward /= np.linalg.norm(forward, axis=1, keepdims=True)
        normal = np.asarray(np.cross(forward, left), dtype=np.float64)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        poses = np.tile(np.eye(4), (len(along), 1, 1))
        poses[:, :3, 0], poses[:, :3, 1], poses[:, :3, 2] = forward, np.cross(normal, forward), normal
        poses[:, :3, 3] = self.place(along, across, self.base(along, across) + up)
        return poses

    def _tilt(self, s: Float64, d: Float64, yaw: Float64, reach: float) -> Float64:
        ahead = self.base(s + reach * np.cos(yaw), d + reach * np.sin(yaw))
        return (ahead - self.base(s - reach * np.cos(yaw), d - reach * np.sin(yaw))) / (2 * reach)


def blocks(start_m: float, end_m: float) -> NDArray[np.int64]:
    """Numbers of the blocks that a stretch of street touches."""
    return np.arange(int(np.floor(start_m / BLOCK_M)), int(np.ceil(end_m / BLOCK_M)))
