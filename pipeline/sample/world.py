"""Puts a scene together from a seed and a scene number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import kerbside, plots, traffic, vehicles
from .ground import Ground, lay_out, surface
from .meshes import Float64, Mesh, merge
from .street import BLOCK_M, CROSSING_M, Street, blocks
from .things import Actor, Parked, knot_times, knots, rng

BEHIND_M, AHEAD_M = 92.0, 105.0
"""How much street there is behind the first and ahead of the last place of the recording car, metres."""


@dataclass(frozen=True)
class World:
    """All surfaces of a scene, where they are at each moment, and the way of the recording car."""

    name: str
    """``scene-0001``."""
    static: Mesh
    """World frame: ground, buildings, furniture, greenery; parked objects apart."""
    parked: tuple[Parked, ...]
    actors: tuple[Actor, ...]
    ego: Float64
    """(K, 7) knots of ``world_SE3_ego``."""
    ego_car: Mesh
    """In the ego frame."""
    street: Street
    ground: Ground
    seconds: float

    @property
    def origin_m(self) -> Float64:
        """(3,) a round world place near the scene's middle: float32 coordinates are relative to it."""
        low, high = self.static.bounds
        return np.round((low + high) / 2)

    @property
    def whole_static(self) -> Mesh:
        """World frame: everything that never moves, parked objects last."""
        return merge([self.static, *(thing.mesh.moved(thing.world_SE3_box) for thing in self.parked)])

    @property
    def meshes(self) -> tuple[Mesh, ...]:
        """All there is: what never moves, the recording car, then the actors' limbs in order, each in its own frame."""
        return (self.whole_static, self.ego_car, *(limb for actor in self.actors for limb in actor.limbs))


def make_world(seed: int, number: int, seconds: float) -> World:
    """The scene of a number, counted from 1; it depends on nothing but these three."""
    name = f"scene-{number:04d}"
    end = traffic.EGO_SPEED * seconds + AHEAD_M
    # The curve goes on past its ground, for traffic that has left the stage or not yet come.
    street = Street.random(rng(seed, name, "street"), -BEHIND_M - 400.0, end + 400.0)
    gaps = [traffic.EGO_SPEED * t + 1.0 for t in traffic.alley_times(seconds)]
    layout = plots.plan(rng(seed, name, "plots"), -BEHIND_M, end, gaps)
    ground = lay_out(-BEHIND_M, end, layout.uses)
    scenery = rng(seed, name, "scenery")
    parts = [
        surface(street, ground),
        *plots.build(street, layout, scenery),
        *plots.greenery(street, layout.strips, scenery),
    ]
    for block in blocks(-BEHIND_M, end):
        middle = float(block) * BLOCK_M + CROSSING_M
        if -BEHIND_M + 10 < middle < end - 10:
            parts += plots.crossing(street, middle, scenery)
    kerb = kerbside.Kerbside(street, ground, rng(seed, name, "kerbside"), gaps)
    kerb.fill(-BEHIND_M + 5, end - 5)
    # Hardly in reach: a car that gets a handful of points.
    kerb.park(vehicles.car(kerb.rng), "vehicle.car", CROSSING_M + 3.3, 50.0, np.pi / 2)
    cast = traffic.Traffic(street, ground, rng(seed, name, "traffic"), seconds, list(kerb.taken))
    traffic.fill(cast)
    s, d = cast.ego()
    times = knot_times(seconds)
    yaw = np.arctan2(np.gradient(d, times), np.gradient(s, times))
    ego = knots(street.poses(s, d, yaw, 0.0, reach=1.3))
    return World(
        name,
        merge(parts + kerb.furniture),
        tuple(kerb.parked),
        tuple(cast.actors),
        ego,
        vehicles.ego_car(),
        street,
        ground,
        seconds,
    )
