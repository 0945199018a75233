"""Tracked boxes as KITTI's raw drives have them: upright in the LiDAR's frame, sizes the same throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .annotate import Box
from .meshes import Float64
from .things import Actor, Parked

TYPES: Mapping[str, str] = {
    "vehicle.car": "Car", "vehicle.truck": "Truck", "vehicle.bus.rigid": "Misc", "vehicle.construction": "Misc",
    "vehicle.trailer": "Misc", "human.pedestrian.adult": "Pedestrian", "human.pedestrian.child": "Pedestrian",
    "human.pedestrian.construction_worker": "Pedestrian",
}  # fmt: skip
"""Lidarseg's categories to KITTI's types, of those that are annotated whether they move or not. KITTI has no word for a bus."""
RIDDEN: Mapping[str, str] = {"vehicle.bicycle": "Cyclist", "vehicle.motorcycle": "Misc"}
"""The same of cycles that someone rides. Parked ones are no objects in KITTI."""
OCCLUSION = {"1": 2, "2": 1, "3": 1, "4": 0}
"""nuScenes' levels of visibility to 0 visible, 1 partly and 2 largely hidden."""
UNSET = ("occlusion_kf", "truncation", "amt_occlusion", "amt_occlusion_kf", "amt_border_l", "amt_border_r", "amt_border_kf")  # fmt: skip
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>\n<!DOCTYPE boost_serialization>\n'
    '<boost_serialization signature="serialization::archive" version="9">\n'
    '<tracklets class_id="0" tracking_level="0" version="0">\n'
)


def type_of(thing: Parked | Actor) -> str | None:
    """KITTI's type of an object; None of one that its annotators would not box."""
    if isinstance(thing, Actor) and thing.moving and thing.category in RIDDEN:
        return RIDDEN[thing.category]
    return TYPES.get(thing.category)


def tracklets(found: Sequence[tuple[Parked | Actor, Sequence[Box]]], world_SE3_lidar: Float64) -> str:
    """The file of a drive's boxes; ``world_SE3_lidar``: (N, 4, 4) float64 poses of all scans.

    A box has a heading and no other turn: what it leans to a side, or the LiDAR does, is lost, as it is in KITTI's.
    """
    items = [_item(thing, type_of(thing) or "", boxes, world_SE3_lidar) for thing, boxes in found if type_of(thing)]
    counts = f"\t<count>{len(items)}</count>\n\t<item_version>1</item_version>\n"
    return f"{_HEAD}{counts}{''.join(items)}</tracklets>\n</boost_serialization>\n"


def _item(thing: Parked | Actor, category: str, boxes: Sequence[Box], world_SE3_lidar: Float64) -> str:
    length, width, height = thing.size_m.tolist()
    poses = "".join(_pose(box, height, world_SE3_lidar[box.frame]) for box in boxes)
    return (
        '\t<item class_id="1" tracking_level="0" version="1">\n'
        f"\t\t<objectType>{category}</objectType>\n\t\t<h>{height!r}</h>\n\t\t<w>{width!r}</w>\n\t\t<l>{length!r}</l>\n"
        f"\t\t<first_frame>{boxes[0].frame}</first_frame>\n"
        '\t\t<poses class_id="2" tracking_level="0" version="0">\n'
        f"\t\t\t<count>{len(boxes)}</count>\n\t\t\t<item_version>2</item_version>\n{poses}\t\t</poses>\n"
        "\t\t<finished>1</finished>\n\t</item>\n"
    )


def _pose(box: Box, height: float, world_SE3_lidar: Float64) -> str:
    lidar_SE3_box = np.linalg.inv(world_SE3_lidar) @ box.world_SE3_box
    x, y, z = lidar_SE3_box[:3, 3].tolist()
    values: dict[str, object] = {
        # A box's place is that of the middle of its lower face.
        "tx": x, "ty": y, "tz": z - height / 2, "rx": 0, "ry": 0,
        "rz": float(np.arctan2(lidar_SE3_box[1, 0], lidar_SE3_box[0, 0])),
        "state": 2, "occlusion": OCCLUSION[box.visibility], **dict.fromkeys(UNSET, -1),
    }  # fmt: skip
    return "\t\t\t<item>" + "".join(f"<{key}>{value!r}</{key}>" for key, value in values.items()) + "</item>\n"
