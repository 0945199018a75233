"""Boxes as KITTI-360 has them: eight corners and a transform that scales, turns and moves them, in OpenCV's XML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .annotate import Box
from .meshes import Float64
from .things import Actor, Parked

CORNERS: Float64 = np.array(
    [
        (1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1), (-1, 1, -1), (-1, 1, 1), (-1, -1, -1), (-1, -1, 1),
    ]
) / 2  # fmt: skip
"""(8, 3) of a cube of one metre, in KITTI-360's order; x points where an object heads."""
FACES: Float64 = np.array(
    [
        (0, 1, 2), (2, 1, 3), (4, 5, 6), (6, 5, 7), (0, 5, 1), (1, 5, 4), (2, 3, 7), (7, 3, 6), (0, 2, 5), (5, 2, 7), (1, 4, 3), (3, 4, 6),
    ]
)  # fmt: skip
"""(12, 3) triangles of the corners."""
CLASSES: Mapping[str, tuple[str, int, int]] = {
    "vehicle.car": ("car", 13, 26), "vehicle.truck": ("truck", 14, 27), "vehicle.trailer": ("trailer", 15, 30),
    "vehicle.motorcycle": ("motorcycle", 17, 32), "vehicle.bicycle": ("bicycle", 18, 33), "vehicle.bus.rigid": ("bus", 34, 28),
    "vehicle.construction": ("unknownVehicle", 36, 43), "human.pedestrian.adult": ("person", 19, 24),
    "human.pedestrian.child": ("person", 19, 24), "human.pedestrian.construction_worker": ("person", 19, 24),
}  # fmt: skip
"""Lidarseg's categories to KITTI-360's label, its internal number and its id, of what is annotated."""
RIDER = ("rider", 20, 25)
"""The same of who rides a cycle; the box is that of both."""
STILL = -1
"""Time stamp of a box that stands for all frames."""


def class_of(thing: Parked | Actor) -> tuple[str, int, int] | None:
    """KITTI-360's label and numbers of an object; None of one that has no box here."""
    ridden = isinstance(thing, Actor) and thing.moving and thing.category in ("vehicle.bicycle", "vehicle.motorcycle")
    return RIDER if ridden else CLASSES.get(thing.category)


def boxes(found: Sequence[tuple[Parked | Actor, Sequence[Box]]], frames: int) -> str:
    """The file of a sequence's boxes: of what moves one for each frame, of what does not one for all ``frames``."""
    elements: list[str] = []
    counts: dict[int, int] = {}
    for thing, marks in found:
        named = class_of(thing)
        if named is None:
            continue
        counts[named[1]] = instance = counts.get(named[1], 0) + 1
        moving = isinstance(thing, Actor) and thing.moving
        for mark in marks if moving else marks[:1]:
            stamp = mark.frame if moving else STILL
            elements.append(_element(len(elements), named, instance, stamp, mark.world_SE3_box, thing.size_m, frames))
    return '<?xml version="1.0"?>\n<opencv_storage>\n' + "".join(elements) + "</opencv_storage>\n"


def _element(
    index: int, named: tuple[str, int, int], instance: int, stamp: int, pose: Float64, size_m: Float64, frames: int
) -> str:
    label, number, usual = named
    values: dict[str, object] = {
        "index": index, "label": label, "semanticId_orig": usual, "semanticId": number, "instanceId": instance, "category": label,
        "timestamp": stamp, "dynamic": int(stamp != STILL), "start_frame": 0, "end_frame": frames - 1,
    }  # fmt: skip
    transform = pose @ np.diag([*size_m.tolist(), 1.0])
    told = "".join(f"  <{key}>{value}</{key}>\n" for key, value in values.items())
    matrices = "".join(
        _matrix(key, matrix, kind)
        for key, matrix, kind in (("transform", transform, "f"), ("vertices", CORNERS, "f"), ("faces", FACES, "i"))
    )
    return f"<object{index + 1}>\n{told}{matrices}</object{index + 1}>\n"


def _matrix(key: str, matrix: Float64, kind: str) -> str:
    rows, columns = matrix.shape
    data = "\n    ".join(" ".join(f"{number:.12g}" for number in row) for row in matrix.tolist())
    return (
        f'  <{key} type_id="opencv-matrix">\n    <rows>{rows}</rows>\n    <cols>{columns}</cols>\n    <dt>{kind}</dt>\n'
        f"    <data>\n    {data}</data></{key}>\n"
    )
