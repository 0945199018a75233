"""One image of a nuScenes camera: its row of sample_data, checked, and the pose and calibration it points at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ...schemas.cameras import MAX_SIDE
from ...schemas.errors import InputError
from ...schemas.frames import Float64
from ...schemas.validity import is_pinhole
from .files import check_name
from .nuscenes_tables import NS_PER_US, SAFE_NAME, Row, rigid_transforms

if TYPE_CHECKING:
    from .nuscenes_devkit import Devkit

Size = tuple[int, int]
"""Width and height, pixels."""
_MAX_INTRINSIC = 1e7
"""Pixels: the focal length of no camera."""


@dataclass(frozen=True)
class Mounting:
    """A row of calibrated_sensor."""

    camera: str
    ego_SE3_camera: Float64
    """(4, 4) float64."""
    intrinsics: Float64
    """(3, 3) float64, pixels."""


@dataclass(frozen=True)
class Image:
    """A camera's key frame."""

    row: Row
    timestamp_ns: int
    world_SE3_ego: Float64
    """(4, 4) float64: at the image's own time."""
    mounting: Mounting
    file: str
    """Relative to the data root."""
    size: Size


class ImageReader:
    """Reads images of one scene; a calibration is read once."""

    def __init__(self, devkit: Devkit) -> None:
        self._devkit = devkit
        self._mountings: dict[str, Mounting] = {}

    def read(self, rows: Sequence[Row]) -> Image:
        """The image of the rows that share a token. Raises InputError naming table and row for what is not usable."""
        row = rows[0]
        if any(other.values != row.values for other in rows):
            raise row.error("shares its token with a different row", found=f"{len(rows)} rows", expected="one")
        if row.values.get("is_key_frame") is not True:
            found = ascii(row.values.get("is_key_frame"))[:60]
            raise row.error("is_key_frame is not usable", found=found, expected="bool")
        pose = self._devkit.row("ego_pose", row.text("ego_pose_token"), row, "ego_pose_token")
        return Image(
            row=row,
            timestamp_ns=row.integer("timestamp") * NS_PER_US,
            world_SE3_ego=rigid_transforms([pose], [""])[0],
            mounting=self._mounting(row),
            file=_file(row),
            size=_size(row),
        )

    def _mounting(self, image: Row) -> Mounting:
        token = image.text("calibrated_sensor_token")
        if token not in self._mountings:
            row = self._devkit.row("calibrated_sensor", token, image, "calibrated_sensor_token")
            sensor = self._devkit.row("sensor", row.text("sensor_token"), row, "sensor_token")
            name = sensor.text("channel")
            if not SAFE_NAME.fullmatch(name):
                raise sensor.error(
                    "camera's name is not usable", found=ascii(name)[:60], expected="CAM_FRONT or the like"
                )
            self._mountings[token] = Mounting(name, rigid_transforms([row], [""])[0], _intrinsics(row))
        return self._mountings[token]


def _intrinsics(row: Row) -> Float64:
    """(3, 3) float64, pixels. Raises InputError for what is no pinhole camera's."""
    value: object = row.values.get("camera_intrinsic")
    lines = cast("list[object]", value) if isinstance(value, list) else []
    if [_numbers(line) for line in lines] == [3, 3, 3]:
        matrix = np.array(lines, dtype=np.float64)
        if is_pinhole(matrix):
            return matrix
    expected = "3 rows of 3 numbers, upper triangular, focal lengths above 0, and 0 0 1 below"
    raise row.error(
        "camera_intrinsic is not a pinhole camera's",
        found=ascii(row.values.get("camera_intrinsic"))[:120],
        expected=expected,
    )


def _numbers(line: object) -> int:
    """How many finite numbers a list holds; -1 where it is none, or holds something else."""
    if not isinstance(line, list):
        return -1
    items = cast("list[Any]", line)
    # Comparisons with NaN are false.
    return len(items) if all(type(item) in (int, float) and abs(item) <= _MAX_INTRINSIC for item in items) else -1


def _file(row: Row) -> str:
    name = row.text("filename")
    try:
        check_name(name)
    except InputError as error:
        raise row.error(error.what, found=ascii(name)[:80], expected=error.expected, fix=f"{error.fix}") from error
    return name


def _size(row: Row) -> Size:
    width, height = row.integer("width"), row.integer("height")
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        found = f"width {width}, height {height}"
        raise row.error("image cannot have this size", found=found, expected=f"1 to {MAX_SIDE} pixels each")
    return width, height
