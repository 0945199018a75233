"""Which rows of nuScenes' sample_data are the LiDAR's and which are cameras': of a dozen sensors' rows, few are worth keeping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from .nuscenes_tables import LIDAR, RawRow, text_of

Kind = Literal["lidar", "camera", "other"]
_IMAGE_FORMATS = ("jpg", "jpeg", "png")


def row_kinds(sensors: Sequence[RawRow], calibrations: Sequence[RawRow]) -> Callable[[RawRow], Kind]:
    """Tells the kind of a row of sample_data by its calibration; where that points nowhere, an image's is a camera's.

    A row that may be the LiDAR's counts as such, so that one that is broken is noticed.
    """
    of_sensor: dict[str, Kind] = {row["token"]: _kind(row) for row in sensors}
    of_mounting: dict[str, Kind | None] = {
        row["token"]: of_sensor.get(text_of(row, "sensor_token")) for row in calibrations
    }

    def kind(row: RawRow) -> Kind:
        known = of_mounting.get(text_of(row, "calibrated_sensor_token"))
        if known is None:
            return "camera" if text_of(row, "fileformat") in _IMAGE_FORMATS else "lidar"
        return known

    return kind


def _kind(sensor: RawRow) -> Kind:
    if sensor.get("channel") == LIDAR:
        return "lidar"
    # Of no known kind: a camera, whose rows are judged one by one.
    return "other" if sensor.get("modality") in ("lidar", "radar") else "camera"
