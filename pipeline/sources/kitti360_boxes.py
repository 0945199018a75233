"""Annotated boxes of KITTI-360, as OpenCV wrote them. The file comes from a stranger: entities and links in its XML are refused unread.

A box is eight corners and a transform that scales, turns and moves them into the world; x points where an object heads, z up
(kitti360scripts, ``helpers/annotation.py``). One that stands still has one box for all of its window of frames, time stamp -1, one
that moves has a box for each frame, whose number is the time stamp. Which class an object is of is told by KITTI-360's internal
number, and the object by its number among those of the class.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...schemas.errors import InputError
from .files import DataRoot
from .kitti_text import Float64, orthonormal

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_LARGEST_FILE = 512 << 20
"""Bytes: of some two hundred thousand boxes."""
_LARGEST_M = 100.0
_SKEW = 1e-3
"""How far a box's axes may be from right angles: files hold six to eight digits."""
OBJECTS: Mapping[int, str] = {
    13: "car", 14: "truck", 15: "trailer", 16: "caravan", 17: "motorcycle", 18: "bicycle", 19: "person", 20: "rider",
    33: "train", 34: "bus", 36: "unknown vehicle",
}  # fmt: skip
"""Internal numbers (``kittiId`` of ``helpers/labels.py``) of what moves, or could; all else that has boxes is built or grown."""
STILL = -1
"""Time stamp of a box that stands for all frames of its window."""


@dataclass(frozen=True)
class Box360:
    """An object in one frame, or standing still in many."""

    category: str
    """KITTI-360's name of the class."""
    instance: int
    frame: int
    """Number of the frame, or :data:`STILL`."""
    window: tuple[int, int]
    """First and last frame of what was annotated together."""
    world_SE3_box: Float64
    """(4, 4) float64: centre and orientation; x along the length."""
    size_m: tuple[float, float, float]
    """Length, width, height."""


def read_boxes(data_root: Path, name: str) -> list[Box360]:
    """Boxes of :data:`OBJECTS` in the file's order; none without a file. Raises InputError."""
    size = DataRoot(data_root).size(name)
    if size is None:
        return []
    if size > _LARGEST_FILE:
        raise _unusable(name, f"{size} bytes", f"at most {_LARGEST_FILE}")
    return [
        _box(element, name) for element in _elements(data_root, name) if _whole(element, "semanticId", name) in OBJECTS
    ]


def _elements(data_root: Path, name: str) -> Iterator[Element]:
    """Elements that have a transform, one after the other: files are too large for memory."""
    from xml.etree.ElementTree import ParseError

    from defusedxml.ElementTree import iterparse  # pyright: ignore[reportUnknownVariableType]

    try:
        with DataRoot(data_root).resolve(name).open("rb") as file:
            for _, element in iterparse(file, forbid_dtd=True, forbid_entities=True, forbid_external=True):
                if element.find("transform") is not None:
                    yield element
                    element.clear()
    except (ParseError, ValueError, LookupError, OSError) as error:
        found = str(error).partition("\n")[0][:100]
        raise _unusable(name, found, "XML without document types and entities") from error


def _box(element: Element, name: str) -> Box360:
    where = ascii(element.tag)
    transform = _matrix(element, "transform", name)
    corners = _matrix(element, "vertices", name)
    if transform.shape != (4, 4) or corners.ndim != 2 or corners.shape[1] != 3 or len(corners) < 8:
        found = f"a transform of {transform.shape} and vertices of {corners.shape} in {where}"
        raise _unusable(name, found, "(4, 4), and (8, 3)")
    scale = np.linalg.norm(transform[:3, :3], axis=0)
    sides = scale * np.ptp(corners, axis=0)
    if not ((sides > 0) & (sides <= _LARGEST_M)).all():
        found = f"{where} of {' x '.join(f'{side:g}' for side in sides)} m"
        raise _unusable(name, found, f"sides up to {_LARGEST_M:g} m")
    axes = transform[:3, :3] / scale
    if np.abs(axes.T @ axes - np.eye(3)).max() > _SKEW or np.linalg.det(axes) < 0:
        raise _unusable(name, f"{where} is sheared or mirrored", "a cuboid")
    pose = np.eye(4)
    pose[:3, :3] = orthonormal(axes)
    pose[:3, 3] = transform[:3, :3] @ (corners.max(axis=0) + corners.min(axis=0)) / 2 + transform[:3, 3]
    length, width, height = sides.tolist()
    return Box360(
        OBJECTS[_whole(element, "semanticId", name)], _whole(element, "instanceId", name), _whole(element, "timestamp", name),
        (_whole(element, "start_frame", name), _whole(element, "end_frame", name)), pose, (length, width, height),
    )  # fmt: skip


def _matrix(element: Element, key: str, name: str) -> Float64:
    """An OpenCV matrix, of any shape."""
    node = element.find(key)
    words = "" if node is None else node.findtext("data", "")
    try:
        values = np.array([float(word) for word in words.split()])
        shape = (0, 0) if node is None else (int(node.findtext("rows", "")), int(node.findtext("cols", "")))
        found = values.reshape(shape)
    except ValueError as error:
        raise _unusable(
            name, f"{key} of {element.tag!a}: {str(error)[:60]}", "rows, cols and as many numbers"
        ) from error
    if not np.isfinite(found).all() or min(shape) < 0:
        raise _unusable(name, f"{key} of {element.tag!a} with a number that is not finite", "finite numbers")
    return found


def _whole(element: Element, key: str, name: str) -> int:
    text = element.findtext(key, "")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value.is_integer():
        raise _unusable(name, f"{key} {text[:20]!a} in {element.tag!a}", "a whole number")
    return int(value)


def _unusable(name: str, found: str, expected: str) -> InputError:
    fix = "download the file again, or take it away to do without boxes"
    return InputError("boxes cannot be used", file=name, found=found, expected=expected, fix=fix)
