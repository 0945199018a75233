"""What a stage will cost a scene, from what is known before any sensor file is read.

The rates are measured: single-thread seconds on one x86-64 machine of 2026, on simulated scenes of 10 to 40 s and on
real nuScenes key frames (``tests/benchmarks/projections.py``). What a run really took corrects them for the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..schemas.scene import SceneTables

BASE_MIB = 390.0
"""A worker and its native child with their libraries loaded, before any data."""
_REACH_M = 25.0
"""Half the width of the strip along the path in which nearly all cells of the map lie."""


@dataclass(frozen=True)
class SceneSize:
    """How much there is of a scene."""

    sweeps: int
    frames: int
    """Key frames."""
    returns: int
    """Of all sweeps, as their files hold them."""
    path_m: float
    """How far the ego vehicle drove."""
    motion_told: bool = True
    """Whether boxes or labels tell what moves."""

    @classmethod
    def of(cls, tables: SceneTables, returns: int) -> SceneSize:
        """The size of an indexed scene; ``returns`` from the sizes of its files."""
        steps = np.diff(tables.world_SE3_ego[:, :2, 3], axis=0)
        path_m = float(np.linalg.norm(steps, axis=1).sum())
        told = bool(tables.track_tokens) or tables.labels_tell_motion
        return cls(len(tables.timestamps_ns), len(tables.key_sweeps), returns, path_m, told)

    @property
    def strip_m2(self) -> float:
        """Area of the strip along the path that is densely seen."""
        return 2 * _REACH_M * self.path_m + np.pi * _REACH_M**2

    @property
    def seen(self) -> float:
        """Share of the strip that has enough returns for a surface, 0 to 1."""
        return min(1.0, self.returns / self.strip_m2 / 100.0)

    def map_points(self, cell_m: float = 0.1) -> float:
        """Points of the static map: every second return of a thin scene, about 140 per square metre of a dense one."""
        full_per_m2 = 137.0 * (0.1 / cell_m) ** 2
        return self.returns / (1.9 + self.returns / self.strip_m2 / full_per_m2)


@dataclass(frozen=True)
class Estimate:
    """Of one stage on one scene."""

    cpu_s: float
    """Seconds of all its parts and its assembly, one after the other."""
    peak_mib: float
    """Largest resident size of a worker with its native child."""
    written_bytes: float
    """Of all its products, compressed."""


def growing_mib(map_points: float, most: float, half: float) -> float:
    """Memory that grows with the map and then no more, since tiles and frames are bounded."""
    return BASE_MIB + most * map_points / (map_points + half)
