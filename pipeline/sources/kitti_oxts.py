"""Poses of KITTI's raw drives, from what their inertial and satellite navigation unit (OXTS) measured.

The projection is KITTI's own: Mercator on a sphere, at the scale of the first latitude; then yaw, pitch and roll about z, y and x
(development kit of the raw data, ``convertOxtsToPose.m``). ``pykitti`` holds the same ten lines, and any import of it loads pandas,
matplotlib and OpenCV; its reader of drives checks no number, and joins packets, scans and times by their place in a list, which
is wrong from the first missing scan on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from ...schemas.errors import InputError
from .kitti_text import Float64, numbers, read_lines

EARTH_M = 6378137.0
_NUMBERS = 30
_FARTHEST_NORTH = 85.0
"""Degrees: Mercator's map ends there, and no car drives beyond."""


def read_packet(data_root: Path, name: str) -> Float64:
    """(6,) float64: latitude and longitude in degrees, altitude in metres, roll, pitch and yaw. Raises InputError."""
    lines = [line for line in read_lines(data_root, name) if line.strip()]
    if len(lines) != 1:
        raise _unusable(name, f"{len(lines)} lines", "one")
    packet = numbers(lines[0], name, 1)
    if packet.size != _NUMBERS:
        raise _unusable(name, f"{packet.size} numbers", f"{_NUMBERS}")
    if abs(packet[0]) > _FARTHEST_NORTH or abs(packet[1]) > 180:
        raise _unusable(name, f"latitude {packet[0]:g}, longitude {packet[1]:g}", "degrees on a map")
    return packet[:6]


def poses(packets: Float64) -> Float64:
    """``world_SE3_imu`` (N, 4, 4) float64 of packets (N, 6): x east, y north, z up, the first at the origin."""
    latitude, longitude, altitude, roll, pitch, yaw = packets.T
    scale = np.cos(np.radians(latitude[0])) * EARTH_M
    places = np.stack(
        [
            scale * np.radians(longitude),
            scale * np.log(np.tan(np.pi / 4 + np.radians(latitude) / 2)),
            altitude,
        ],
        axis=1,
    )
    found = np.tile(np.eye(4), (len(packets), 1, 1))
    found[:, :3, :3] = Rotation.from_euler("ZYX", np.stack([yaw, pitch, roll], axis=1)).as_matrix()
    found[:, :3, 3] = places - places[0]
    return found


def _unusable(name: str, found: str, expected: str) -> InputError:
    fix = "download the file again"
    return InputError("file holds no packet of a pose", file=name, found=found, expected=expected, fix=fix)
