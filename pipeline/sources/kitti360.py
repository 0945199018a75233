"""Reader of KITTI-360, as SSCBench takes it: scans, poses, boxes with tracks, and the two perspective cameras.

Written from what its own scripts do with the files (github.com/autonomousvision/kitti360Scripts); no copy of it was at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...schemas.errors import InputError
from ...schemas.frames import Float64
from ...schemas.scene import SceneTables
from ...schemas.taxonomy import SSCBENCH_KITTI360
from .kitti360_boxes import read_boxes
from .kitti360_cameras import read_cameras
from .kitti360_sequence import CALIBRATION, Sequence360, sequences
from .kitti360_tracks import tracks
from .kitti_text import matrix, orthonormal, read_calibration, read_numbered_poses, read_poses
from .kitti_times import read_stamps
from .source import SIMULATED, LoggedScene, Source, names_digest, scene_by_scene

LIDAR_HEIGHT_M = 1.73
"""Of the LiDAR above the ground (Liao et al. 2022, Fig. 2)."""
SPLITS = {
    **{f"2013_05_28_drive_{n:04d}_sync": "train" for n in (0, 2, 3, 4, 5, 7, 10)},
    "2013_05_28_drive_0006_sync": "val",
    "2013_05_28_drive_0009_sync": "test",
}
"""SSCBench's."""


class Kitti360Source(Source):
    """KITTI-360: every scan that has a pose is a key frame. World coordinates are the dataset's.

    Scans without a pose are left out: KITTI-360 has none where the car stands or where it could not tell the place, and a pose made
    up there would smear the map. Labels belong to accumulated clouds, not to scans, so points have none; what SSCBench made of them
    comes in as published labels. Scans are taken as they are, not corrected for the car's motion.
    """

    name: ClassVar[str] = "kitti360"
    return_bytes: ClassVar[int] = 16
    layout: ClassVar[str] = "data_3d_raw/2013_05_28_drive_0000_sync or the like"
    licence: ClassVar[str] = "CC BY-NC-SA 3.0, non-commercial (cvlibs.net/datasets/kitti-360)"
    taxonomy: ClassVar[str] = SSCBENCH_KITTI360.name

    @classmethod
    def versions(cls, data_root: Path) -> list[str]:
        return ["raw"] if sequences(data_root) else []

    def table_files(self) -> list[str]:
        found = {file for name in self.scene_names() for file in Sequence360(self.data_root, name).tables()}
        return sorted(found | ({SIMULATED} if self.simulated else set()))

    def identity(self) -> Mapping[str, str]:
        # Scans and cameras are listed, not named in a table.
        found = [Sequence360(self.data_root, name) for name in self.scene_names()]
        scans = [scan for sequence in found for scan in sequence.scans().values()]
        cameras = [f"{sequence.name} {camera}" for sequence in found for camera in sequence.cameras()]
        return {"scans": names_digest(scans), "cameras": names_digest(cameras)}

    def scene_names(self) -> list[str]:
        return sequences(self.data_root)

    def index(self, scenes: Sequence[str] | None = None) -> Iterator[LoggedScene | InputError]:
        return scene_by_scene(self.scene_names(), scenes, lambda name: self._read(Sequence360(self.data_root, name)))

    def _read(self, sequence: Sequence360) -> LoggedScene:
        ego_SE3_imu, ego_SE3_lidar = _mountings(sequence.data_root)
        scans, world_SE3_imu = _posed(sequence)
        tokens = list(scans)
        stamps = read_stamps(sequence.data_root, sequence.times, tokens)
        world_SE3_ego = world_SE3_imu @ np.linalg.inv(ego_SE3_imu)
        boxes = tracks(
            read_boxes(sequence.data_root, sequence.boxes),
            [int(token) for token in tokens],
            world_SE3_ego @ ego_SE3_lidar,
        )
        tables = SceneTables(
            timestamps_ns=stamps, world_SE3_ego=world_SE3_ego,
            ego_SE3_lidar=np.tile(ego_SE3_lidar, (len(scans), 1, 1)),
            key_sweeps=np.arange(len(scans), dtype=np.int32),
            box_track=boxes.track, box_timestamps_ns=stamps[boxes.sweep],
            world_SE3_box=boxes.world_SE3_box, box_size_m=boxes.size_m,
            scene=sequence.name, dataset=self.name, version=self.version, split=SPLITS.get(sequence.name, ""),
            taxonomy=self.taxonomy, synthetic=self.simulated, point_columns=4, point_files=list(scans.values()),
            label_files=[""] * len(scans), label_classes=[], label_kinds=[], label_bytes=1, frame_tokens=tokens,
            track_tokens=boxes.tokens, track_categories=boxes.categories, track_classes=boxes.classes,
        )  # fmt: skip
        return LoggedScene(tables, *read_cameras(sequence, tokens, stamps, world_SE3_ego, ego_SE3_imu))


def _mountings(data_root: Path) -> tuple[Float64, Float64]:
    """``ego_SE3_imu`` and ``ego_SE3_lidar``: the ego frame lies on the ground below the inertial unit, on the car's midline.

    The unit's axes point ahead, to the right and down. The LiDAR is on the midline. Raises InputError.
    """
    to_pose, to_lidar = CALIBRATION
    imu_SE3_cam0 = matrix(read_calibration(data_root, to_pose), "image_00", to_pose)
    imu_SE3_cam0[:3, :3] = orthonormal(imu_SE3_cam0[:3, :3])
    rows = read_poses(data_root, to_lidar)
    if len(rows) != 1:
        raise InputError(
            "calibration has no usable pose", file=to_lidar, found=f"{len(rows)} lines", expected="one", fix="download the file again"
        )  # fmt: skip
    imu_SE3_lidar = np.asarray(imu_SE3_cam0 @ np.linalg.inv(rows[0]), dtype=np.float64)
    ego_SE3_imu = np.diag([1.0, -1.0, -1.0, 1.0])
    ego_SE3_imu[1:3, 3] = imu_SE3_lidar[1, 3], LIDAR_HEIGHT_M + imu_SE3_lidar[2, 3]
    return ego_SE3_imu, ego_SE3_imu @ imu_SE3_lidar


def _posed(sequence: Sequence360) -> tuple[dict[str, str], Float64]:
    """Scans that have a pose, by number, and ``world_SE3_imu`` (N, 4, 4) of each. Raises InputError where there is none."""
    poses = read_numbered_poses(sequence.data_root, sequence.poses)
    scans = {token: file for token, file in sequence.scans().items() if int(token) in poses}
    if not scans:
        first = next(iter(sequence.scans()))
        raise InputError(
            "no scan has a pose", file=sequence.poses, frame=first, found=f"poses of {len(poses)} other frames",
            expected=f"a line that begins with {int(first)}", fix="use scans and poses of the same sequence",
        )  # fmt: skip
    return scans, np.array([poses[int(token)] for token in scans])
