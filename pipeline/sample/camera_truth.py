"""Reads the exact truth of a simulated log's pictures: per pixel its class, its depth and whose it is.

Below ``truth/<scene>/cameras/``: ``instances.json``, and per channel ``<sample token>.label.png`` (uint8 class id of the
store's taxonomy), ``.depth.png`` (uint16, metres along the axis times 256 as in KITTI's depth maps, 0 for the sky) and
``.instance.png`` (uint16 ids, 0 for the street and the sky). A pixel's truth is that of its middle: pixel (i, j) covers
[i, i + 1) x [j, j + 1) of the image plane, so a projected point (u, v) lies in row floor(v), column floor(u).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...schemas.errors import InputError

CAMERAS_FOLDER = "cameras"
INSTANCES_FILE = "instances.json"
KINDS = ("label", "depth", "instance")
DEPTH_STEPS_PER_M = 256


def truth_file(channel: str, sample_token: str, kind: str) -> str:
    """Path of one of :data:`KINDS` below a scene's cameras."""
    return f"{channel}/{sample_token}.{kind}.png"


@dataclass(frozen=True)
class CameraFrame:
    """What is true of a picture. All arrays (H, W)."""

    labels: NDArray[np.uint8]
    """uint8: class id; 255 for the sky."""
    depth_m: NDArray[np.float32]
    """float32: metres along the camera's axis, to 1/512; 0 for the sky and beyond 250 m."""
    instances: NDArray[np.uint16]
    """uint16: id of an :class:`Instance`; 0 for the street and the sky."""


@dataclass(frozen=True)
class Instance:
    """An object that pictures may show."""

    id: int
    name: str
    category: str
    """Of nuScenes."""
    instance_token: str | None
    """In the log's tables; None for what the LiDAR never hit, which has no boxes."""


class CameraTruth:
    """The truth of a simulated log's pictures."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / "truth"

    @classmethod
    def open(cls, directory: Path) -> CameraTruth:
        """The truth of the log in a folder. Raises InputError if its pictures have none."""
        if not any(directory.glob(f"truth/*/{CAMERAS_FOLDER}/{INSTANCES_FILE}")):
            raise InputError(
                "no truth of camera images here",
                file=str(directory),
                found=f"no truth/*/{CAMERAS_FOLDER}/{INSTANCES_FILE}",
                expected="a folder made by `occ-pipeline sample` with cameras",
                fix="make the log without --no-cameras",
            )
        return cls(directory)

    def frame(self, scene: str, sample_token: str, channel: str) -> CameraFrame:
        """The truth of a key frame's picture. Raises InputError if there is none or it cannot be read."""
        labels, depth, instances = (self._image(scene, truth_file(channel, sample_token, kind)) for kind in KINDS)
        return CameraFrame(
            labels.astype(np.uint8),
            depth.astype(np.float32) / np.float32(DEPTH_STEPS_PER_M),
            instances.astype(np.uint16),
        )

    def instances(self, scene: str) -> dict[int, Instance]:
        """All objects of a scene by id. Raises InputError if the table cannot be read."""
        path = self._folder / scene / CAMERAS_FOLDER / INSTANCES_FILE
        try:
            rows = json.loads(path.read_text())
            return {row["id"]: Instance(**row) for row in rows}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise _unreadable(scene, path, error) from error

    def _image(self, scene: str, name: str) -> NDArray[np.uint16]:
        path = self._folder / scene / CAMERAS_FOLDER / name
        try:
            with Image.open(path) as image:
                return np.asarray(image).astype(np.uint16)
        except (OSError, ValueError) as error:
            raise _unreadable(scene, path, error) from error


def _unreadable(scene: str, path: Path, error: Exception) -> InputError:
    return InputError(
        "the truth of camera images cannot be read",
        scene=scene,
        file=str(path),
        found=str(error),
        fix="check the names of scene, key frame and channel, or make the sample log again",
    )
