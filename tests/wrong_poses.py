"""Logs whose ego poses are wrong as real ones are: height 0 everywhere, roll and pitch off, drift along the way."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation


@dataclass(frozen=True)
class Defect:
    """What is wrong with a log's poses."""

    flat: bool = True
    """Height 0 in every pose, as in nuScenes."""
    tilt_deg: float = 0.5
    """How far up is off, about an axis that turns once in ``period_s``: harder than a constant, which no scan could show
    and which would only tilt the world."""
    period_s: float = 15.0
    drift_m: float = 0.1
    """How far the last pose has drifted horizontally, growing evenly from the first."""

    def applied(self, poses: np.ndarray, seconds: np.ndarray, duration_s: float) -> np.ndarray:
        """(N, 4, 4) poses, seconds (N,) after the first of the log: the same, wrong."""
        turn = 2 * np.pi * seconds / self.period_s
        axis = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], axis=1)
        wrong = np.array(poses, dtype=np.float64)
        wrong[:, :3, :3] = wrong[:, :3, :3] @ Rotation.from_rotvec(np.radians(self.tilt_deg) * axis).as_matrix()
        wrong[:, :2, 3] += self.drift_m * (seconds / duration_s)[:, None] * np.array([0.8, 0.6])
        if self.flat:
            wrong[:, 2, 3] = 0.0
        return wrong


def with_wrong_poses(log: Path, out: Path, defect: Defect, version: str = "v1.0-mini") -> Path:
    """A copy of a nuScenes log with wrong poses; sensor files are shared. Boxes keep their place relative to the LiDAR, as
    annotators see them."""
    shutil.copytree(log, out, copy_function=os.link)
    tables = out / version
    rows = json.loads((tables / "ego_pose.json").read_text())
    times = np.array([row["timestamp"] for row in rows], dtype=np.int64)
    seconds = (times - times.min()) * 1e-6
    right = np.array([_matrix(row) for row in rows])
    wrong = defect.applied(right, seconds, float(seconds.max()))
    place = {row["token"]: k for k, row in enumerate(rows)}
    for row, pose in zip(rows, wrong, strict=True):
        row.update(_fields(pose))
    _rewrite(tables / "ego_pose.json", rows)
    frames = json.loads((tables / "sample_data.json").read_text())
    key = {
        row["sample_token"]: place[row["ego_pose_token"]]
        for row in frames
        if row["is_key_frame"] and "LIDAR_TOP" in row["filename"]
    }
    boxes = json.loads((tables / "sample_annotation.json").read_text())
    for row in boxes:
        k = key[row["sample_token"]]
        row.update(_fields(wrong[k] @ np.linalg.inv(right[k]) @ _matrix(row)))
    _rewrite(tables / "sample_annotation.json", boxes)
    return out


def _matrix(row: dict) -> np.ndarray:
    w, x, y, z = row["rotation"]
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_quat([x, y, z, w]).as_matrix()
    pose[:3, 3] = row["translation"]
    return pose


def _fields(pose: np.ndarray) -> dict[str, list[float]]:
    x, y, z, w = Rotation.from_matrix(pose[:3, :3]).as_quat().tolist()
    return {"translation": pose[:3, 3].tolist(), "rotation": [w, x, y, z]}


def _rewrite(path: Path, rows: list[dict]) -> None:
    # The file is shared with the log it was copied from.
    path.unlink()
    path.write_text(json.dumps(rows))


@dataclass(frozen=True)
class PoseError:
    """Root mean squares over a trajectory."""

    metres: float
    degrees: float

    def __str__(self) -> str:
        return f"{self.metres * 100:.2f} cm {self.degrees:.3f}°"


def aligned_error(poses: np.ndarray, true: np.ndarray, arm_m: float = 10.0) -> PoseError:
    """Error of poses (N, 4, 4) after the rigid alignment that brings places, and points ``arm_m`` off on all axes, nearest."""

    def marks(some: np.ndarray) -> np.ndarray:
        arms = [some[:, :3, 3] + sign * arm_m * some[:, :3, axis] for axis in range(3) for sign in (1, -1)]
        return np.concatenate(arms)

    here, there = marks(poses), marks(true)
    turn = Rotation.align_vectors(there - there.mean(axis=0), here - here.mean(axis=0))[0].as_matrix()
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = turn, there.mean(axis=0) - turn @ here.mean(axis=0)
    return _error(np.linalg.inv(true) @ moved @ poses)


def relative_error(poses: np.ndarray, true: np.ndarray, steps: int) -> PoseError:
    """Error of the way from each pose (N, 4, 4) to the one ``steps`` later."""
    ways = [np.linalg.inv(some[:-steps]) @ some[steps:] for some in (true, poses)]
    return _error(np.linalg.inv(ways[0]) @ ways[1])


def _error(differences: np.ndarray) -> PoseError:
    turns = np.degrees(Rotation.from_matrix(differences[:, :3, :3]).magnitude())
    places = np.linalg.norm(differences[:, :3, 3], axis=1)
    return PoseError(float(np.sqrt((places**2).mean())), float(np.sqrt((turns**2).mean())))
