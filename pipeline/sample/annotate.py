"""Boxes of a scene's objects in its key frames, as annotators draw them: around what the LiDAR saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .jit import kernel
from .lidar import Lidar
from .meshes import Float64
from .scanner import Scanner
from .things import Actor, Parked, pose_at


@dataclass(frozen=True)
class Box:
    """An object in one key frame."""

    frame: int
    world_SE3_box: Float64
    """(4, 4)."""
    points: int
    """LiDAR points inside."""
    visibility: str


def moment(lidar: Lidar, thing: Actor, sweep: int) -> float:
    """When the rolling scan of a sweep passes over an object's centre: its box and the truth stand for that moment."""
    time = lidar.moment(sweep, thing.pose(sweep * lidar.scanner.period_s)[:3, 3])
    for _ in range(2):
        time = lidar.moment(sweep, thing.pose(time)[:3, 3])
    return time


@kernel
def count_inside(points: Float64, world_SE3_box: Float64, size_m: Float64, counts: NDArray[np.int64]) -> None:
    """Fills ``counts`` (B,) with how many points (N, 3) of the world lie in each box (B, 4, 4), faces included; sizes (B, 3)."""
    for b in range(len(counts)):
        pose, size = world_SE3_box[b], size_m[b]
        x, y, z, reach = pose[0, 3], pose[1, 3], pose[2, 3], size[0] + size[1] + size[2]
        total = 0
        for k in range(len(points)):
            dx, dy, dz = points[k, 0] - x, points[k, 1] - y, points[k, 2] - z
            if abs(dx) > reach or abs(dy) > reach:
                continue
            inside = True
            for axis in range(3):
                along = pose[0, axis] * dx + pose[1, axis] * dy + pose[2, axis] * dz
                if abs(along) > size[axis] / 2:
                    inside = False
            total += inside
        counts[b] = total


class Annotator:
    """Collects, key frame by key frame, where every object of a scene is and how many points lie in its box."""

    def __init__(self, lidar: Lidar, sweeps_a_frame: int) -> None:
        self._lidar, self._step = lidar, sweeps_a_frame
        self._things = (*lidar.world.actors, *lidar.world.parked)
        self._sizes = np.array([thing.size_m for thing in self._things])
        self._poses: list[Float64] = []
        self._counts: list[NDArray[np.int64]] = []
        self.moments: list[list[float]] = []
        """Per key frame, the time (A,) each actor's pose stands for."""

    def add(self, points: Float64) -> None:
        """Takes the next key frame's points (N, 3) of the world."""
        sweep = len(self._poses) * self._step
        world = self._lidar.world
        self.moments.append([moment(self._lidar, actor, sweep) for actor in world.actors])
        moved = [actor.pose(time) for actor, time in zip(world.actors, self.moments[-1], strict=True)]
        self._poses.append(np.array([*moved, *(thing.world_SE3_box for thing in world.parked)]))
        counts = np.zeros(len(self._things), dtype=np.int64)
        count_inside(np.ascontiguousarray(points), self._poses[-1], self._sizes, counts)
        self._counts.append(counts)

    def boxes(self) -> list[tuple[Parked | Actor, list[Box]]]:
        """Every object that was seen, with its boxes: key frames with a point in it, and those between two such."""
        world, result = self._lidar.world, list[tuple[Parked | Actor, list[Box]]]()
        scanner = self._lidar.scanner
        times = [k * self._step * scanner.period_s for k in range(len(self._poses))]
        sensors = [(pose_at(world.ego, time) @ scanner.ego_SE3_lidar)[:3, 3] for time in times]
        for number, thing in enumerate(self._things):
            seen = [k for k, counts in enumerate(self._counts) if counts[number]]
            marks: list[Box] = []
            for k in range(seen[0], seen[-1] + 1) if seen else ():
                pose, count = self._poses[k][number], int(self._counts[k][number])
                away = float(np.linalg.norm(pose[:3, 3] - sensors[k]))
                marks.append(Box(k, pose, count, _visibility(scanner, count, thing.size_m, away)))
            if marks:
                result.append((thing, marks))
        return result


def _visibility(scanner: Scanner, count: int, size_m: Float64, distance_m: float) -> str:
    """Visibility level: points found against those a free object of this size would get at this distance, roughly."""
    step = (2 * np.pi / scanner.azimuths) * (scanner.elevations[1] - scanner.elevations[0])
    expected = 0.5 * (size_m[0] + size_m[1]) * size_m[2] / (max(distance_m, 2.0) ** 2 * step)
    share = count / max(float(expected) * 0.7, 1.0)
    return str(1 + sum(share >= bound for bound in (0.4, 0.6, 0.8)))
