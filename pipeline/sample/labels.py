"""Lidarseg's categories: the names and numbers nuScenes v1.0 uses, and the class ids of the store's taxonomy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...schemas.taxonomy import NO_LABEL, NUSCENES

CATEGORIES = (
    "noise",
    "animal",
    "human.pedestrian.adult",
    "human.pedestrian.child",
    "human.pedestrian.construction_worker",
    "human.pedestrian.personal_mobility",
    "human.pedestrian.police_officer",
    "human.pedestrian.stroller",
    "human.pedestrian.wheelchair",
    "movable_object.barrier",
    "movable_object.debris",
    "movable_object.pushable_pullable",
    "movable_object.trafficcone",
    "static_object.bicycle_rack",
    "vehicle.bicycle",
    "vehicle.bus.bendy",
    "vehicle.bus.rigid",
    "vehicle.car",
    "vehicle.construction",
    "vehicle.emergency.ambulance",
    "vehicle.emergency.police",
    "vehicle.motorcycle",
    "vehicle.trailer",
    "vehicle.truck",
    "flat.driveable_surface",
    "flat.other",
    "flat.sidewalk",
    "flat.terrain",
    "static.manmade",
    "static.other",
    "static.vegetation",
    "vehicle.ego",
)
"""A label's number is its position, as in the category table of v1.0-mini lidarseg."""


def label(category: str) -> int:
    """The lidarseg number of a category."""
    return CATEGORIES.index(category)


NOISE = label("noise")
ROAD = label("flat.driveable_surface")
OTHER_FLAT = label("flat.other")
SIDEWALK = label("flat.sidewalk")
TERRAIN = label("flat.terrain")
MANMADE = label("static.manmade")
VEGETATION = label("static.vegetation")
EGO = label("vehicle.ego")

CLASS_IDS: NDArray[np.uint8] = np.array(
    [NUSCENES.categories.get(name, NO_LABEL) for name in CATEGORIES], dtype=np.uint8
)
"""(32,) uint8: class id of every lidarseg number in the store's taxonomy, 255 for noise and the ego vehicle."""
