"""The pictures of a log whose cameras trigger together, as the LiDAR looks ahead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from .in_order import in_order
from .photograph import photograph, sun_of
from .rig import Camera
from .scenery import Scenery
from .sunlight import standing
from .world import World


def take_pictures(
    world: World,
    cameras: Sequence[Camera],
    scale: float,
    times_s: Sequence[float],
    file_of: Callable[[Camera, int], Path],
    report: Callable[[float], None],
) -> None:
    """Writes what every camera sees at every time; ``file_of`` says where to. ``report`` hears which part is done, 0 to 1."""
    for camera in cameras:
        file_of(camera, 0).parent.mkdir(parents=True)
    scenery = Scenery.of(world)
    sun = sun_of(float(world.street.heading_at(0.0)))

    def take(number: int) -> None:
        poses = scenery.poses(times_s[number])
        light = standing(scenery, poses, sun).moved(scenery, poses)
        for camera in cameras:
            seen = photograph(scenery, light, sun, camera, scale, poses)
            Image.fromarray(seen.image).save(file_of(camera, number), compress_level=1)

    for done, _ in enumerate(in_order(take, len(times_s)), 1):
        report(done / len(times_s))
