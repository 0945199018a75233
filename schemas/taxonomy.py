"""The class ids a store speaks, the dataset categories that map to them, and the colours they are drawn in."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

NO_LABEL = 255
"""The class id of a point, triangle or voxel without a label, in every taxonomy."""

UNLABELED = "unlabeled"
"""Name of a class that no voxel is ever given: in a truth, that of surfaces without a class."""


@dataclass(frozen=True)
class Taxonomy:
    """Named classes; a class id is the position of its name."""

    name: str
    classes: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    """RGB 0-255, one per class."""
    categories: Mapping[str, int]
    """Dataset category name to class id; a category that is not here has no label."""
    ground: tuple[str, ...]
    """Classes that lie under others: a return of one inside an object's box is not the object's."""

    def __post_init__(self) -> None:
        if len(self.colours) != len(self.classes):
            raise ValueError(f"taxonomy {self.name}: {len(self.classes)} classes but {len(self.colours)} colours")
        if any(not 0 <= class_id < len(self.classes) for class_id in self.categories.values()):
            raise ValueError(f"taxonomy {self.name}: a category maps to a class id outside 0..{len(self.classes) - 1}")

    def id_of(self, class_name: str) -> int:
        """Class id of a class name. Raises KeyError naming the known ones."""
        if class_name not in self.classes:
            raise KeyError(f"no class {class_name!r} in taxonomy {self.name}; known: {', '.join(self.classes)}")
        return self.classes.index(class_name)

    def ids_of(self, class_names: Sequence[str]) -> list[int]:
        """Class ids of those names that this taxonomy has: a parameter may name classes of several."""
        return [self.classes.index(name) for name in class_names if name in self.classes]


NUSCENES = Taxonomy(
    # nuScenes lidarseg's 16 challenge classes and 0 for the rest (docs of nuscenes-devkit 1.2.0, eval/lidarseg/README.md).
    name="nuscenes_lidarseg",
    classes=(
        "others",
        "barrier",
        "bicycle",
        "bus",
        "car",
        "construction_vehicle",
        "motorcycle",
        "pedestrian",
        "traffic_cone",
        "trailer",
        "truck",
        "driveable_surface",
        "other_flat",
        "sidewalk",
        "terrain",
        "manmade",
        "vegetation",
    ),
    colours=(
        (90, 90, 90),
        (255, 120, 50),
        (255, 192, 203),
        (255, 221, 0),
        (0, 120, 245),
        (0, 200, 200),
        (200, 150, 0),
        (230, 20, 20),
        (255, 240, 150),
        (135, 60, 0),
        (160, 32, 240),
        (200, 90, 200),
        (140, 137, 137),
        (90, 30, 90),
        (150, 220, 90),
        (205, 195, 170),
        (20, 150, 30),
    ),
    categories=MappingProxyType(
        {
            # Noise and the ego vehicle are no part of the street: they carry no label rather than class 0.
            "animal": 0,
            "human.pedestrian.personal_mobility": 0,
            "human.pedestrian.stroller": 0,
            "human.pedestrian.wheelchair": 0,
            "movable_object.debris": 0,
            "movable_object.pushable_pullable": 0,
            "static_object.bicycle_rack": 0,
            "vehicle.emergency.ambulance": 0,
            "vehicle.emergency.police": 0,
            "static.other": 0,
            "movable_object.barrier": 1,
            "vehicle.bicycle": 2,
            "vehicle.bus.bendy": 3,
            "vehicle.bus.rigid": 3,
            "vehicle.car": 4,
            "vehicle.construction": 5,
            "vehicle.motorcycle": 6,
            "human.pedestrian.adult": 7,
            "human.pedestrian.child": 7,
            "human.pedestrian.construction_worker": 7,
            "human.pedestrian.police_officer": 7,
            "movable_object.trafficcone": 8,
            "vehicle.trailer": 9,
            "vehicle.truck": 10,
            "flat.driveable_surface": 11,
            "flat.other": 12,
            "flat.sidewalk": 13,
            "flat.terrain": 14,
            "static.manmade": 15,
            "static.vegetation": 16,
        }
    ),
    ground=("driveable_surface", "other_flat", "sidewalk", "terrain"),
)

SEMANTICKITTI = Taxonomy(
    # The 19 classes of SemanticKITTI's single-scan task under their ids there, and 0, which no voxel ever has
    # (semantic-kitti-api, config/semantic-kitti.yaml: learning_map, names and colours).
    name="semantickitti",
    classes=(
        UNLABELED, "car", "bicycle", "motorcycle", "truck", "other-vehicle", "person", "bicyclist", "motorcyclist", "road",
        "parking", "sidewalk", "other-ground", "building", "fence", "vegetation", "trunk", "terrain", "pole", "traffic-sign",
    ),
    colours=(
        (90, 90, 90), (100, 150, 245), (100, 230, 245), (30, 60, 150), (80, 30, 180), (100, 80, 250), (255, 30, 30),
        (255, 40, 200), (150, 30, 90), (255, 0, 255), (255, 150, 255), (75, 0, 75), (175, 0, 75), (255, 200, 0),
        (255, 120, 50), (0, 175, 0), (135, 60, 0), (150, 240, 80), (255, 240, 150), (255, 0, 0),
    ),
    categories=MappingProxyType(
        {
            # KITTI's tracklets (devkit of the raw data, readme.txt); "Misc" has no class.
            "Car": 1,
            "Van": 1,
            "Truck": 4,
            "Tram": 5,
            "Pedestrian": 6,
            "Person (sitting)": 6,
            "Cyclist": 7,
        }
    ),
    ground=("road", "parking", "sidewalk", "other-ground", "terrain"),
)  # fmt: skip

SSCBENCH_KITTI360 = Taxonomy(
    # The 18 classes of SSCBench-KITTI-360 under their ids there, and 0, which no voxel ever has
    # (github.com/ai4ce/SSCBench, dataset/configs/kitti360.yaml: learning_map_inv, labels; colours as SemanticKITTI's).
    name="sscbench_kitti360",
    classes=(
        UNLABELED, "car", "bicycle", "motorcycle", "truck", "other-vehicle", "person", "road", "parking", "sidewalk",
        "other-ground", "building", "fence", "vegetation", "terrain", "pole", "traffic-sign", "other-structure", "other-object",
    ),
    colours=(
        (90, 90, 90), (100, 150, 245), (100, 230, 245), (30, 60, 150), (80, 30, 180), (100, 80, 250), (255, 30, 30),
        (255, 0, 255), (255, 150, 255), (75, 0, 75), (175, 0, 75), (255, 200, 0), (255, 120, 50), (0, 175, 0),
        (150, 240, 80), (255, 240, 150), (255, 0, 0), (255, 150, 0), (50, 255, 255),
    ),
    categories=MappingProxyType(
        {
            # KITTI-360's boxes (kitti360scripts, helpers/labels.py). SSCBench has no class for those who ride, and counts all
            # other vehicles as one: it says so of buses and trains, and it is taken for granted of trailers and caravans.
            "car": 1,
            "bicycle": 2,
            "motorcycle": 3,
            "truck": 4,
            "bus": 5,
            "train": 5,
            "trailer": 5,
            "caravan": 5,
            "unknown vehicle": 5,
            "person": 6,
        }
    ),
    ground=("road", "parking", "sidewalk", "other-ground", "terrain"),
)  # fmt: skip

TAXONOMIES: Mapping[str, Taxonomy] = MappingProxyType(
    {each.name: each for each in (NUSCENES, SEMANTICKITTI, SSCBENCH_KITTI360)}
)
GROUND_CLASSES = tuple(dict.fromkeys(name for taxonomy in TAXONOMIES.values() for name in taxonomy.ground))
"""Of all taxonomies: a parameter's default that fits every dataset."""


def refuse_unknown_classes(names: Sequence[str]) -> None:
    """Raises ValueError for a name that is a class of no taxonomy."""
    known = {name for taxonomy in TAXONOMIES.values() for name in taxonomy.classes}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            raise ValueError(f"no class is called {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
