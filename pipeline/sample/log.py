"""Writes a whole simulated log, all of it or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from .draft import drafted, refuse_unfit
from .maps import write_map
from .rig import CAMERAS, image_size
from .simulate import simulate
from .tables import VERSION, fixed, sensor, write_tables
from .world import make_world

MARKER = "SIMULATED.json"
SIMULATOR = "occ-pipeline street 1"
"""Raised when the same seed gives other bytes."""
Progress = Callable[[str, float], None]


def write_nuscenes_sample(
    out: Path,
    *,
    scenes: int = 1,
    seconds: float = 20.0,
    seed: int = 0,
    image_scale: float | None = None,
    progress: Progress | None = None,
) -> None:
    """Simulates a street and writes it as a nuScenes v1.0 log with its exact truth, in a new folder.

    The same seed gives the same bytes; a scene does not depend on how many there are. ``image_scale``: six cameras whose
    images are this fraction of 1600 x 900 pixels, None for no cameras, which changes nothing else. ``progress`` hears each
    scene's name and how much of it is done, 0 to 1. Raises UsageError if the numbers make no sense or the folder is in use,
    StorageError if it cannot be written.
    """
    refuse_unfit(out, scenes, seconds, seed)
    if image_scale is not None:
        image_size(image_scale)
    with drafted(out) as root:
        _write(root, scenes, seconds, seed, image_scale, progress or silent)


def silent(scene: str, done: float) -> None:
    """Tells nobody how far it is."""
    del scene, done


def _write(root: Path, scenes: int, seconds: float, seed: int, image_scale: float | None, progress: Progress) -> None:
    for folder in ("samples/LIDAR_TOP", "sweeps/LIDAR_TOP", f"lidarseg/{VERSION}", "maps", "truth"):
        (root / folder).mkdir(parents=True)
    rows = fixed()
    if image_scale is not None:
        for camera in CAMERAS:
            (root / "samples" / camera.channel).mkdir()
            rows["sensor"].append(sensor(camera.channel, "camera"))
    for number in range(1, scenes + 1):
        world = make_world(seed, number, seconds)

        def report(done: float, name: str = world.name) -> None:
            progress(name, done)

        report(0.0)
        simulate(world, seed, root, rows, report, image_scale)
        write_map(root / rows["map"][-1]["filename"], world.street, world.ground)
    write_tables(root / VERSION, rows)
    marker: dict[str, object] = {"simulator": SIMULATOR, "seed": seed, "scenes": scenes, "seconds": seconds}
    if image_scale is not None:
        width, height = image_size(image_scale)
        marker["cameras"] = {
            "channels": [camera.channel for camera in CAMERAS],
            "image_scale": image_scale,
            "width": width,
            "height": height,
            "intrinsics": "calibrated_sensor holds those of 1600 x 900 times image_scale; pixel (i, j) covers [i, i + 1) x [j, j + 1)",
            "truth": "truth/<scene>/cameras/<channel>/<sample token>.{label,depth,instance}.png; depth is metres along the axis x 256",
        }
    (root / MARKER).write_text(json.dumps(marker, indent=2) + "\n")
