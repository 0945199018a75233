"""Which returns of a sweep move, told without labels: sweeps of a moment before or after looked through the place they are at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..schemas.scene import SweepPoints
from ..schemas.taxonomy import NO_LABEL
from .kernels.range_image import COLUMNS, NOTHING, ROWS, draw_ranges, look
from .kernels.split import transform
from .object_sightings import Sighting
from .stage import SceneView

Int16 = NDArray[np.int16]
Bool = NDArray[np.bool_]
_CLEAR_M = 2.5
"""Returns nearer to the sensor than this are the vehicle's own, metres."""
_MARGIN_M, _MARGIN_SHARE = 0.3, 0.02
"""How far from a return's place, metres and as a share of its range, another sweep's return says that something stands there."""
_LATE_S = 0.06
"""A sweep this far from the time that is asked for will do, seconds: a little more than half of 10 a second."""
_STEP_NS = 1_000_000_000


@dataclass
class OtherSweeps:
    """Asks sweeps around each sweep what they saw at its returns' places; their images are kept while they are of use."""

    scene: SceneView
    look_s: Sequence[float]
    """How long before and after, seconds."""
    _images: dict[int, NDArray[np.float32]] = field(default_factory=dict[int, NDArray[np.float32]])

    def asked(self, sweep: int) -> list[int]:
        """The sweeps that are asked about one, in order of time: those nearest to each time before and after."""
        times: NDArray[np.int64] = self.scene.tables.timestamps_ns
        away = [round(sign * look * 1e9) for look in self.look_s for sign in (-1, 1)]
        wanted: NDArray[np.int64] = times[sweep] + np.array(away, np.int64)
        right = np.minimum(np.searchsorted(times, wanted), len(times) - 1)
        left = np.maximum(right - 1, 0)
        nearest = np.where(np.abs(times[left] - wanted) <= np.abs(times[right] - wanted), left, right)
        found: list[int] = nearest[np.abs(times[nearest] - wanted) <= round(_LATE_S * 1e9)].tolist()
        return sorted(set(found) - {sweep})

    def ask(self, sweep: int, cloud: SweepPoints) -> tuple[Int16, Int16]:
        """(N,) int16 each: of every return, how many sweeps looked through its place, and how many saw something there."""
        through, there = np.zeros((2, len(cloud.points)), np.int16)
        others = self.asked(sweep)
        self._images = {s: image for s, image in self._images.items() if s >= others[0]} if others else {}
        tables = self.scene.tables
        world_SE3_lidar = tables.world_SE3_lidar(sweep)
        for other in others:
            other_SE3_lidar = np.linalg.inv(tables.world_SE3_lidar(other)) @ world_SE3_lidar
            look(transform(cloud.points, other_SE3_lidar), self._image(other), _MARGIN_M, _MARGIN_SHARE, through, there)
        return through, there

    def _image(self, sweep: int) -> NDArray[np.float32]:
        if sweep not in self._images:
            image = np.full((COLUMNS, ROWS), NOTHING, np.float32)
            draw_ranges(self.scene.sweep(sweep).points.astype(np.float64), _CLEAR_M, image)
            self._images[sweep] = image
        return self._images[sweep]


def moving(cloud: SweepPoints, through: Int16, there: Int16, range_m: float, most_there: float) -> Bool:
    """(N,) bool: returns at whose place sweeps saw nothing, and at most this share of those that could tell saw something."""
    distance = np.linalg.norm(cloud.points, axis=1)
    found: Bool = (
        (through > 0) & (there <= most_there * (through + there)) & (distance > _CLEAR_M) & (distance <= range_m)
    )
    return found if cloud.is_ego is None else found & ~cloud.is_ego


def sureness(track: Sequence[Sighting], times_ns: NDArray[np.int64]) -> float:
    """How sure it is that a track moves, 0 to 1: 1 where labels say so, else the lesser of two shares.

    Of looks at its places, those that saw nothing there; and of the way of its middle, what led on in steps of up to a second:
    the middle of leaves that come and go wanders about.
    """
    if track[0].class_id != NO_LABEL:
        return 1.0
    points = np.array([s.points for s in track])
    empty = float(np.average([s.empty_else for s in track], weights=points))
    middles, times = np.array([s.middle for s in track]), times_ns[[s.sweep for s in track]]
    walked = float(np.linalg.norm(np.diff(middles, axis=0), axis=1).sum())
    steps: NDArray[np.int64] = (times - times[0]) // _STEP_NS
    begun = np.flatnonzero(np.diff(steps, prepend=-1))
    led = np.linalg.norm(np.diff(middles[np.append(begun, len(track) - 1)], axis=0), axis=1).sum()
    return min(empty, float(led) / walked if walked > 0.0 else 0.0)
