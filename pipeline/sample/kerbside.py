"""What stands at the kerb: parked vehicles, works with barriers and cones, bicycles, lamps and signs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from . import furniture, vehicles
from .ground import PARKING_OFF_M, Ground
from .meshes import Float64, Mesh
from .street import BLOCK_M, CROSSING_M, Street, blocks
from .things import Footprint, Parked

PARKING_D = 5.85
_MAKERS: dict[str, Callable[[np.random.Generator], Mesh]] = {
    "car": vehicles.car,
    "truck": vehicles.truck,
    "trailer": vehicles.trailer,
}


@dataclass
class Kerbside:
    """Collects what stands at the kerb, and the room it takes."""

    street: Street
    ground: Ground
    rng: np.random.Generator
    views: list[float]
    """Places on the left that are kept free, so that one sees through a gap between houses, metres."""
    parked: list[Parked] = field(default_factory=list[Parked])
    furniture: list[Mesh] = field(default_factory=list[Mesh])
    taken: list[Footprint] = field(default_factory=list[Footprint])

    def park(self, mesh: Mesh, category: str, s: float, d: float, yaw: float = 0.0, lean: float = 0.0) -> None:
        """Stands an annotated object on the ground."""
        solid, size = vehicles.box_frame(mesh)
        pose = self.street.poses(s, d, yaw, self.ground.level(s, d), reach=1.3 if size[0] > 3 else 0.4)[0] @ _roll(lean)
        pose[:3, 3] += pose[:3, 2] * size[2] / 2
        if lean:
            # A leaning bicycle turns about the line its wheels stand on; its box leans with it, as its frame does.
            pose[:3, 3] += pose[:3, 2] * 0.01
        self.parked.append(Parked(f"parked-{len(self.parked):03d}", category, size, pose, solid))
        reach = np.abs([[np.cos(yaw), np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]) @ size[:2] / 2
        self.taken.append(Footprint(np.array([s]), np.array([d]), float(reach[0]), float(reach[1])))

    def stand(self, mesh: Mesh, s: float, d: float, yaw: float = 0.0) -> None:
        """Stands furniture upright on the ground."""
        self.furniture.append(mesh.moved(self.street.poses(s, d, yaw, self.ground.level(s, d), reach=0.0)[0]))
        low, high = mesh.bounds
        # Arms hang above heads: what stands in the way is what is near the ground.
        near = mesh.vertices[mesh.vertices[:, 2] < 2.0]
        reach = float(np.abs(near[:, :2]).max()) if len(near) else float((high - low)[:2].max())
        self.taken.append(Footprint(np.array([s]), np.array([d]), reach, reach))

    def fill(self, start_m: float, end_m: float) -> None:
        """Both sides of a stretch of street."""
        for block in blocks(start_m, end_m + BLOCK_M):
            low = max(start_m, (float(block) - 1) * BLOCK_M + CROSSING_M + PARKING_OFF_M)
            high = min(end_m, float(block) * BLOCK_M + CROSSING_M - PARKING_OFF_M)
            if high - low < 60:
                continue
            for side in (-1.0, 1.0):
                self._parking(low, high, side)
                self._pavement(low, high, side)

    def _parking(self, low: float, high: float, side: float) -> None:
        rng = self.rng
        rare = ["truck", "trailer", "cycles", "works", "car", "car"]
        order = ["car"] * 3 + [rare[k] for k in rng.permutation(len(rare))] + ["car"] * 12
        place = low + float(rng.uniform(0, 3))
        for kind in order:
            length = {"car": 5.4, "truck": 9.4, "trailer": 8.0, "cycles": 5.0, "works": 19.0}[kind]
            if place + length > high:
                break
            hidden = [view for view in self.views if side > 0 and place - 3 < view < place + length + 3]
            if hidden:
                place = hidden[0] + 3.2
                continue
            if kind == "works":
                self._works(place, side)
            elif kind == "cycles":
                for k in range(3):
                    self.park(
                        vehicles.motorcycle(),
                        "vehicle.motorcycle",
                        place + 0.9 + 1.4 * k,
                        side * 5.9,
                        side * np.pi / 2 + rng.uniform(-0.15, 0.15),
                    )
            else:
                make = _MAKERS[kind]
                yaw = (0.0 if side < 0 else np.pi) + rng.uniform(-0.02, 0.02)
                d = side * (PARKING_D + (0.0 if kind == "car" else -0.08) + rng.uniform(-0.06, 0.06))
                if not (kind == "car" and rng.random() < 0.2):
                    self.park(make(rng), f"vehicle.{kind}", place + length / 2, d, yaw)
            place += length + float(rng.uniform(0.1, 0.8))

    def _works(self, place: float, side: float) -> None:
        rng, yaw = self.rng, (0.0 if side < 0 else np.pi)
        for k in range(4):
            self.park(
                furniture.barrier(),
                "movable_object.barrier",
                place + 1.9 + 2.1 * k,
                side * 5.0,
                yaw + rng.uniform(-0.04, 0.04),
            )
        for s, d in (
            (0.3, 5.1),
            (0.3, 6.3),
            (5.0, 6.2),
            (9.9, 5.0),
            (10.0, 6.4),
            (17.4, 4.95),
            (18.2, 5.7),
            (18.6, 6.5),
        ):
            self.park(furniture.cone(), "movable_object.trafficcone", place + s, side * d, rng.uniform(0, 1.5))
        self.park(vehicles.excavator(rng), "vehicle.construction", place + 13.8, side * 5.8, yaw)

    def _pavement(self, low: float, high: float, side: float) -> None:
        rng, inward = self.rng, -side * np.pi / 2
        for s in np.arange(low + (4 if side > 0 else 16), high, 26.0):
            self.stand(furniture.lamp_post(), s, side * 7.35, inward)
        for s in np.arange(low + 9 + rng.uniform(0, 6), high, 24.0):
            self.stand(furniture.sign(rng), s, side * 7.4, (np.pi if side < 0 else 0.0) + rng.uniform(-0.1, 0.1))
        # A street too short for it has its stop in the middle.
        first, last = low + 35, max(low + 35, high - 30)
        stop = float(rng.uniform(first, last))
        self.stand(furniture.shelter(), stop, side * 9.35, inward)
        self.stand(furniture.cabinet(), stop + 6.0, side * 9.6, inward)
        for start in (stop - 14.0, stop + 12.0, low + 6.0):
            for k in range(3):
                s = start + 2.0 * k
                self.park(
                    vehicles.bicycle(),
                    "vehicle.bicycle",
                    s,
                    side * 9.45,
                    rng.uniform(-0.1, 0.1),
                    lean=float(rng.uniform(-0.12, 0.12)),
                )


def _roll(angle: float) -> Float64:
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return turn
