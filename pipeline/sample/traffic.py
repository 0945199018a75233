"""Who moves: vehicles in both directions and across, riders, people on foot; none runs into another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from . import people, vehicles
from .ground import BACK_LANE, Ground
from .meshes import Float64, Mesh
from .street import BLOCK_M, CROSSING_M, Street
from .things import Actor, Footprint, knot_times, knots

EGO_D = -2.3
EGO_SPEED = 9.0


@dataclass
class Traffic:
    """Collects actors; ``taken`` holds the room of all that already stands or moves."""

    street: Street
    ground: Ground
    rng: np.random.Generator
    seconds: float
    taken: list[Footprint]
    actors: list[Actor] = field(default_factory=list[Actor])

    @property
    def times(self) -> Float64:
        """(K,) times of the knots, seconds."""
        return knot_times(self.seconds)

    def ego(self) -> tuple[Float64, Float64]:
        """The recording car's way: s and d (K,) metres."""
        t = self.times
        return EGO_SPEED * t + 1.2 * np.sin(0.5 * t), EGO_D + 0.12 * np.sin(0.7 * t)

    def drive(self, mesh: Mesh, category: str, s: Float64, d: Float64, yaw: float) -> bool:
        """A rigid object along (s, d), ``yaw`` against the street; not if it would run into anything."""
        solid, size = vehicles.box_frame(mesh)
        across = abs(np.sin(yaw)) > 0.5
        half = size[[1, 0]] / 2 if across else size[:2] / 2
        if not self._claim(Footprint(s, d, float(half[0]), float(half[1]))):
            return False
        poses = self.street.poses(s, d, yaw, 0.0, reach=max(0.6, 0.3 * float(size[0])))
        poses[:, :3, 3] += poses[:, :3, 2] * size[2] / 2
        motion = knots(poses)
        self.actors.append(Actor(self._name(), category, size, motion, (solid,), (motion,), deforming=False))
        return True

    def figure(
        self,
        make: Callable[[], people.Figure],
        category: str,
        s: Float64,
        d: Float64,
        yaw: float,
        *,
        moving: bool = True,
    ) -> bool:
        """A person or cyclist along (s, d); not if it would run into anything."""
        half = (0.9, 0.33) if category == "vehicle.bicycle" else (0.45, 0.3)
        if not self._claim(Footprint(s, d, *(half[::-1] if abs(np.sin(yaw)) > 0.5 else half))):
            return False
        figure = make()
        low, high = people.envelope(figure)
        size, middle = high - low, (low + high) / 2
        level = self.ground.level(s, d)
        # Feet take a kerb in a quarter of a second, not in no time.
        window = np.ones(25) / 25
        level = np.convolve(np.pad(level, 12, mode="edge"), window, mode="valid")
        poses = self.street.poses(s, d, yaw, level, reach=0.8 if category == "vehicle.bicycle" else 0.0)
        limbs = poses[:, None] @ figure.poses
        boxes = poses.copy()
        boxes[:, :3, 3] += poses[:, :3, :3] @ middle
        motions = tuple(knots(limbs[:, k]) for k in range(len(figure.limbs)))
        self.actors.append(
            Actor(self._name(), category, size, knots(boxes), figure.limbs, motions, deforming=True, moving=moving)
        )
        return True

    def _name(self) -> str:
        return f"moving-{len(self.actors):03d}"

    def _claim(self, footprint: Footprint) -> bool:
        if any(footprint.meets(other) for other in self.taken):
            return False
        self.taken.append(footprint)
        return True


def alley_times(seconds: float) -> list[float]:
    """Key-frame times at which the recording car passes a gap while a car passes behind it: seen in that key frame only."""
    times = [
        round((36.0 + block * BLOCK_M) / EGO_SPEED * 2) / 2 for block in range(1 + int(EGO_SPEED * seconds / BLOCK_M))
    ]
    return [time for time in times if time < seconds]


def fill(traffic: Traffic) -> None:
    """The whole cast: what each scene must show first, then people at random."""
    t, rng = traffic.times, traffic.rng
    ego_s, _ = traffic.ego()
    traffic.taken.append(Footprint(ego_s + 1.4, np.full(len(t), EGO_D), 2.3, 1.0))
    traffic.drive(
        vehicles.car(rng), "vehicle.car", ego_s + 21 + 2 * np.sin(0.3 * t), EGO_D + 0.1 * np.sin(0.4 * t + 1), 0.0
    )
    traffic.drive(vehicles.car(rng), "vehicle.car", ego_s - 16 - np.sin(0.35 * t), np.full(len(t), EGO_D), 0.0)
    # It crosses just before the car ahead arrives.
    traffic.drive(vehicles.car(rng), "vehicle.car", np.full(len(t), CROSSING_M - 1.6), 24.0 - 10.0 * t, -np.pi / 2)
    for time in alley_times(traffic.seconds):
        # The view through the gap turns back while it drives on: gone within a quarter of a second either way.
        way = EGO_SPEED * time + 0.5 + 16.0 * (t - time)
        traffic.drive(vehicles.car(rng), "vehicle.car", way, np.full(len(t), sum(BACK_LANE) / 2), 0.0)
    _oncoming(traffic)
    _cyclists(traffic)
    _people(traffic)


