"""Simulates one scene: its sweeps in files, its table rows, its truth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from .annotate import Annotator
from .camera_files import Shoot, shoot
from .labels import CLASS_IDS
from .lidar import Lidar
from .meshes import merge
from .scanner import HDL_32E
from .sweeps import turns
from .tables import VERSION, Row, attribute_of, calibration, chain, quaternion, token
from .things import Actor, pose_at
from .truth_files import TruthWriter
from .world import World

FRAME_SWEEPS = 10
"""Sweeps from one key frame to the next."""
EPOCH_US = 1_533_000_000_000_000
SCENE_US = 1_000_000_000
VEHICLE = "n000"
PERIOD_S = HDL_32E.period_s


def simulate(
    world: World,
    seed: int,
    root: Path,
    rows: dict[str, list[Row]],
    report: Callable[[float], None],
    image_scale: float | None,
) -> None:
    """Writes a scene's sweeps, pictures and truth below ``root`` and adds its rows to the tables.

    ``image_scale``: of the pictures against 1600 x 900, None for no pictures.
    """
    share = 1.0 if image_scale is None else 0.5
    lidar = Lidar.on(world, HDL_32E)
    sweeps = round(world.seconds / PERIOD_S) + 1
    names = _Names(world.name, seed)
    truth = TruthWriter(root / "truth" / world.name, world, CLASS_IDS[merge(world.meshes).labels])
    annotator = Annotator(lidar, FRAME_SWEEPS)
    for number, turn in enumerate(turns(lidar, seed, sweeps)):
        is_key = number % FRAME_SWEEPS == 0
        path = root / names.points_file(number, is_key=is_key)
        turn.points.tofile(path)
        truth.add(turn, last=(is_key and number > 0) or number == sweeps - 1)
        if is_key:
            turn.labels.tofile(root / names.labels_file(number))
            pose = pose_at(world.ego, number * PERIOD_S) @ HDL_32E.ego_SE3_lidar
            annotator.add(turn.points[:, :3].astype(np.float64) @ pose[:3, :3].T + pose[:3, 3])
        report(share * (number + 1) / sweeps)
    tokens = _sweep_rows(world, names, sweeps, rows)
    instances = _annotation_rows(annotator, names, tokens, rows)
    times = [k * FRAME_SWEEPS * PERIOD_S for k in range(len(tokens))]
    truth.finish(tokens, annotator.moments, times, HDL_32E.ego_SE3_lidar)
    if image_scale is not None:
        stamps = tuple(names.stamp(k * FRAME_SWEEPS) for k in range(len(tokens)))
        plan = Shoot(root, world, image_scale, names.log, names.key, names.start_us, tuple(tokens), stamps)
        shoot(plan, rows, instances, lambda done: report(share + (1 - share) * done))


class _Names:
    """File names, tokens and time stamps of a scene."""

    def __init__(self, scene: str, seed: int) -> None:
        self.scene, self.key = scene, f"{seed}/{scene}"
        self.start_us = EPOCH_US + int(scene.rsplit("-", 1)[1]) * SCENE_US
        self.log = f"{VEHICLE}-{datetime.fromtimestamp(self.start_us // 1_000_000, UTC):%Y-%m-%d-%H-%M-%S}+0000"

    def stamp(self, sweep: int) -> int:
        return self.start_us + sweep * round(PERIOD_S * 1e6)

    def token(self, table: str, *names: str | int) -> str:
        return token(table, self.key, *map(str, names))

    def points_file(self, sweep: int, *, is_key: bool) -> str:
        return f"{'samples' if is_key else 'sweeps'}/LIDAR_TOP/{self.log}__LIDAR_TOP__{self.stamp(sweep)}.pcd.bin"

    def labels_file(self, sweep: int) -> str:
        return f"lidarseg/{VERSION}/{self.token('sample_data', sweep)}_lidarseg.bin"


def _sweep_rows(world: World, names: _Names, sweeps: int, rows: dict[str, list[Row]]) -> list[str]:
    """Rows of the log, scene, samples and sweeps; returns the samples' tokens in order."""
    frames = (sweeps - 1) // FRAME_SWEEPS + 1
    samples = [names.token("sample", frame) for frame in range(frames)]
    mount = calibration(names.key)
    rows["calibrated_sensor"].append(mount)
    rows["log"].append(
        {
            "token": names.token("log"),
            "logfile": names.log,
            "vehicle": VEHICLE,
            "date_captured": names.log[5:15],
            "location": "simulated",
        }
    )
    rows["map"].append(
        {
            "token": names.token("map"),
            "log_tokens": [names.token("log")],
            "category": "semantic_prior",
            "filename": f"maps/{names.token('map')}.png",
        }
    )
    rows["scene"].append(
        {
            "token": names.token("scene"),
            "log_token": names.token("log"),
            "nbr_samples": frames,
            "first_sample_token": samples[0],
            "last_sample_token": samples[-1],
            "name": names.scene,
            "description": "Simulated street: parked and moving traffic, people on foot, road works",
        }
    )
    sample_rows: list[Row] = [
        {
            "token": samples[k],
            "timestamp": names.stamp(k * FRAME_SWEEPS),
            "prev": "",
            "next": "",
            "scene_token": names.token("scene"),
        }
        for k in range(frames)
    ]
    data: list[Row] = []
    for sweep in range(sweeps):
        pose, is_key = pose_at(world.ego, sweep * PERIOD_S), sweep % FRAME_SWEEPS == 0
        key, stamp = names.token("sample_data", sweep), names.stamp(sweep)
        rows["ego_pose"].append(
            {"token": key, "timestamp": stamp, "rotation": quaternion(pose), "translation": pose[:3, 3].tolist()}
        )
        data.append(
            {
                "token": key,
                # A sweep belongs to the key frame it leads up to; what comes after the last one, to that.
                "sample_token": samples[min(-(-sweep // FRAME_SWEEPS), frames - 1)],
                "ego_pose_token": key,
                "calibrated_sensor_token": mount["token"],
                "timestamp": stamp,
                "fileformat": "pcd",
                "is_key_frame": is_key,
                "height": 0,
                "width": 0,
                "filename": names.points_file(sweep, is_key=is_key),
                "prev": "",
                "next": "",
            }
        )
        if is_key:
            rows["lidarseg"].append({"token": key, "sample_data_token": key, "filename": names.labels_file(sweep)})
    chain(sample_rows)
    chain(data)
    rows["sample"] += sample_rows
    rows["sample_data"] += data
    return samples


def _annotation_rows(
    annotator: Annotator, names: _Names, samples: list[str], rows: dict[str, list[Row]]
) -> dict[str, str]:
    """Rows of instances and boxes; returns the instances' tokens by the objects' names."""
    tokens: dict[str, str] = {}
    for thing, found in annotator.boxes():
        moving = isinstance(thing, Actor) and thing.moving
        marks: list[Row] = [
            {
                "token": names.token("annotation", thing.name, box.frame),
                "sample_token": samples[box.frame],
                "instance_token": names.token("instance", thing.name),
                "visibility_token": box.visibility,
                "attribute_tokens": attribute_of(thing.category, moving=moving),
                "translation": box.world_SE3_box[:3, 3].tolist(),
                "size": thing.size_m[[1, 0, 2]].tolist(),
                "rotation": quaternion(box.world_SE3_box),
                "prev": "",
                "next": "",
                "num_lidar_pts": box.points,
                "num_radar_pts": 0,
            }
            for box in found
        ]
        chain(marks)
        rows["sample_annotation"] += marks
        tokens[thing.name] = names.token("instance", thing.name)
        rows["instance"].append(
            {
                "token": tokens[thing.name],
                "category_token": token("category", thing.category),
                "nbr_annotations": len(marks),
                "first_annotation_token": marks[0]["token"],
                "last_annotation_token": marks[-1]["token"],
            }
        )
    return tokens
