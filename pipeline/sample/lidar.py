"""The simulated LiDAR: what a spinning sensor on a car's roof measures, its noise, its drop-outs and its points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bvh import Forest, plant
from .labels import EGO, MANMADE, NOISE, OTHER_FLAT, ROAD, SIDEWALK, TERRAIN, VEGETATION
from .meshes import Float64
from .scan import sweep
from .scanner import HDL_32E, Scanner
from .things import KNOT_S, LEAD_S, pose_at, rng
from .world import World

RANGE_NOISE_M = 0.02
LOST = 0.03
"""Share of good returns that is lost at random; grazing and far ones are lost more often."""
STRAYS = 6
"""Points a sweep where nothing is, as rain and dust make."""

_ALBEDO = np.full(32, 0.35)
_ALBEDO[[ROAD, SIDEWALK, OTHER_FLAT, TERRAIN, VEGETATION, MANMADE, EGO]] = (0.12, 0.22, 0.3, 0.28, 0.4, 0.45, 0.5)


@dataclass(frozen=True)
class Turn:
    """One sweep: what is written to the log, and the exact returns behind it."""

    points: NDArray[np.float32]
    """(N, 5) float32: x, y, z in metres in the LiDAR's frame at the sweep's time, intensity 0-255, ring."""
    labels: NDArray[np.uint8]
    """(N,) uint8 lidarseg numbers."""
    triangles: NDArray[np.int64]
    """(N,) int64 which triangle of :attr:`~.world.World.meshes`, counted through, each point was measured on; -1 for none."""
    static: NDArray[np.float32]
    """(M, 3) float32: noise-free returns of the static world, metres, relative to the scene's origin."""
    bodies: NDArray[np.float32]
    """(B, 3) float32: noise-free returns of moving bodies, metres, each in its body's frame."""
    body: NDArray[np.int32]
    """(B,) int32: which body."""


@dataclass(frozen=True)
class Lidar:
    """A scene made ready for ray casting. Body 0 is the recording car; the actors' limbs follow in order."""

    world: World
    scanner: Scanner
    forest: Forest
    spheres: Float64
    motions: Float64
    labels: NDArray[np.uint8]
    """(F,) lidarseg number of every triangle in the forest."""
    order: NDArray[np.int64]
    """(F,) which triangle of :attr:`~.world.World.meshes`, counted through, each one in the forest is."""

    @classmethod
    def on(cls, world: World, scanner: Scanner = HDL_32E) -> Lidar:
        """Builds the trees of a scene."""
        meshes = world.meshes
        motions = np.stack([world.ego, *(motion for actor in world.actors for motion in actor.motions)])
        forest = plant([mesh.corners for mesh in meshes])
        starts = np.cumsum([0, *(len(mesh.labels) for mesh in meshes)])
        labels = np.concatenate([mesh.labels for mesh in meshes])
        tree = np.repeat(np.arange(len(meshes)), np.diff(starts))
        spheres: list[list[float]] = []
        for mesh in meshes[1:]:
            low, high = mesh.bounds
            middle = (low + high) / 2
            spheres.append([*middle.tolist(), float(np.linalg.norm(mesh.vertices - middle, axis=1).max()) + 1e-6])
        order = starts[tree] + forest.order
        return cls(world, scanner, forest, np.array(spheres), motions, labels[order], order)

    def turn(self, seed: int, number: int) -> Turn:
        """Sweep ``number``, whose time is ``number`` periods of the scanner."""
        scanner = self.scanner
        count, time = scanner.azimuths * scanner.rings, number * scanner.period_s
        random = rng(seed, self.world.name, "sweep", str(number))
        step = scanner.period_s / scanner.azimuths
        distance, slant = np.empty(count), np.empty(count)
        body, triangle = np.empty(count, np.int64), np.empty(count, np.int64)
        local, beam = np.zeros((count, 3)), np.empty((count, 6))
        phase = np.pi - random.uniform() * 2 * np.pi / scanner.azimuths
        begin = (scanner.begins_s(time) + step + LEAD_S) / KNOT_S
        sweep(
            self.forest,
            self.spheres,
            self.motions,
            self.world.ego,
            scanner.ego_SE3_lidar,
            scanner.elevations,
            scanner.azimuths,
            scanner.range_m,
            0 if scanner.sees_its_car else 1,
            begin,
            step / KNOT_S,
            phase,
            distance,
            body,
            triangle,
            local,
            beam,
            slant,
        )
        hit = triangle >= 0
        labels = np.where(hit, self.labels[triangle], EGO).astype(np.uint8)
        kept = hit & (random.uniform(size=count) > _loss(distance, slant, scanner.range_m))
        measured = np.where(kept, distance + RANGE_NOISE_M * random.normal(size=count), 0.0)
        intensity = np.where(kept, 255 * _ALBEDO[labels] * (0.3 + 0.7 * slant) * random.uniform(0.7, 1.3, count), 0.0)
        stray = random.integers(0, count, STRAYS)
        # As in the real log, a beam that got no answer is a point in the sensor itself, which labellers call the recording car.
        empty = ~kept
        measured[empty] = np.abs(random.normal(size=count)[empty]) * 1e-4
        measured[stray] = np.minimum(
            np.where(kept[stray], distance[stray], scanner.range_m), random.uniform(2.0, 60.0, STRAYS)
        )
        labels[empty] = EGO
        labels[stray] = NOISE
        kept[stray] = False
        world_SE3_lidar = pose_at(self.world.ego, time) @ scanner.ego_SE3_lidar
        place = beam[:, :3] + beam[:, 3:] * measured[:, None]
        xyz = (place - world_SE3_lidar[:3, 3]) @ world_SE3_lidar[:3, :3]
        points = np.column_stack(
            [xyz, np.clip(np.round(intensity), 0, 255), np.tile(np.arange(scanner.rings), scanner.azimuths)]
        ).astype(np.float32)
        still, moving = kept & (body < 0), kept & (body > 0)
        origin = self.world.origin_m
        return Turn(
            points,
            labels,
            np.where(kept, self.order[triangle], -1),
            (local[still] - origin).astype(np.float32),
            local[moving].astype(np.float32),
            (body[moving] - 1).astype(np.int32),
        )

    def moment(self, number: int, world_centre: Float64) -> float:
        """Time at which the scan of sweep ``number`` passes over a place (3,), which the caller moves along if need be."""
        scanner = self.scanner
        time = number * scanner.period_s
        lidar = pose_at(self.world.ego, scanner.middle_s(time)) @ scanner.ego_SE3_lidar
        x, y, _ = (world_centre - lidar[:3, 3]) @ lidar[:3, :3]
        turned = (np.pi - np.arctan2(y, x)) % (2 * np.pi)
        return scanner.begins_s(time) + scanner.period_s * turned / (2 * np.pi)


def _loss(distance: Float64, slant: Float64, range_m: float) -> Float64:
    """(N,) probability that a return is lost."""
    far = np.clip((np.minimum(distance, range_m) - 40.0) / 60.0, 0.0, 1.0)
    grazing = np.clip((0.06 - slant) / 0.06, 0.0, 1.0)
    return np.minimum(0.98, LOST + 0.35 * far + 0.85 * grazing)
