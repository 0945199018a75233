"""What a network is given of a key frame: points, encoded images, calibration and poses, as the log has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from .cameras import NO_IMAGE
from .product import Array, Product, array
from .validity import AtLeast, Finite, NanWhere, Offsets, Pinholes, Poses

_NAN = float("nan")
POINT_ROWS = 8_192
"""Rows of a chunk of points: a frame of 34,000 points reads few that are not its own."""
IMAGE_ROWS = 262_144
"""Bytes of a chunk of images: about a JPEG of 1.4 megapixels."""
INTENSITY_MOST: Mapping[str, float] = MappingProxyType({"nuscenes": 255.0})
"""Where a dataset's scale of intensity ends; others end at 1."""


@dataclass(frozen=True, kw_only=True)
class SensorFrames(Product):
    """Sensor data of a scene's K key frames, copied from the log, so that the store alone can train.

    Points are in the key frame's own LiDAR frame. None is left out but those without usable coordinates: the ego vehicle's own
    returns are there where the log has them. Poses are those that voxel labels are made with: refined where they are.
    Cameras are in the order and under the rules of :class:`CameraTables`: absent is a time stamp of -1, an image that this copy
    of the log lacks has no bytes.
    """

    name: ClassVar[str] = "sensor_frames"

    points: Array = array("point", "xyz", dtype="float32", fill=_NAN, valid=[Finite()], rows=POINT_ROWS, xyz=3)
    """(N, 3) float32, metres, LiDAR frame of the key frame; key frame after key frame, sweep after sweep."""
    intensity: Array = array("point", dtype="float32", fill=_NAN, valid=[Finite()], rows=POINT_ROWS)
    """(N,) float32: strength of the return on the log's own scale, up to ``intensity_most``; 0 where the log has none."""
    time_s: Array = array("point", dtype="float32", fill=_NAN, valid=[Finite()], rows=POINT_ROWS)
    """(N,) float32: seconds from the key frame to the point's sweep, 0 or less."""
    point_offsets: Array = array("frame_bound", dtype="int64", fill=-1, valid=[Offsets("point")])
    """(K + 1,) int64: rows of each key frame."""
    image_bytes: Array = array("byte", dtype="uint8", fill=0, rows=IMAGE_ROWS)
    """(M,) uint8: files of the images, JPEG or PNG; key frame after key frame, camera after camera."""
    image_offsets: Array = array("image_bound", dtype="int64", fill=-1, valid=[Offsets("byte")])
    """(K C + 1,) int64: bytes of camera c's image in key frame k are those of row k C + c."""
    timestamps_ns: Array = array("frame", dtype="int64", fill=-1, valid=[AtLeast(0)])
    """(K,) int64: time of each key frame's sweep."""
    world_SE3_ego: Array = array("frame", "row", "column", dtype="float64", fill=_NAN, valid=[Poses()], row=4, column=4)
    """(K, 4, 4) float64: ego pose at that time."""
    ego_SE3_lidar: Array = array("frame", "row", "column", dtype="float64", fill=_NAN, valid=[Poses()], row=4, column=4)
    """(K, 4, 4) float64: the LiDAR's mounting."""
    camera_timestamps_ns: Array = array("frame", "camera", dtype="int64", fill=NO_IMAGE, valid=[AtLeast(NO_IMAGE)])
    """(K, C) int64: time of each image, -1 where absent."""
    camera_world_SE3_ego: Array = array(
        "frame", "camera", "row", "column", dtype="float64", fill=_NAN,
        valid=[Poses(absent=True), NanWhere("camera_timestamps_ns", NO_IMAGE)], row=4, column=4,
    )  # fmt: skip
    """(K, C, 4, 4) float64: ego pose at the image's own time, NaN where absent."""
    ego_SE3_camera: Array = array(
        "frame", "camera", "row", "column", dtype="float64", fill=_NAN,
        valid=[Poses(absent=True), NanWhere("camera_timestamps_ns", NO_IMAGE)], row=4, column=4,
    )  # fmt: skip
    """(K, C, 4, 4) float64: the camera's mounting, NaN where absent."""
    intrinsics: Array = array(
        "frame", "camera", "uvw", "xyz", dtype="float64", fill=_NAN,
        valid=[Pinholes(), NanWhere("camera_timestamps_ns", NO_IMAGE)], uvw=3, xyz=3,
    )  # fmt: skip
    """(K, C, 3, 3) float64, pixels: camera coordinates to pixels times depth, NaN where absent."""

    intensity_most: float
    """Where the log's scale of intensity ends; 0 where it has none."""
    cameras: list[str]
    """(C) the dataset's own name of each camera."""
    image_sizes: list[list[int]]
    """(C pairs) width and height in pixels."""
    frame_tokens: list[str]
    """(K) the dataset's own name of each key frame."""

    def __post_init__(self) -> None:
        super().__post_init__()
        frames, cameras = self.camera_timestamps_ns.shape
        for name, found, want in (
            ("rows of point_offsets", self.point_offsets.shape[0], frames + 1),
            ("rows of image_offsets", self.image_offsets.shape[0], frames * cameras + 1),
            ("frame_tokens", len(self.frame_tokens), frames),
            ("cameras", len(self.cameras), cameras),
            ("image_sizes", len(self.image_sizes), cameras),
        ):
            if found != want:
                raise ValueError(
                    f"{self.name}: {found} {name} for {frames} key frames of {cameras} cameras, not {want}"
                )
        for bounds, rows in ((self.point_offsets, self.points), (self.image_offsets, self.image_bytes)):
            if bounds[0] != 0 or bounds[-1] != rows.shape[0] or np.any(np.diff(bounds) < 0):
                raise ValueError(f"{self.name}: offsets must rise from 0 to {rows.shape[0]}")
