"""A simulated nuScenes log whose second scene is there many times, each copy spoiled in its own way."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]
VERSION = "v1.0-mini"
FLOATS = 5
"""Numbers of a point in a nuScenes point file."""


class Copy:
    """One copy of a scene: its rows, and files of its own."""

    def __init__(self, root: Path, tables: dict[str, list[Row]], scene: Row, name: str) -> None:
        self.root, self.tables, self.name = root, tables, name
        samples = {r["token"] for r in tables["sample"] if r["scene_token"] == scene["token"]}
        data = [r for r in tables["sample_data"] if r["sample_token"] in samples]
        sweeps, poses = {r["token"] for r in data}, {r["ego_pose_token"] for r in data}
        boxes = [r for r in tables["sample_annotation"] if r["sample_token"] in samples]
        tracks = {r["instance_token"] for r in boxes}
        mine = {
            "scene": [scene],
            "sample": [r for r in tables["sample"] if r["token"] in samples],
            "sample_data": data,
            "ego_pose": [r for r in tables["ego_pose"] if r["token"] in poses],
            "sample_annotation": boxes,
            "instance": [r for r in tables["instance"] if r["token"] in tracks],
            "lidarseg": [r for r in tables["lidarseg"] if r["sample_data_token"] in sweeps],
        }
        old = {r["token"] for rows in mine.values() for r in rows}
        self.rows: dict[str, list[Row]] = {}
        for table, rows in mine.items():
            self.rows[table] = [
                {k: f"{name}-{v}" if isinstance(v, str) and v in old else v for k, v in r.items()} for r in rows
            ]
            tables[table] += self.rows[table]
        self.rows["scene"][0]["name"] = name
        self.sweeps = sorted(self.rows["sample_data"], key=lambda r: r["timestamp"])
        self.keys = [r for r in self.sweeps if r["is_key_frame"]]
        self.between = [r for r in self.sweeps if not r["is_key_frame"]]

    def own(self, row: Row) -> Path:
        """A file of this copy alone, for the file a row names."""
        old = Path(row["filename"])
        new = old.with_name(f"{self.name}-{old.name}")
        (self.root / new).write_bytes((self.root / old).read_bytes())
        row["filename"] = new.as_posix()
        return self.root / new

    def truncate_points(self) -> None:
        path = self.own(self.between[3])
        path.write_bytes(path.read_bytes()[:-7])

    def empty_points(self) -> None:
        self.own(self.between[3]).write_bytes(b"")

    def nan_points(self) -> None:
        path = self.own(self.between[3])
        np.full(len(path.read_bytes()) // 4, np.nan, "<f4").tofile(path)

    def cut_labels(self) -> None:
        path = self.own(self.rows["lidarseg"][0])
        path.write_bytes(path.read_bytes()[:-3])

    def lose_a_key_frame(self) -> None:
        self.own(self.keys[1]).unlink()

    def lose_a_sweep(self) -> None:
        self.own(self.between[3]).unlink()

    def dangle(self) -> None:
        self.rows["sample_annotation"][0]["instance_token"] = "nowhere"

    def break_a_pose(self) -> None:
        token = self.between[3]["ego_pose_token"]
        pose = next(r for r in self.rows["ego_pose"] if r["token"] == token)
        pose["translation"] = [math.nan, 0.0, 0.0]

    def empty_scene(self) -> None:
        self.rows["scene"][0].update(first_sample_token="", last_sample_token="", nbr_samples=0)


def spoil(root: Path, ways: dict[str, Callable[[Copy], None]], *, instead: bool = False) -> None:
    """Adds a copy of the log's second scene for each name, spoiled that way; ``instead`` of the second scene itself."""
    tables = {p.stem: json.loads(p.read_text()) for p in (root / VERSION).glob("*.json")}
    scene = next(row for row in tables["scene"] if row["name"] == "scene-0002")
    for name, way in ways.items():
        way(Copy(root, tables, scene, name))
    if instead:
        tables["scene"].remove(scene)
        gone = {r["token"] for r in tables["sample"] if r["scene_token"] == scene["token"]}
        tables["sample"] = [r for r in tables["sample"] if r["token"] not in gone]
        for table in ("sample_data", "sample_annotation"):
            tables[table] = [r for r in tables[table] if r["sample_token"] not in gone]
        kept = {r["token"] for r in tables["sample_data"]}
        tables["lidarseg"] = [r for r in tables["lidarseg"] if r["sample_data_token"] in kept]
    for name, rows in tables.items():
        path = root / VERSION / f"{name}.json"
        path.unlink()  # it may share its bytes with another log
        path.write_text(json.dumps(rows))
