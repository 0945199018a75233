"""The simulated LiDAR: a 32-beam spinning sensor on a car's roof, its noise, its drop-outs and its points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bvh import Forest, plant
from .labels import EGO, MANMADE, NOISE, OTHER_FLAT, ROAD, SIDEWALK, TERRAIN, VEGETATION
from .meshes import Float64
from .scan import AZIMUTHS, PERIOD_S, RANGE_M, RINGS, sweep
from .things import KNOT_S, LEAD_S, pose_at, rng
from .world import World

ELEVATIONS: Float64 = np.deg2rad(-30.67 + np.arange(RINGS) * (10.67 + 30.67) / (RINGS - 1))
"""(32,) radians, an HDL-32E's, ring by ring."""
RANGE_NOISE_M = 0.02
LOST = 0.03
"""Share of good returns that is lost at random; grazing and far ones are lost more often."""
STRAYS = 6
"""Points a sweep where nothing is, as rain and dust make."""

EGO_SE3_LIDAR: Float64 = np.array(
    [[0.0, 1.0, 0.0, 0.94], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.84], [0.0, 0.0, 0.0, 1.0]]
)
"""(4, 4): x of the LiDAR points right, y ahead, as on the real car."""

_ALBEDO = np.full(32, 0.35)
_ALBEDO[[ROAD, SIDEWALK, OTHER_FLAT, TERRAIN, VEGETATION, MANMADE, EGO]] = (0.12, 0.22, 0.3, 0.28, 0.4, 0.45, 0.5)


@dataclass(frozen=True)
class Turn:
    """One sweep: what is written to the log, and the exact returns behind it."""

    points: NDArray[np.float32]
    """(N, 5) float32: x, y, z in metres in the LiDAR's frame at the sweep's time, intensity 0-255, ring."""
    labels: NDArray[np.uint8]
    """(N,) uint8 lidarseg numbers."""
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
    forest: Forest
    spheres: Float64
    motions: Float64
    labels: NDArray[np.uint8]
    """(F,) lidarseg number of every triangle in the forest."""

    @classmethod
    def on(cls, world: World) -> Lidar:
        """Builds the trees of a scene."""
        meshes = [world.whole_static, world.ego_car, *(limb for actor in world.actors for limb in actor.limbs)]
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
        return cls(world, forest, np.array(spheres), motions, labels[starts[tree] + forest.order])

    def turn(self, seed: int, number: int) -> Turn:
        """Sweep ``number``, whose time is ``number * 0.05`` s: that at which its last beam fires."""
        count, time = AZIMUTHS * RINGS, number * PERIOD_S
        random = rng(seed, self.world.name, "sweep", str(number))
        step = PERIOD_S / AZIMUTHS
        distance, slant = np.empty(count), np.empty(count)
        body, triangle = np.empty(count, np.int64), np.empty(count, np.int64)
        local, beam = np.zeros((count, 3)), np.empty((count, 6))
        phase = np.pi - random.uniform() * 2 * np.pi / AZIMUTHS
        begin = (time - PERIOD_S + step + LEAD_S) / KNOT_S
        sweep(
            self.forest,
            self.spheres,
            self.motions,
            self.world.ego,
            EGO_SE3_LIDAR,
            ELEVATIONS,
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
        kept = hit & (random.uniform(size=count) > _loss(distance, slant))
        measured = np.where(kept, distance + RANGE_NOISE_M * random.normal(size=count), 0.0)
        intensity = np.where(kept, 255 * _ALBEDO[labels] * (0.3 + 0.7 * slant) * random.uniform(0.7, 1.3, count), 0.0)
        stray = random.integers(0, count, STRAYS)
        # As in the real log, a beam that got no answer is a point in the sensor itself, which labellers call the recording car.
        empty = ~kept
        measured[empty] = np.abs(random.normal(size=count)[empty]) * 1e-4
        measured[stray] = np.minimum(np.where(kept[stray], distance[stray], RANGE_M), random.uniform(2.0, 60.0, STRAYS))
        labels[empty] = EGO
        labels[stray] = NOISE
        kept[stray] = False
        world_SE3_lidar = pose_at(self.world.ego, time) @ EGO_SE3_LIDAR
        place = beam[:, :3] + beam[:, 3:] * measured[:, None]
        xyz = (place - world_SE3_lidar[:3, 3]) @ world_SE3_lidar[:3, :3]
        points = np.column_stack(
            [xyz, np.clip(np.round(intensity), 0, 255), np.tile(np.arange(RINGS), AZIMUTHS)]
        ).astype(np.float32)
        still, moving = kept & (body < 0), kept & (body > 0)
        origin = self.world.origin_m
        return Turn(
            points,
            labels,
            (local[still] - origin).astype(np.float32),
            local[moving].astype(np.float32),
            (body[moving] - 1).astype(np.int32),
        )

    def moment(self, number: int, world_centre: Float64) -> float:
        """Time at which the scan of sweep ``number`` passes over a place (3,), which the caller moves along if need be."""
        time = number * PERIOD_S
        lidar = pose_at(self.world.ego, time - PERIOD_S / 2) @ EGO_SE3_LIDAR
        x, y, _ = (world_centre - lidar[:3, 3]) @ lidar[:3, :3]
        turned = (np.pi - np.arctan2(y, x)) % (2 * np.pi)
        return time - PERIOD_S + PERIOD_S * turned / (2 * np.pi)


def _loss(distance: Float64, slant: Float64) -> Float64:
    """(N,) probability that a return is lost."""
    far = np.clip((np.minimum(distance, RANGE_M) - 40.0) / 60.0, 0.0, 1.0)
    grazing = np.clip((0.06 - slant) / 0.06, 0.0, 1.0)
    return np.minimum(0.98, LOST + 0.35 * far + 0.85 * grazing)
