"""A street in which every return of every sweep says what it is a return of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from occ_pipeline.schemas.scene import PointKind, SweepPoints
from occ_pipeline.tests.stages.small_world import (
    BICYCLE,
    CAR,
    LIDAR_MOUNT,
    NOBODY,
    PERSON,
    ROAD,
    WALL,
    Box,
    World,
    lattice,
    moved,
    pose,
    tables_of,
)

SWEEPS, KEYS, STEP_S = 13, (0, 5, 10), 0.1
"""Two sweeps lie after the last key frame."""
VAN_SEEN = 10
"""The van has boxes in the first two key frames and is seen up to the sweep before the third."""
MOVING, PARKED, WALKER, VAN, CYCLIST = range(5)


class Kind(IntEnum):
    """What a return is of; objects are 100 plus their track."""

    GROUND = 0
    FACADE = 1
    EGO = 2
    FAR = 3
    NOISE = 4
    EDGE = 5
    STRANGER = 6
    """A person without a box."""
    TYRE = 7
    """Ground inside the parked car's box, above its clearance."""
    LOW = 8


SIZES = {MOVING: (4.0, 2.0, 1.5), PARKED: (4.0, 2.0, 1.5), WALKER: (0.6, 0.6, 1.8), VAN: (5.0, 2.0, 2.0)} | {
    CYCLIST: (1.8, 0.6, 1.8)
}
CLASSES = {MOVING: CAR, PARKED: CAR, WALKER: PERSON, VAN: CAR, CYCLIST: BICYCLE}


def shell(size: tuple[float, float, float], step: float = 0.25) -> np.ndarray:
    """Points 2.5 cm inside a box's sides and roof, each in the middle of a 5 cm cell; none near the bottom."""
    x, y, z = (np.array(size) / 2).tolist()
    sides = [lattice((-x + 0.025, s, -z + 0.275), (x, s, z), step) for s in (-y + 0.025, y - 0.025)]
    ends = [lattice((s, -y + 0.025, -z + 0.275), (s, y, z), step) for s in (-x + 0.025, x - 0.025)]
    roof = lattice((-x + 0.025, -y + 0.025, z - 0.025), (x, y, z - 0.025), step)
    cells = np.floor(np.concatenate([*sides, *ends, roof]) / 0.05 + 1e-6)
    return np.unique(cells, axis=0) * 0.05 + 0.025


def limb(sweep: int) -> np.ndarray:
    """Where the walker's hand is in a sweep, in the box frame: another cell in each."""
    return np.array([[0.05 * sweep - 0.275, 0.025, 0.025]])


@dataclass
class Street:
    """The street and what is known of it."""

    world: World
    kinds: list[np.ndarray]
    boxes: dict[int, list[np.ndarray]]
    """Track to its true pose in every sweep."""

    def count(self, *kinds: int, sweeps: range | tuple[int, ...] = range(SWEEPS)) -> int:
        return sum(int(np.isin(self.kinds[s], kinds).sum()) for s in sweeps)


def street(*, labelled: bool = True, shift: tuple[float, float, float] = (0.0, 0.0, 0.0), yaw: float = 0.3) -> Street:
    """The street, all of it seen by every sweep. Places are multiples of 1/64 m, so that shifts are exact."""
    x0, y0, z0 = 600.0 + shift[0], -90.0 + shift[1], 0.5 + shift[2]
    ego = [pose(x0 + 3 + s / 8, y0 + 5, z0) for s in range(SWEEPS)]

    def path(x: float, y: float, height: float, speed: float, turn: float) -> list[np.ndarray]:
        step = speed * STEP_S
        along = (np.cos(turn) * step, np.sin(turn) * step)
        return [pose(x0 + x + along[0] * s, y0 + y + along[1] * s, z0 + height / 2, turn) for s in range(SWEEPS)]

    boxes = {
        MOVING: path(12, 10, 1.5, 7.5, yaw),
        PARKED: path(10, -1, 1.5, 0.0, yaw),
        WALKER: path(4, -6, 1.8, 1.25, yaw),
        VAN: path(-14, 10, 2.0, 10.0, yaw),
        CYCLIST: path(-8, -8, 1.8, 5.0, yaw),
    }
    seen = {VAN: KEYS[:2]}
    tracks = [
        Box(CLASSES[t], SIZES[t], [(k * STEP_S, boxes[t][k]) for k in seen.get(t, KEYS)]) for t in range(len(boxes))
    ]
    ground = moved(lattice((-20, -20, 0), (40, 30, 0), 1.0) + np.array([0.03, 0.03, 0.02]), pose(x0, y0, z0))
    facade = moved(lattice((-15, 27, 0.5), (30, 27, 3), 0.5) + 0.03, pose(x0, y0, z0))
    sweeps, kinds = [], []
    for s in range(SWEEPS):
        key = s in KEYS
        of_ego = moved(lattice((-1, -0.5, 0.5), (3, 0.5, 1), 0.5), ego[s])
        pieces: list[tuple[int, int, np.ndarray]] = [
            (Kind.GROUND, ROAD, ground),
            (Kind.FACADE, WALL, facade),
            (Kind.EGO, NOBODY, of_ego),
            (Kind.FAR, WALL, moved(np.array([[80.0, 1, 1], [0, -66, 2]]), ego[s])),
            (Kind.LOW, ROAD, moved(np.array([[5.0, 1, -9], [5, 1, 11]]), ego[s])),
            (Kind.EDGE, CAR, moved(np.array([[0.3, 1.0 + 0.2, 0.1], [-0.7, -1.0 - 0.2, 0.3]]), boxes[MOVING][s])),
        ]
        if key:
            pieces.append((Kind.NOISE, NOBODY, moved(np.array([[6.0, 3, 3], [7, 3, 3], [8, 3, 3]]), ego[s])))
            pieces.append((Kind.STRANGER, PERSON, moved(np.array([[6.0, -3, 1], [6, -3, 1.5]]), ego[s])))
            pieces.append((Kind.TYRE, ROAD, moved(np.array([[0.5, 0.5, -0.575]]), boxes[PARKED][s])))
        for track, poses in boxes.items():
            if track == VAN and s >= VAN_SEEN:
                continue
            body = np.concatenate([shell(SIZES[track]), limb(s)]) if track == WALKER else shell(SIZES[track])
            pieces.append((100 + track, CLASSES[track], moved(body, poses[s])))
        points = np.concatenate([p for *_, p in pieces])
        kinds.append(np.concatenate([np.full(len(p), kind) for kind, _, p in pieces]))
        labels = np.concatenate([np.full(len(p), label, np.uint8) for _, label, p in pieces])
        said = np.where(labels == 255, np.where(kinds[-1] == Kind.EGO, PointKind.EGO, PointKind.NOISE), PointKind.USUAL)
        local = moved(points, np.linalg.inv(ego[s] @ LIDAR_MOUNT)).astype(np.float32)
        known = labelled and key
        sweeps.append(
            SweepPoints(local, labels if known else None, said.astype(np.uint8) if known else None, 3 if s == 2 else 0)
        )
    return Street(World(tables_of(ego, KEYS, tracks, step_s=STEP_S, labelled=labelled), sweeps), kinds, boxes)
