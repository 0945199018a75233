"""SemanticKITTI's names for what a street is made of: values of its label files, and the classes they count as."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...schemas.taxonomy import SEMANTICKITTI, SSCBENCH_KITTI360, UNLABELED, Taxonomy
from .kinds import AS_LABELLED, FENCE, OBJECT, PARKING, POLE, SIGN, STRUCTURE, TRUNK
from .labels import CATEGORIES
from .world import World

UInt32 = NDArray[np.uint32]

OUTLIER = 1
STILL: Mapping[str, int] = {
    "flat.driveable_surface": 40, "flat.other": 49, "flat.sidewalk": 48, "flat.terrain": 72,
    "static.manmade": 50, "static.vegetation": 70,
    "movable_object.barrier": 99, "movable_object.trafficcone": 99,
    "vehicle.bicycle": 11, "vehicle.bus.rigid": 13, "vehicle.car": 10, "vehicle.construction": 20,
    "vehicle.motorcycle": 15, "vehicle.trailer": 20, "vehicle.truck": 18, "vehicle.ego": 0,
    "human.pedestrian.adult": 30, "human.pedestrian.child": 30, "human.pedestrian.construction_worker": 30,
}  # fmt: skip
"""Lidarseg's categories to values of label files, of what stays where it is."""
KINDS: Mapping[int, int] = {FENCE: 51, STRUCTURE: 52, OBJECT: 99, POLE: 80, SIGN: 81, TRUNK: 71, PARKING: 44}
"""Numbers of :mod:`.kinds` to the same; they go before the category."""
MOVING: Mapping[str, int] = {
    "vehicle.bicycle": 253, "vehicle.bus.rigid": 257, "vehicle.car": 252, "vehicle.motorcycle": 255, "vehicle.truck": 258,
    "human.pedestrian.adult": 254, "human.pedestrian.child": 254, "human.pedestrian.construction_worker": 254,
}  # fmt: skip
"""The same of what moves in its scene. Cycles that move have riders, and are one with them."""
CLASSES: Mapping[str, tuple[int, ...]] = {
    UNLABELED: (0, OUTLIER, 52, 99), "car": (10, 252), "bicycle": (11,), "motorcycle": (15,), "truck": (18, 258),
    "other-vehicle": (13, 20, 257), "person": (30, 254), "bicyclist": (253,), "motorcyclist": (255,), "road": (40,),
    "parking": (44,), "sidewalk": (48,), "other-ground": (49,), "building": (50,), "fence": (51,), "vegetation": (70,),
    "trunk": (71,), "terrain": (72,), "pole": (80,), "traffic-sign": (81,),
}  # fmt: skip
"""Classes of the benchmark with the values that count as them: written down again, not the reader's table, which it is to judge."""
SSCBENCH_CLASSES: Mapping[str, tuple[int, ...]] = {
    UNLABELED: (0, OUTLIER, 253, 255), "car": (10, 252), "bicycle": (11,), "motorcycle": (15,), "truck": (18, 258),
    "other-vehicle": (13, 20, 257), "person": (30, 254), "road": (40,), "parking": (44,), "sidewalk": (48,), "other-ground": (49,),
    "building": (50,), "fence": (51,), "vegetation": (70, 71), "terrain": (72,), "pole": (80,), "traffic-sign": (81,),
    "other-structure": (52,), "other-object": (99,),
}  # fmt: skip
"""The same of SSCBench-KITTI-360: riders have no class, trunks are part of what grows on them, as in KITTI-360."""


def values(world: World) -> UInt32:
    """(F,) uint32: what label files say of all triangles of :attr:`~.world.World.meshes`, without instances."""
    usual = np.zeros(len(CATEGORIES), dtype=np.uint32)
    usual[[CATEGORIES.index(name) for name in STILL]] = list(STILL.values())
    kinds = np.zeros(max(KINDS) + 1, dtype=np.uint32)
    kinds[list(KINDS)] = list(KINDS.values())
    parts = [np.where(mesh.kinds == AS_LABELLED, usual[mesh.labels], kinds[mesh.kinds]) for mesh in world.meshes]
    owners = [None, None, *(actor for actor in world.actors for _ in actor.limbs)]
    return np.concatenate(
        [
            np.full_like(part, MOVING[owner.category]) if owner is not None and owner.moving else part
            for part, owner in zip(parts, owners, strict=True)
        ]
    )


def instances(world: World) -> UInt32:
    """(F,) uint32: which object each triangle of :attr:`~.world.World.meshes` is of.

    Parked ones count from 1, actors after them; 0 for the street and the recording car.
    """
    static, ego, *_ = world.meshes
    numbers = [0, *range(1, len(world.parked) + 1), 0]
    counts = [len(static.labels) - sum(len(thing.mesh.labels) for thing in world.parked)]
    counts += [len(thing.mesh.labels) for thing in world.parked] + [len(ego.labels)]
    for number, actor in enumerate(world.actors, len(world.parked) + 1):
        numbers.append(number)
        counts.append(sum(len(limb.labels) for limb in actor.limbs))
    return np.repeat(np.array(numbers, dtype=np.uint32), counts)


def class_ids(found: UInt32, taxonomy: Taxonomy = SEMANTICKITTI) -> NDArray[np.uint8]:
    """(F,) uint8 class ids of values of label files; 0, ``unlabeled``, for a surface without a class.

    ``taxonomy``: SemanticKITTI's or SSCBench-KITTI-360's.
    """
    table = np.zeros(260, dtype=np.uint8)
    for name, numbers in (SSCBENCH_CLASSES if taxonomy is SSCBENCH_KITTI360 else CLASSES).items():
        table[list(numbers)] = taxonomy.id_of(name)
    return table[found]
