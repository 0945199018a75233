"""A hand-written log of a few hundred points in the nuScenes layout: tables as lists of rows that a test may spoil."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

VERSION = "v1.0-mini"
GOOD, BAD = "scene-0003", "scene-9001"
"""Names of the two scenes: tests spoil the second. The first is one of the official val split."""
KEY_FRAMES, STEP = 3, 3
"""Key frames a scene, and LiDAR rows from one to the next."""
CATEGORIES = ("vehicle.car", "noise", "human.pedestrian.adult", "vehicle.ego", "flat.driveable_surface", "vehicle.ufo")
"""In an order of their own: readers must go by name."""
CAMERAS = {"CAM_BACK": [0.5, -0.5, -0.5, 0.5], "CAM_FRONT": [0.5, -0.5, 0.5, -0.5]}
"""Quaternions of cameras that look straight back and ahead."""
INTRINSIC = [[800.0, 0.0, 790.0], [0.0, 810.0, 440.0], [0.0, 0.0, 1.0]]
CAMERA_DELAY_US = {"CAM_BACK": -10_000, "CAM_FRONT": -30_000}
"""When an image is taken, from its sweep's time."""
CAR_LWH, ADULT_LWH = (4.0, 2.0, 1.5), (0.6, 0.8, 1.8)

Row = dict[str, Any]