def _oncoming(traffic: Traffic) -> None:
    t, rng = traffic.times, traffic.rng
    speed, lane = -8.0, np.full(len(t), 2.3)
    makers = (
        ("vehicle.car", lambda: vehicles.car(rng)),
        ("vehicle.motorcycle", lambda: vehicles.motorcycle(rider=True)),
        ("vehicle.bus.rigid", lambda: vehicles.bus(rng)),
        ("vehicle.car", lambda: vehicles.car(rng)),
        ("vehicle.truck", lambda: vehicles.truck(rng)),
        ("vehicle.motorcycle", lambda: vehicles.motorcycle(rider=True)),
        ("vehicle.car", lambda: vehicles.car(rng)),
        ("vehicle.bus.rigid", lambda: vehicles.bus(rng)),
    )
    places = [25.0, 40.0, 57.0, 102.0, 127.0, 150.0, 172.0, 205.0]
    places += np.arange(240.0, 60 + (EGO_SPEED - speed) * traffic.seconds, 32.0).tolist()
    for k, place in enumerate(places):
        category, make = makers[k % len(makers)]
        wander = 0.8 * np.sin(0.25 * t + k)
        traffic.drive(make(), category, place + rng.uniform(-1.5, 1.5) + speed * t + wander, lane, np.pi)


def _cyclists(traffic: Traffic) -> None:
    t, rng = traffic.times, traffic.rng
    for start in np.arange(17.0, 70 + EGO_SPEED * traffic.seconds, 55.0):
        for side in (-1.0, 1.0):
            speed = rng.uniform(4.0, 5.0)
            phase = 2 * np.pi * (speed / 5.2) * t + rng.uniform(0, 6.28)
            s = start + rng.uniform(0, 20) + (-side) * speed * t + (0.0 if side < 0 else 30.0)
            traffic.figure(
                partial(people.cyclist, phase),
                "vehicle.bicycle",
                s,
                np.full(len(t), side * 4.1),
                0.0 if side < 0 else np.pi,
            )


def _people(traffic: Traffic) -> None:
    t, rng = traffic.times, traffic.rng
    kinds = (
        "human.pedestrian.adult",
        "human.pedestrian.adult",
        "human.pedestrian.adult",
        "human.pedestrian.child",
        "human.pedestrian.construction_worker",
    )
    wanted = int(12 + EGO_SPEED * traffic.seconds / 14)
    reach = EGO_SPEED * traffic.seconds + 30
    number = 0
    for attempt in range(40 * wanted):
        if number >= wanted:
            break
        category = kinds[number % len(kinds)]
        height = rng.uniform(1.15, 1.4) if category.endswith("child") else rng.uniform(1.6, 1.9)
        side, way = (rng.choice([-1.0, 1.0]), rng.choice([-1.0, 1.0]))
        # The first ones stand where even a short log sees them.
        place = rng.uniform(-15, 32) if number < 7 else rng.uniform(-20, reach)
        if attempt % 5 == 4:
            done = _wait(traffic, category, height, place, side)
        elif attempt % 5 == 2:
            done = _cross(traffic, category, height, side)
        else:
            speed = rng.uniform(1.1, 1.6)
            figure = partial(people.walker, category, height, _gait(t, speed, height, rng), speed / 1.4)
            d = side * ((8.05 if way > 0 else 8.75) + rng.uniform(-0.05, 0.05))
            done = traffic.figure(
                figure,
                category,
                place + way * speed * t,
                d + 0.05 * np.sin(0.5 * t + attempt),
                0.0 if way > 0 else np.pi,
            )
        number += int(done)


def _gait(t: Float64, speed: float, height: float, rng: np.random.Generator) -> Float64:
    """Phase of the walk: two steps of 0.42 of the height each."""
    return 2 * np.pi * speed * t / (0.84 * height) + rng.uniform(0, 6.28)


def _wait(traffic: Traffic, category: str, height: float, place: float, side: float) -> bool:
    """Someone stands and shifts from foot to foot."""
    t, rng = traffic.times, traffic.rng
    figure = partial(people.walker, category, height, 1.6 * t + rng.uniform(0, 6.28), 0.25)
    still = np.full(len(t), side * 9.3)
    return traffic.figure(
        figure, category, np.full(len(t), place), still, float(rng.choice([np.pi / 2, -np.pi / 2])), moving=False
    )


def _cross(traffic: Traffic, category: str, height: float, side: float) -> bool:
    """Someone walks across the street near a crossing, where no car is parked."""
    t, rng = traffic.times, traffic.rng
    speed, start = rng.uniform(1.2, 1.7), rng.uniform(-3.0, traffic.seconds)
    block = rng.integers(0, 1 + int(EGO_SPEED * traffic.seconds / BLOCK_M))
    place = block * BLOCK_M + CROSSING_M + rng.choice([-1.0, 1.0]) * rng.uniform(8.0, 12.0)
    d = side * (9.3 - np.clip(speed * (t - start), 0.0, 18.6))
    walked = np.clip(t, start, start + 18.6 / speed)
    figure = partial(people.walker, category, height, _gait(walked, speed, height, rng), speed / 1.4)
    return traffic.figure(figure, category, np.full(len(t), place), d, -np.pi / 2 * side)
