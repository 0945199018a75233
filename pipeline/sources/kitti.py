"""Reader of KITTI's raw drives, synchronised and rectified: scans, poses of the inertial unit, tracked boxes, colour images.

Everything is joined by the number in a file's name: drives lack scans here and there (2011_09_26, drive 0009: 177 to 180).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...schemas.errors import InputError
from ...schemas.frames import Float64
from ...schemas.scene import SceneTables
from ...schemas.taxonomy import SEMANTICKITTI
from .kitti_cameras import read_cameras
from .kitti_drive import Drive, drives, number_of
from .kitti_oxts import poses, read_packet
from .kitti_text import read_calibration, rigid
from .kitti_times import read_stamps
from .kitti_tracklets import read_tracklets, tracks
from .source import SIMULATED, LoggedScene, Source, names_digest, scene_by_scene

IMU_HEIGHT_M = 0.93
"""Of the inertial unit above the ground (Geiger et al. 2013, Fig. 3)."""


class KittiSource(Source):
    """KITTI's raw drives: every scan is a key frame. Scans are taken as they are, not corrected for the car's motion.

    World coordinates begin at the first scan's ego frame: x east, y north, z up.
    """

    name: ClassVar[str] = "kitti"
    return_bytes: ClassVar[int] = 16
    layout: ClassVar[str] = "2011_09_26/2011_09_26_drive_0005_sync or the like"
    licence: ClassVar[str] = "CC BY-NC-SA 3.0, non-commercial (cvlibs.net/datasets/kitti)"
    taxonomy: ClassVar[str] = SEMANTICKITTI.name

    @classmethod
    def versions(cls, data_root: Path) -> list[str]:
        return ["sync"] if drives(data_root) else []

    def table_files(self) -> list[str]:
        # What a drive lacks is its own failure, not the dataset's: only files that are there stand for the tables.
        found = {file for name in self.scene_names() for file in Drive(self.data_root, name).tables()}
        return sorted(found | ({SIMULATED} if self.simulated else set()))

    def identity(self) -> Mapping[str, str]:
        # Scans and cameras are listed, not named in a table.
        found = [Drive(self.data_root, name) for name in self.scene_names()]
        scans = [scan for drive in found for scan in drive.scans()]
        cameras = [f"{drive.name} {camera}" for drive in found for camera in drive.cameras()]
        return {"scans": names_digest(scans), "cameras": names_digest(cameras)}

    def scene_names(self) -> list[str]:
        return drives(self.data_root)

    def index(self, scenes: Sequence[str] | None = None) -> Iterator[LoggedScene | InputError]:
        return scene_by_scene(self.scene_names(), scenes, lambda name: self._read(Drive(self.data_root, name)))

    def _read(self, drive: Drive) -> LoggedScene:
        scans = drive.scans()
        tokens = [number_of(scan) for scan in scans]
        stamps = read_stamps(drive.data_root, drive.times, tokens)
        lidar_SE3_imu = rigid(read_calibration(drive.data_root, drive.calibration), drive.calibration)
        ego_SE3_imu, ego_SE3_lidar = _mountings(lidar_SE3_imu)
        world_SE3_ego = _imu_poses(drive, tokens) @ np.linalg.inv(ego_SE3_imu)
        world_SE3_ego[:, :3, 3] -= world_SE3_ego[0, :3, 3].copy()
        boxes = tracks(
            read_tracklets(drive.data_root, drive.tracklets),
            [int(token) for token in tokens],
            world_SE3_ego @ ego_SE3_lidar,
        )
        tables = SceneTables(
            timestamps_ns=stamps, world_SE3_ego=world_SE3_ego,
            ego_SE3_lidar=np.tile(ego_SE3_lidar, (len(scans), 1, 1)),
            key_sweeps=np.arange(len(scans), dtype=np.int32),
            box_track=boxes.track, box_timestamps_ns=stamps[boxes.sweep],
            world_SE3_box=boxes.world_SE3_box, box_size_m=boxes.size_m,
            scene=drive.name, dataset=self.name, version=self.version, split="", taxonomy=self.taxonomy, synthetic=self.simulated,
            point_columns=4, point_files=scans,
            label_files=[""] * len(scans), label_classes=[], label_kinds=[], label_bytes=1, frame_tokens=tokens,
            track_tokens=boxes.tokens, track_categories=boxes.categories, track_classes=boxes.classes,
        )  # fmt: skip
        return LoggedScene(tables, *read_cameras(drive, tokens, stamps, world_SE3_ego, ego_SE3_lidar))


def _mountings(lidar_SE3_imu: Float64) -> tuple[Float64, Float64]:
    """``ego_SE3_imu`` and ``ego_SE3_lidar``: the ego frame lies on the ground beside the inertial unit, on the car's midline.

    The LiDAR is on that line; the unit sits 0.3 m to its left.
    """
    imu_SE3_lidar = np.linalg.inv(lidar_SE3_imu)
    ego_SE3_imu = np.eye(4)
    ego_SE3_imu[1:3, 3] = -imu_SE3_lidar[1, 3], IMU_HEIGHT_M
    return ego_SE3_imu, ego_SE3_imu @ imu_SE3_lidar


def _imu_poses(drive: Drive, tokens: Sequence[str]) -> Float64:
    packets: list[Float64] = []
    for token in tokens:
        try:
            packets.append(read_packet(drive.data_root, drive.packet(token)))
        except InputError as error:
            error.frame = token
            raise
    return poses(np.array(packets))