class NuScenesLog:
    """Two scenes of three key frames with two sweeps between them; a car that drives beside the ego, and an adult who leaves."""

    def __init__(self, root: Path, *, lidarseg: bool = True) -> None:
        self.root = root
        names = ("category", "attribute", "visibility", "instance", "sensor", "calibrated_sensor", "ego_pose", "log")
        names += ("scene", "sample", "sample_data", "sample_annotation", "map", "lidarseg")
        self.tables: dict[str, list[Row]] = {name: [] for name in names}
        self.points: dict[str, NDArray[np.float32]] = {}
        self.labels: dict[str, NDArray[np.uint8]] = {}
        self.images: dict[str, bytes] = {}
        self.tables["category"] = [
            {"token": f"cat-{name}", "name": name, "index": i} for i, name in enumerate(CATEGORIES)
        ]
        for channel, rotation in (("LIDAR_TOP", yaw(-np.pi / 2)), *CAMERAS.items()):
            self.tables["sensor"].append(
                {"token": f"sensor-{channel}", "channel": channel, "modality": channel.split("_")[0].lower()}
                | ({"modality": "camera"} if channel in CAMERAS else {})
            )
            mounting = {
                "sensor_token": f"sensor-{channel}",
                "translation": [0.9, 0.0, 1.8],
                "rotation": rotation,
                "camera_intrinsic": INTRINSIC if channel in CAMERAS else [],
            }
            self.tables["calibrated_sensor"].append({"token": f"cal-{channel}", **mounting})
        for prefix, name in (("g", GOOD), ("b", BAD)):
            self._add_scene(prefix, name)
        if not lidarseg:
            del self.tables["lidarseg"]
            self.labels.clear()

    def row(self, table: str, token: str) -> Row:
        """The row with a token."""
        return next(row for row in self.tables[table] if row["token"] == token)

    def remove(self, table: str, token: str) -> None:
        """Takes a row out."""
        self.tables[table].remove(self.row(table, token))

    def write(self, files: bool = True) -> NuScenesLog:
        """Writes tables and, unless told otherwise, sensor files."""
        folder = self.root / VERSION
        folder.mkdir(parents=True, exist_ok=True)
        for table, rows in self.tables.items():
            (folder / f"{table}.json").write_text(json.dumps(rows), encoding="utf-8")
        for name, array in (*self.points.items(), *self.labels.items()) if files else ():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            array.tofile(self.root / name)
        for name, content in self.images.items() if files else ():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(content)
        return self

    def _add_scene(self, p: str, name: str) -> None:
        count = (KEY_FRAMES - 1) * STEP + 1
        samples = [f"{p}-sample{k}" for k in range(KEY_FRAMES)]
        self.tables["scene"].append(
            {
                "token": f"{p}-scene",
                "name": name,
                "log_token": "",
                "description": "",
                "nbr_samples": KEY_FRAMES,
                "first_sample_token": samples[0],
            }
            | {"last_sample_token": samples[-1]}
        )
        for k, token in enumerate(samples):
            row = {"token": token, "timestamp": stamp_us(k * STEP), "scene_token": f"{p}-scene"}
            self.tables["sample"].append(row | links(samples, k))
        sweeps = [f"{p}-sweep{i}" for i in range(count)]
        for i, token in enumerate(sweeps):
            self._add_sweep(p, i, token, links(sweeps, i))
            for channel in CAMERAS:
                self._add_image(p, i, channel)
        self._add_track(p, "car", "vehicle.car", CAR_LWH, range(KEY_FRAMES))
        self._add_track(p, "adult", "human.pedestrian.adult", ADULT_LWH, range(2))

    def _add_sweep(self, p: str, i: int, token: str, chain: Row) -> None:
        key = i % STEP == 0
        k = min(-(-i // STEP), KEY_FRAMES - 1)
        file = f"{'samples' if key else 'sweeps'}/LIDAR_TOP/{token}.pcd.bin"
        self.tables["ego_pose"].append(
            {"token": f"pose-{token}", "timestamp": stamp_us(i), "translation": ego(i), "rotation": yaw(0.1)}
        )
        row = {
            "token": token,
            "sample_token": f"{p}-sample{k}",
            "ego_pose_token": f"pose-{token}",
            "calibrated_sensor_token": "cal-LIDAR_TOP",
        }
        row |= {
            "timestamp": stamp_us(i),
            "is_key_frame": key,
            "fileformat": "pcd",
            "width": 0,
            "height": 0,
            "filename": file,
        }
        self.tables["sample_data"].append(row | chain)
        points, labels = make_sweep(i, adult=i <= STEP)
        self.points[file] = points
        if key:
            label_file = f"lidarseg/{VERSION}/{token}_lidarseg.bin"
            self.tables["lidarseg"].append({"token": token, "sample_data_token": token, "filename": label_file})
            self.labels[label_file] = labels

    def _add_image(self, p: str, i: int, channel: str) -> None:
        """A camera's row with a pose of its own; as many images as sweeps, most of them between key frames."""
        key = i % STEP == 0
        token, stamp = f"{p}-{channel}{i}", stamp_us(i) + CAMERA_DELAY_US[channel]
        file = f"{'samples' if key else 'sweeps'}/{channel}/{token}.jpg"
        self.tables["ego_pose"].append(
            {"token": f"pose-{token}", "timestamp": stamp, "translation": ego(i, CAMERA_DELAY_US[channel])}
            | {"rotation": yaw(0.1)}
        )
        row = {
            "token": token,
            "sample_token": f"{p}-sample{min(-(-i // STEP), KEY_FRAMES - 1)}",
            "ego_pose_token": f"pose-{token}",
            "calibrated_sensor_token": f"cal-{channel}",
        }
        row |= {
            "timestamp": stamp,
            "is_key_frame": key,
            "fileformat": "jpg",
            "width": 1600,
            "height": 900,
            "filename": file,
        }
        self.tables["sample_data"].append(row | {"prev": "", "next": ""})
        if key:
            self.images[file] = picture()

    def _add_track(self, p: str, name: str, category: str, lwh: Sequence[float], frames: Sequence[int]) -> None:
        tokens = [f"{p}-{name}{k}" for k in frames]
        self.tables["instance"].append(
            {"token": f"{p}-{name}", "category_token": f"cat-{category}", "nbr_annotations": len(tokens)}
            | {"first_annotation_token": tokens[0], "last_annotation_token": tokens[-1]}
        )
        length, width, height = lwh
        for n, k in enumerate(frames):
            centre, rotation = box_pose(name, k * STEP)
            row = {
                "token": tokens[n],
                "sample_token": f"{p}-sample{k}",
                "instance_token": f"{p}-{name}",
                "visibility_token": "4",
            }
            row |= {
                "attribute_tokens": [],
                "translation": centre,
                "rotation": rotation,
                "size": [width, length, height],
            }
            self.tables["sample_annotation"].append(row | {"num_lidar_pts": 9, "num_radar_pts": 0} | links(tokens, n))


@cache
def picture() -> bytes:
    """A grey image, as a file's content."""
    stream = io.BytesIO()
    Image.new("L", (1600, 900), 99).save(stream, "JPEG")
    return stream.getvalue()


def links(tokens: Sequence[str], i: int) -> Row:
    """A row's neighbours in its chain."""
    return {"prev": tokens[i - 1] if i else "", "next": tokens[i + 1] if i + 1 < len(tokens) else ""}


def yaw(angle: float) -> list[float]:
    """Quaternion w, x, y, z of a turn about z."""
    return [float(np.cos(angle / 2)), 0.0, 0.0, float(np.sin(angle / 2))]


def stamp_us(i: int) -> int:
    """Time of a sweep, microseconds."""
    return 1_532_402_927_000_000 + 50_000 * i


def ego(i: int, delay_us: int = 0) -> list[float]:
    """Where the ego is, some microseconds after a sweep."""
    sweeps = i + delay_us / 50_000
    return [400.0 + 0.5 * sweeps, 1100.0 + 0.05 * sweeps, 0.0]


def box_pose(name: str, i: int) -> tuple[list[float], list[float]]:
    """Centre and quaternion of an object in the world."""
    if name == "car":
        return [408.0 + 0.4 * i, 1104.0, 0.8], yaw(0.3)
    return [396.0, 1096.0 + 0.1 * i, 1.0], yaw(1.2)


def make_sweep(i: int, *, adult: bool) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Points (N, 5) float32 in the LiDAR's frame, as the format has them, and their label values (N,) uint8."""
    rng = np.random.default_rng(i)
    world: list[NDArray[np.float64]] = []
    values: list[int] = []
    for name, category, lwh in (("car", "vehicle.car", CAR_LWH), ("adult", "human.pedestrian.adult", ADULT_LWH))[
        : 2 if adult else 1
    ]:
        centre, (w, *_, z) = box_pose(name, i)
        turn = 2 * np.arctan2(z, w)
        inside = (rng.random((60, 3)) - 0.5) * lwh * 0.98
        world.append(np.c_[rotated(inside, turn)] + centre)
        values += [CATEGORIES.index(category)] * 60
    ground = np.c_[rng.uniform([380, 1080], [420, 1120], (200, 2)), np.zeros(200)]
    roof = rotated(np.c_[rng.uniform([0.4, -0.5], [1.4, 0.5], (20, 2)), np.full(20, 1.0)], 0.1) + ego(i)
    world += [ground, roof]
    values += (
        [CATEGORIES.index("flat.driveable_surface")] * 199
        + [CATEGORIES.index("noise")]
        + [CATEGORIES.index("vehicle.ego")] * 20
    )
    in_ego = rotated(np.concatenate(world) - ego(i), -0.1)
    in_lidar = rotated(in_ego - [0.9, 0.0, 1.8], np.pi / 2)
    points = np.c_[in_lidar, np.full(len(in_lidar), 10.0), np.zeros(len(in_lidar))].astype(np.float32)
    return points, np.array(values, dtype=np.uint8)


def rotated(points: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Points turned about z."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
