"""Boxes of a scene's objects in its key frames, as annotators draw them: around what the LiDAR saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .lidar import ELEVATIONS, Lidar
from .meshes import Float64
from .scan import AZIMUTHS
from .tables import inside
from .things import Actor, Parked


@dataclass(frozen=True)
class Box:
    """An object in one key frame."""

    frame: int
    world_SE3_box: Float64
    """(4, 4)."""
    points: int
    """LiDAR points inside."""
    visibility: str


def moment(lidar: Lidar, thing: Parked | Actor, sweep: int) -> float:
    """When the rolling scan of a sweep passes over an object's centre: its box and the truth stand for that moment."""
    time = lidar.moment(sweep, thing.pose(sweep * 0.05)[:3, 3])
    for _ in range(2):
        time = lidar.moment(sweep, thing.pose(time)[:3, 3])
    return time


def boxes(thing: Parked | Actor, times: Float64, clouds: list[Float64], sensors: Float64) -> list[Box]:
    """Boxes of one object: key frames with a point in it, and those between two such.

    ``times``: (K,) the object's moment in each key frame; ``clouds``: world points (N, 3) of each key frame's sweep;
    ``sensors``: (K, 3) where the LiDAR was.
    """
    found: list[Box] = []
    for frame, (time, cloud) in enumerate(zip(times, clouds, strict=True)):
        pose = thing.pose(float(time))
        near = np.abs(cloud[:, :2] - pose[:2, 3]).max(axis=1) < thing.size_m[:2].sum()
        count = int(inside(cloud[near], pose, thing.size_m).sum())
        found.append(
            Box(
                frame,
                pose,
                count,
                _visibility(count, thing.size_m, float(np.linalg.norm(pose[:3, 3] - sensors[frame]))),
            )
        )
    seen = [box.frame for box in found if box.points]
    return found[seen[0] : seen[-1] + 1] if seen else []


def _visibility(count: int, size_m: Float64, distance_m: float) -> str:
    """Visibility level: points found against those a free object of this size would get at this distance, roughly."""
    step = (2 * np.pi / AZIMUTHS) * (ELEVATIONS[1] - ELEVATIONS[0])
    expected = 0.5 * (size_m[0] + size_m[1]) * size_m[2] / (max(distance_m, 2.0) ** 2 * step)
    share = count / max(expected * 0.7, 1.0)
    return str(1 + int(np.searchsorted([0.4, 0.6, 0.8], share)))
