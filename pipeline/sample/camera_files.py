"""The files and table rows of a scene's cameras: pictures in the log, their exact truth beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .camera_truth import CAMERAS_FOLDER, DEPTH_STEPS_PER_M, INSTANCES_FILE, KINDS, truth_file
from .in_order import in_order
from .photograph import Photograph, photograph, sun_of
from .rig import CAMERAS, Camera, image_size
from .scenery import Scenery
from .sunlight import standing
from .tables import Row, chain, quaternion, token
from .things import pose_at
from .world import World

QUALITY = 90


@dataclass(frozen=True)
class Shoot:
    """When, where to and under which names the pictures of a scene are taken."""

    root: Path
    world: World
    scale: float
    log: str
    """Name of the log, which files begin with."""
    key: str
    """What tokens are made of."""
    start_us: int
    """Time stamp of the scene's time 0."""
    samples: tuple[str, ...]
    """Tokens of the key frames."""
    stamps_us: tuple[int, ...]
    """Of the key frames' sweeps."""

    def picture(self, camera: Camera, stamp_us: int) -> str:
        """A picture's path in the log."""
        return f"samples/{camera.channel}/{self.log}__{camera.channel}__{stamp_us}.jpg"


def shoot(plan: Shoot, rows: dict[str, list[Row]], instances: dict[str, str], report: Callable[[float], None]) -> None:
    """Takes, writes and lists all pictures. ``instances``: tokens by name, of those objects that are annotated."""
    truth = plan.root / "truth" / plan.world.name / CAMERAS_FOLDER
    for camera in CAMERAS:
        (truth / camera.channel).mkdir(parents=True)
    scenery = Scenery.of(plan.world)
    table = [
        {"id": number, "name": thing.name, "category": thing.category, "instance_token": instances.get(thing.name)}
        for number, thing in enumerate(scenery.things, 1)
    ]
    (truth / INSTANCES_FILE).write_text("[\n" + ",\n".join(json.dumps(row) for row in table) + "\n]\n")
    # A full key frame in work takes some 150 MB.
    for done, _ in enumerate(in_order(lambda number: _frame(plan, scenery, truth, number), len(plan.samples)), 1):
        report(done / len(plan.samples))
    for camera in CAMERAS:
        _rows(plan, camera, rows)


def _frame(plan: Shoot, scenery: Scenery, truth: Path, frame: int) -> None:
    """The six pictures of a key frame, each with everything where it is when that camera triggers."""
    sun = sun_of(float(plan.world.street.heading_at(0.0)))
    stamp = plan.stamps_us[frame]
    light = standing(scenery, scenery.poses((stamp - plan.start_us) / 1e6), sun)
    for camera in CAMERAS:
        taken = camera.stamp_us(stamp)
        poses = scenery.poses((taken - plan.start_us) / 1e6)
        seen = photograph(scenery, light.moved(scenery, poses), sun, camera, plan.scale, poses)
        Image.fromarray(seen.image).save(plan.root / plan.picture(camera, taken), quality=QUALITY)
        _write_truth(truth, camera.channel, plan.samples[frame], seen)


def _write_truth(folder: Path, channel: str, sample: str, seen: Photograph) -> None:
    depth = np.round(seen.depth_m * DEPTH_STEPS_PER_M).astype(np.uint16)
    for kind, values in zip(KINDS, (seen.labels, depth, seen.instances), strict=True):
        Image.fromarray(values).save(folder / truth_file(channel, sample, kind), compress_level=1)


def _rows(plan: Shoot, camera: Camera, rows: dict[str, list[Row]]) -> None:
    """A camera's calibration, and its pictures with the car's pose at each."""
    width, height = image_size(plan.scale)
    mount = token("calibrated_sensor", plan.key, camera.channel)
    rows["calibrated_sensor"].append(
        {
            "token": mount,
            "sensor_token": token("sensor", camera.channel),
            "translation": list(camera.translation),
            "rotation": list(camera.rotation),
            "camera_intrinsic": camera.intrinsic(plan.scale).tolist(),
        }
    )
    data: list[Row] = []
    for sample, sweep_us in zip(plan.samples, plan.stamps_us, strict=True):
        stamp = camera.stamp_us(sweep_us)
        key = token("sample_data", plan.key, camera.channel, str(stamp))
        pose = pose_at(plan.world.ego, (stamp - plan.start_us) / 1e6)
        rows["ego_pose"].append(
            {"token": key, "timestamp": stamp, "rotation": quaternion(pose), "translation": pose[:3, 3].tolist()}
        )
        data.append(
            {
                "token": key,
                "sample_token": sample,
                "ego_pose_token": key,
                "calibrated_sensor_token": mount,
                "timestamp": stamp,
                "fileformat": "jpg",
                "is_key_frame": True,
                "height": height,
                "width": width,
                "filename": plan.picture(camera, stamp),
                "prev": "",
                "next": "",
            }
        )
    chain(data)
    rows["sample_data"] += data
