"""Records a street with KITTI's scanner: the scans as its files hold them, and the exact truth beside the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .annotate import moment
from .labels import EGO
from .lidar import Lidar
from .meshes import Float64
from .sweeps import turns
from .things import pose_at
from .truth_files import TruthWriter
from .world import World

RETURNS_SCANS = 10
"""Scans whose exact returns go into one file."""


@dataclass(frozen=True)
class Scan:
    """What a scan's file holds: returns only, as in KITTI's."""

    number: int
    points: NDArray[np.float32]
    """(N, 4) float32: x, y, z in metres in the LiDAR's frame at the scan's time, reflectance 0 to 1."""
    triangles: NDArray[np.int64]
    """(N,) int64 which triangle of :attr:`~.world.World.meshes`, counted through, each point was measured on; -1 for none."""


@dataclass(frozen=True)
class Recording:
    """A street to be recorded, one scan every period of the scanner."""

    world: World
    lidar: Lidar
    seed: int

    @property
    def times_s(self) -> list[float]:
        """When each scan looks ahead, seconds from the scene's beginning."""
        period_s = self.lidar.scanner.period_s
        return [k * period_s for k in range(round(self.world.seconds / period_s) + 1)]

    @property
    def world_SE3_ego(self) -> Float64:
        """(N, 4, 4) float64 poses of the car at the scans' times."""
        return np.stack([pose_at(self.world.ego, time) for time in self.times_s])

    @property
    def world_SE3_lidar(self) -> Float64:
        """(N, 4, 4) float64 poses of the LiDAR at the scans' times."""
        return self.world_SE3_ego @ self.lidar.scanner.ego_SE3_lidar

    def scans(
        self, truth_folder: Path, classes: NDArray[np.uint8], tokens: Sequence[str], report: Callable[[float], None]
    ) -> Iterator[Scan]:
        """All scans in order; their truth is written into a new folder, whole once the last one is taken.

        ``classes``: (F,) uint8 class ids in the store's taxonomy of all triangles of :attr:`~.world.World.meshes`; ``tokens``:
        the key frames' names, one for each scan. ``report`` hears which part is done, 0 to 1.
        """
        truth = TruthWriter(truth_folder, self.world, classes)
        for number, turn in enumerate(turns(self.lidar, self.seed, len(tokens))):
            there = turn.labels != EGO
            points = turn.points[there, :4]
            points[:, 3] /= 255
            yield Scan(number, points, turn.triangles[there])
            truth.add(turn, last=number % RETURNS_SCANS == RETURNS_SCANS - 1 or number == len(tokens) - 1)
            report((number + 1) / len(tokens))
        moments = [[moment(self.lidar, actor, number) for actor in self.world.actors] for number in range(len(tokens))]
        truth.finish(list(tokens), moments, self.times_s, self.lidar.scanner.ego_SE3_lidar)
