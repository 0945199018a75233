"""SemanticKITTI sequences written by hand: few points, whose places, labels and poses are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

CAM0_SE3_LIDAR = np.array([[0.0, -1, 0, 0.01], [0, 0, -1, -0.07], [1, 0, 0, -0.27], [0, 0, 0, 1]])
"""Camera 0 looks ahead with x to the right and y down; the LiDAR's x is ahead, its z up."""
RAW = {"car": 10, "moving-car": 252, "road": 40, "outlier": 1, "unlabeled": 0, "other-structure": 52}


def lidar_pose(frame: int) -> np.ndarray:
    """The LiDAR in its first frame: 1.2 m ahead a scan, and a turn to the left."""
    turn = 0.03 * frame
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    pose[:3, 3] = (1.2 * frame, 0.2 * frame, 0.01 * frame)
    return pose


@dataclass
class SemanticKittiLog:
    """Sequence 00 with scans 0, 1, 2 and 4 (the third is lost), of which 1 has no labels; 08 with one scan."""

    root: Path
    scans: dict[str, list[int]] = field(default_factory=lambda: {"00": [0, 1, 2, 4], "08": [0]})
    unlabelled: tuple[tuple[str, int], ...] = (("00", 1),)

    def points(self, sequence: str, frame: int) -> np.ndarray:
        """(N, 4) float32: one point for each kind of label, then road."""
        rng = np.random.default_rng(100 * int(sequence) + frame)
        places = rng.uniform((4, -8, -1.7), (30, 8, 2), (len(RAW) + 6, 3))
        return np.column_stack([places, rng.random(len(places))]).astype(np.float32)

    def values(self) -> list[int]:
        return [*RAW.values(), *[40] * 6]

    def write(self) -> SemanticKittiLog:
        for sequence, frames in self.scans.items():
            folder = self.root / "sequences" / sequence
            for kind in ("velodyne", "labels"):
                (folder / kind).mkdir(parents=True)
            for frame in frames:
                self.points(sequence, frame).tofile(folder / "velodyne" / f"{frame:06d}.bin")
                if (sequence, frame) not in self.unlabelled:
                    # Instance ids lie above.
                    values = np.array(self.values(), np.uint32) | np.uint32(7 << 16)
                    values.tofile(folder / "labels" / f"{frame:06d}.label")
            count = max(frames) + 1
            cam0 = [CAM0_SE3_LIDAR @ lidar_pose(k) @ np.linalg.inv(CAM0_SE3_LIDAR) for k in range(count)]
            (folder / "poses.txt").write_text("".join(row(pose) for pose in cam0))
            (folder / "times.txt").write_text("".join(f"{0.1037 * k:e}\n" for k in range(count)))
            (folder / "calib.txt").write_text(f"P0: {' '.join(['1'] * 12)}\nTr: {row(CAM0_SE3_LIDAR)}")
        return self


def row(pose: np.ndarray) -> str:
    """As KITTI's files have it."""
    return " ".join(f"{value:.9e}" for value in pose[:3].ravel()) + "\n"
