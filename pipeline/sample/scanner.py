"""The spinning LiDARs that a street can be scanned with: beams, turn and mounting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .meshes import Float64


@dataclass(frozen=True)
class Scanner:
    """A spinning LiDAR on a car's roof. It turns clockwise from azimuth pi of its own frame."""

    elevations: Float64
    """(R,) radians, ring by ring, rising."""
    azimuths: int
    """Columns of a turn."""
    range_m: float
    """Nothing further away is measured."""
    period_s: float
    """Time of a turn."""
    stamp: float
    """Part of a turn that is over at a scan's time, which its points are moved to: 1 for the end."""
    ego_SE3_lidar: Float64
    """(4, 4)."""
    sees_its_car: bool
    """False for one that looks over it."""

    @property
    def rings(self) -> int:
        """Beams of a column."""
        return len(self.elevations)

    def begins_s(self, time_s: float) -> float:
        """When the turn of a scan begins."""
        return time_s - self.period_s * self.stamp

    def middle_s(self, time_s: float) -> float:
        """When the turn of a scan is half over."""
        return time_s - self.period_s * (self.stamp - 0.5)


HDL_32E = Scanner(
    elevations=np.deg2rad(-30.67 + np.arange(32) * (10.67 + 30.67) / 31),
    azimuths=1085,
    range_m=100.0,
    period_s=0.05,
    stamp=1.0,
    sees_its_car=True,
    ego_SE3_lidar=np.array([[0.0, 1.0, 0.0, 0.94], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.84], [0.0, 0.0, 0.0, 1.0]]),
)
"""nuScenes': its frame's x points right, y ahead, as on the real car; turns begin at the left."""

HDL_64E = Scanner(
    elevations=np.deg2rad(np.concatenate([np.linspace(-24.8, -8.83, 32), np.linspace(-8.33, 2.0, 32)])),
    azimuths=2083,
    range_m=80.0,
    period_s=0.1,
    stamp=0.5,
    sees_its_car=False,
    ego_SE3_lidar=np.array([[1.0, 0.0, 0.0, 0.81], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.73], [0.0, 0.0, 0.0, 1.0]]),
)
"""KITTI's: x ahead, y left; two blocks of 32 beams, the upper one denser; a scan's time is when it looks ahead. The real one
turns the other way."""
