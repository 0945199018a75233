"""What KITTI's inertial and satellite navigation unit (OXTS) would measure on the way of the recording car.

The exact inverse of how packets become poses (development kit of the raw data, ``convertOxtsToPose.m``): the street lies on
KITTI's map, Mercator on a sphere at the scale of the first packet's latitude, x to the east and y to the north.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from .meshes import Float64
from .things import pose_at

EARTH_M = 6378137.0
BEGIN = (49.011212, 8.422885, 112.83)
"""Latitude and longitude in degrees, altitude in metres of the first packet: Karlsruhe."""
GRAVITY = 9.80665
STATE = (0.05, 0.01, 4, 10, 4, 4, 0)
"""Accuracies of position in metres and of velocity in m/s, navigation status, satellites, modes of position, velocity, orientation."""
_STEP_S = 0.04
"""Rates are those between places so long before and after: a motion's knots are nearer, and between them it is linear."""


def packets(ego: Float64, ego_SE3_imu: Float64, times_s: Sequence[float]) -> Float64:
    """(N, 30) float64 packets at ``times_s``, their numbers as in KITTI's ``dataformat.txt``.

    ``ego``: (K, 7) knots of ``world_SE3_ego``. Acceleration includes gravity, as the unit's sensors feel it.
    """
    before, now, after = (
        np.stack([pose_at(ego, time + step) for time in times_s]) @ ego_SE3_imu for step in (-_STEP_S, 0.0, _STEP_S)
    )
    turns = Rotation.from_matrix(now[:, :3, :3])
    angles = turns.as_euler("ZYX")
    velocity = (after[:, :3, 3] - before[:, :3, 3]) / (2 * _STEP_S)
    pull = (after[:, :3, 3] - 2 * now[:, :3, 3] + before[:, :3, 3]) / _STEP_S**2 + (0.0, 0.0, GRAVITY)
    spin = Rotation.from_matrix(after[:, :3, :3] @ before[:, :3, :3].transpose(0, 2, 1)).as_rotvec() / (2 * _STEP_S)
    # Level axes: x where the car heads, y to its left, z up.
    level = Rotation.from_euler("z", angles[:, :1]).inv()
    return np.column_stack(
        [
            *_on_the_globe(now[:, :3, 3]),
            angles[:, ::-1],
            velocity[:, 1],
            velocity[:, 0],
            level.apply(velocity),
            turns.inv().apply(pull),
            level.apply(pull),
            turns.inv().apply(spin),
            level.apply(spin),
            np.tile(STATE, (len(now), 1)),
        ]
    )


def line(packet: Float64) -> str:
    """A packet's file: all digits, where KITTI's have fourteen, so that poses read back as they are."""
    counts = len(STATE) - 2
    measured = [repr(value) for value in packet[:-counts].tolist()]
    return " ".join([*measured, *(str(round(value)) for value in packet[-counts:].tolist())]) + "\n"


def _on_the_globe(places: Float64) -> tuple[Float64, Float64, Float64]:
    """Latitudes and longitudes in degrees, altitudes in metres, (N,) each, of places (N, 3), of which the first is the beginning."""
    latitude, longitude, altitude = BEGIN
    scale = np.cos(np.radians(latitude)) * EARTH_M
    east, north, up = (places - places[0]).T
    on_map = np.log(np.tan(np.pi / 4 + np.radians(latitude) / 2)) + north / scale
    found = np.degrees(2 * np.arctan(np.exp(on_map)) - np.pi / 2)
    # Not a digit off where the beginning is: its latitude is the map's scale.
    found[0] = latitude
    return found, longitude + np.degrees(east / scale), altitude + up
