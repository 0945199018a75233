"""The tables of nuScenes v1.0: plain rows that point at each other by token."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from scipy.spatial.transform import Rotation

from .labels import CATEGORIES
from .meshes import Float64
from .scanner import HDL_32E

VERSION = "v1.0-mini"
Row = dict[str, Any]

ATTRIBUTES = {
    "vehicle.moving": "Vehicle is moving.",
    "vehicle.stopped": "Vehicle, with a driver/rider in/on it, is currently stationary but has an intent to move.",
    "vehicle.parked": "Vehicle is stationary (usually for longer duration) with no immediate intent to move.",
    "cycle.with_rider": "There is a rider on the bicycle or motorcycle.",
    "cycle.without_rider": "There is NO rider on the bicycle or motorcycle.",
    "pedestrian.sitting_lying_down": "The human is sitting or lying down.",
    "pedestrian.standing": "The human is standing.",
    "pedestrian.moving": "The human is moving.",
}
VISIBILITIES = {"1": "v0-40", "2": "v40-60", "3": "v60-80", "4": "v80-100"}
TABLES = (
    "category",
    "attribute",
    "visibility",
    "instance",
    "sensor",
    "calibrated_sensor",
    "ego_pose",
    "log",
    "scene",
    "sample",
    "sample_data",
    "sample_annotation",
    "map",
    "lidarseg",
)


def token(*names: str) -> str:
    """A row's token: 32 hex digits made of its name, so that a seed's log always has the same."""
    return hashlib.blake2b("/".join(names).encode(), digest_size=16).hexdigest()


def quaternion(matrix: Float64) -> list[float]:
    """w, x, y, z of a pose's rotation."""
    x, y, z, w = Rotation.from_matrix(matrix[:3, :3]).as_quat().tolist()
    return [w, x, y, z]


def attribute_of(category: str, *, moving: bool) -> list[str]:
    """Tokens of the attribute a category's object has."""
    if category.startswith("human"):
        name = "pedestrian.moving" if moving else "pedestrian.standing"
    elif category in ("vehicle.bicycle", "vehicle.motorcycle"):
        name = "cycle.with_rider" if moving else "cycle.without_rider"
    elif category.startswith("vehicle"):
        name = "vehicle.moving" if moving else "vehicle.parked"
    else:
        return []
    return [token("attribute", name)]


def fixed() -> dict[str, list[Row]]:
    """Rows that are the same in every log; the other tables are empty."""
    rows: dict[str, list[Row]] = {name: [] for name in TABLES}
    rows["category"] = [
        {"token": token("category", name), "name": name, "description": "", "index": k}
        for k, name in enumerate(CATEGORIES)
    ]
    rows["attribute"] = [
        {"token": token("attribute", name), "name": name, "description": text} for name, text in ATTRIBUTES.items()
    ]
    rows["visibility"] = [
        {"token": number, "level": level, "description": f"visibility of whole object is between {level[1:]}%"}
        for number, level in VISIBILITIES.items()
    ]
    rows["sensor"] = [sensor("LIDAR_TOP", "lidar")]
    return rows


def sensor(channel: str, modality: str) -> Row:
    """A sensor's row."""
    return {"token": token("sensor", channel), "channel": channel, "modality": modality}


def calibration(name: str) -> Row:
    """The LiDAR's mounting in a scene."""
    return {
        "token": token("calibrated_sensor", name),
        "sensor_token": token("sensor", "LIDAR_TOP"),
        "translation": HDL_32E.ego_SE3_lidar[:3, 3].tolist(),
        "rotation": quaternion(HDL_32E.ego_SE3_lidar),
        "camera_intrinsic": [],
    }


def chain(rows: list[Row]) -> None:
    """Sets ``prev`` and ``next`` along rows in order."""
    for before, after in pairwise(rows):
        before["next"], after["prev"] = after["token"], before["token"]


def write_tables(folder: Path, rows: dict[str, list[Row]]) -> None:
    """One JSON file per table, a row a line, readable by eye."""
    folder.mkdir(parents=True)
    for name in TABLES:
        text = "[\n" + ",\n".join(json.dumps(row, allow_nan=False) for row in rows[name]) + "\n]\n"
        (folder / f"{name}.json").write_text(text)
