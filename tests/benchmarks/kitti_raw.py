"""A KITTI raw drive as scene tables, for benchmarks: velodyne scans, poses from OXTS, boxes from tracklets."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from occ_pipeline.schemas.scene import SceneTables, SweepPoints
from occ_pipeline.schemas.taxonomy import NUSCENES
from scipy.spatial.transform import Rotation

CLASSES = {"Car": "car", "Van": "car", "Truck": "truck", "Pedestrian": "pedestrian", "Cyclist": "bicycle"}
EARTH_M = 6378137.0


class KittiDrive:
    """Drive 0005 of 2011_09_26. The ego frame is the IMU's."""

    def __init__(self, root: Path, date: str = "2011_09_26", drive: str = "0005") -> None:
        day = root / date
        self._folder = day / f"{date}_drive_{drive}_sync"
        self._scans = sorted((self._folder / "velodyne_points" / "data").glob("*.bin"))
        self.tables = self._tables(day)

    def sweep(self, index: int) -> SweepPoints:
        points = np.fromfile(self._scans[index], dtype=np.float32).reshape(-1, 4)[:, :3]
        return SweepPoints(np.ascontiguousarray(points), None, None)

    def _tables(self, day: Path) -> SceneTables:
        velo_SE3_imu = _calibration(day / "calib_imu_to_velo.txt")
        count = len(self._scans)
        world_SE3_ego = self._poses()
        times = 1_317_000_000_000_000_000 + np.arange(count, dtype=np.int64) * 100_000_000
        tracks, rows = self._tracklets(count)
        ego_SE3_lidar = np.linalg.inv(velo_SE3_imu)
        boxes = [world_SE3_ego[frame] @ ego_SE3_lidar @ pose for _, frame, pose, _ in rows]
        return SceneTables(
            timestamps_ns=times,
            world_SE3_ego=world_SE3_ego,
            ego_SE3_lidar=np.repeat(ego_SE3_lidar[None], count, axis=0),
            key_sweeps=np.arange(0, count, 5, dtype=np.int32),
            box_track=np.array([track for track, *_ in rows], dtype=np.int32),
            box_timestamps_ns=np.array([times[frame] for _, frame, *_ in rows], dtype=np.int64),
            world_SE3_box=np.array(boxes).reshape(-1, 4, 4),
            box_size_m=np.array([size for *_, size in rows]).reshape(-1, 3),
            scene="drive-0005",
            dataset="kitti",
            version="raw",
            split="",
            taxonomy=NUSCENES.name,
            synthetic=False,
            point_columns=4,
            point_files=[scan.name for scan in self._scans],
            label_files=["" for _ in range(0, count, 5)],
            label_classes=[],
            label_kinds=[],
            label_bytes=1,
            frame_tokens=[f"{k:010d}" for k in range(0, count, 5)],
            track_tokens=[f"track-{k}" for k in range(len(tracks))],
            track_categories=tracks,
            track_classes=[NUSCENES.id_of(CLASSES[name]) if name in CLASSES else 255 for name in tracks],
        )

    def _poses(self) -> np.ndarray:
        """(S, 4, 4): Mercator about the first latitude, as the devkit does."""
        poses = np.tile(np.eye(4), (len(self._scans), 1, 1))
        scale = 0.0
        for k, scan in enumerate(self._scans):
            lat, lon, alt, roll, pitch, yaw = np.loadtxt(self._folder / "oxts" / "data" / f"{scan.stem}.txt")[:6]
            scale = scale or np.cos(np.radians(lat))
            poses[k, :3, :3] = Rotation.from_euler("ZYX", [yaw, pitch, roll]).as_matrix()
            north = np.log(np.tan(np.pi / 4 + np.radians(lat) / 2))
            poses[k, :3, 3] = (scale * EARTH_M * np.radians(lon), scale * EARTH_M * north, alt)
        poses[:, :3, 3] -= poses[0, :3, 3].copy()
        return poses

    def _tracklets(self, count: int) -> tuple[list[str], list[tuple[int, int, np.ndarray, list[float]]]]:
        """Categories of tracks, and their boxes: track, frame, ``lidar_SE3_box``, length, width, height."""
        found = ET.parse(self._folder / "tracklet_labels.xml").getroot().find("tracklets")
        assert found is not None
        names: list[str] = []
        rows: list[tuple[int, int, np.ndarray, list[float]]] = []
        for item in found.findall("item"):
            height, width, length = (float(item.findtext(name, "0")) for name in ("h", "w", "l"))
            first = int(item.findtext("first_frame", "0"))
            poses = item.findall("poses/item")
            mine: list[tuple[int, int, np.ndarray, list[float]]] = []
            for frame, place in enumerate(poses, start=first):
                x, y, z, yaw = (float(place.findtext(name, "0")) for name in ("tx", "ty", "tz", "rz"))
                pose = np.eye(4)
                pose[:3, :3] = Rotation.from_euler("z", yaw).as_matrix()
                pose[:3, 3] = (x, y, z + height / 2)
                if frame < count:
                    mine.append((len(names), frame, pose, [length, width, height]))
            if mine:
                names.append(item.findtext("objectType", "?"))
                rows += mine
        return names, rows


def _calibration(path: Path) -> np.ndarray:
    """(4, 4) from a file of R and T."""
    lines = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(lines["R"].split(), dtype=float).reshape(3, 3)
    matrix[:3, 3] = np.array(lines["T"].split(), dtype=float)
    return matrix
