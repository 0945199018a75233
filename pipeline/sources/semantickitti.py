"""Reader of SemanticKITTI: KITTI's odometry sequences with a label for every point.

``pykitti.odometry`` is not asked: it checks nothing, and it wants images, which SemanticKITTI's own archive lacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...schemas.cameras import CameraTables
from ...schemas.errors import InputError
from ...schemas.scene import PointKind, SceneTables
from ...schemas.taxonomy import NO_LABEL, SEMANTICKITTI
from .kitti_text import matrix, orthonormal, read_calibration, read_poses
from .kitti_times import read_seconds
from .source import SIMULATED, LoggedScene, Source, names_digest, scene_by_scene

T = TypeVar("T", np.int64, np.float64)
LEARNING_MAP: Mapping[int, int] = {
    10: 1, 11: 2, 13: 5, 15: 3, 16: 5, 18: 4, 20: 5, 30: 6, 31: 7, 32: 8, 40: 9, 44: 10, 48: 11, 49: 12, 50: 13, 51: 14,
    60: 9, 70: 15, 71: 16, 72: 17, 80: 18, 81: 19, 252: 1, 253: 7, 254: 6, 255: 8, 256: 5, 257: 5, 258: 4, 259: 5,
}  # fmt: skip
"""Values of label files to class ids (semantic-kitti-api, config/semantic-kitti.yaml). 0 unlabeled, 52 other-structure and 99
other-object are things without a class."""
_OUTLIER, _MOVING = 1, range(252, 260)
SPLITS = {
    "08": "val",
    **{f"{n:02d}": "train" for n in (*range(8), 9, 10)},
    **{f"{n:02d}": "test" for n in range(11, 22)},
}
EGO_SE3_LIDAR = np.array([[1.0, 0, 0, 0.81], [0, 1, 0, 0], [0, 0, 1, 1.73], [0, 0, 0, 1]])
"""The ego frame lies on the ground below the inertial unit, which is 0.81 m behind the LiDAR, and the LiDAR 1.73 m above
(Geiger et al. 2013, Fig. 3)."""


class SemanticKittiSource(Source):
    """SemanticKITTI: every scan is a key frame; poses are those that its labels were made with, where the copy has them.

    There are no boxes, so no tracks: points of the moving classes are known as such, with instance ids where labels have them.
    """

    name: ClassVar[str] = "semantickitti"
    return_bytes: ClassVar[int] = 16
    layout: ClassVar[str] = "sequences/00/velodyne or the like"
    licence: ClassVar[str] = "CC BY-NC-SA 4.0 (labels), CC BY-NC-SA 3.0 (KITTI), non-commercial (semantic-kitti.org)"
    taxonomy: ClassVar[str] = SEMANTICKITTI.name

    @classmethod
    def versions(cls, data_root: Path) -> list[str]:
        return ["odometry"] if _sequences(data_root) else []

    def table_files(self) -> list[str]:
        files = [file for name in self.scene_names() for file in self._tables(name)]
        return sorted(files + ([SIMULATED] if self.simulated else []))

    def identity(self) -> Mapping[str, str]:
        # Scans are listed, not named in a table.
        names = [file for name in self.scene_names() for file in self._files(name, "velodyne", ".bin")]
        names += [file for name in self.scene_names() for file in self._files(name, "labels", ".label")]
        return {"scans": names_digest(names)}

    def scene_names(self) -> list[str]:
        return _sequences(self.data_root)

    def index(self, scenes: Sequence[str] | None = None) -> Iterator[LoggedScene | InputError]:
        return scene_by_scene(self.scene_names(), scenes, self._read)

    def _tables(self, name: str) -> list[str]:
        """Calibration, times and poses of a sequence: SemanticKITTI's own poses where there are any, else KITTI's."""
        folder = f"sequences/{name}"
        own = f"{folder}/poses.txt"
        poses = own if (self.data_root / own).is_file() else f"poses/{name}.txt"
        return [f"{folder}/calib.txt", poses, f"{folder}/times.txt"]

    def _files(self, name: str, kind: str, suffix: str) -> list[str]:
        folder = self.data_root / "sequences" / name / kind
        found = sorted(path.name for path in folder.glob(f"*{suffix}")) if folder.is_dir() else []
        return [f"sequences/{name}/{kind}/{file}" for file in found]

    def _read(self, name: str) -> LoggedScene:
        calibration, poses, times = self._tables(name)
        cam0_SE3_lidar = matrix(read_calibration(self.data_root, calibration), "Tr", calibration)
        cam0_SE3_lidar[:3, :3] = orthonormal(cam0_SE3_lidar[:3, :3])
        scans = self._files(name, "velodyne", ".bin")
        frames = [_frame_id(scan) for scan in scans]
        stamps = _rows(read_seconds(self.data_root, times), frames, times)
        world_SE3_cam0 = _rows(read_poses(self.data_root, poses), frames, poses)
        late = np.flatnonzero(np.diff(stamps) <= 0)
        if len(late):
            raise InputError(
                "time stamps do not increase", file=times, frame=f"{frames[int(late[0]) + 1]:06d}",
                found=f"{stamps[late[0] + 1]} ns after {stamps[late[0]]} ns", expected="later ones", fix="mend the file",
            )  # fmt: skip
        # KITTI's poses are camera 0's, in its first frame, whose y points down.
        lidar = np.linalg.inv(cam0_SE3_lidar) @ world_SE3_cam0 @ cam0_SE3_lidar
        world_SE3_ego = EGO_SE3_LIDAR @ lidar @ np.linalg.inv(EGO_SE3_LIDAR)
        labels = set(self._files(name, "labels", ".label"))
        tokens = [f"{frame:06d}" for frame in frames]
        tables = SceneTables(
            timestamps_ns=stamps, world_SE3_ego=world_SE3_ego,
            ego_SE3_lidar=np.tile(EGO_SE3_LIDAR, (len(scans), 1, 1)),
            key_sweeps=np.arange(len(scans), dtype=np.int32),
            box_track=np.zeros(0, np.int32), box_timestamps_ns=np.zeros(0, np.int64),
            world_SE3_box=np.zeros((0, 4, 4)), box_size_m=np.zeros((0, 3)),
            scene=name, dataset=self.name, version=self.version, split=SPLITS.get(name, ""),
            taxonomy=self.taxonomy, synthetic=self.simulated,
            point_columns=4, point_files=scans,
            label_files=[_label_file(scan) if _label_file(scan) in labels else "" for scan in scans],
            label_classes=[LEARNING_MAP.get(value, NO_LABEL) for value in range(max(_MOVING) + 1)],
            label_kinds=[int(_kind(value)) for value in range(max(_MOVING) + 1)], label_bytes=4,
            frame_tokens=tokens, track_tokens=[], track_categories=[], track_classes=[],
        )  # fmt: skip
        return LoggedScene(tables, CameraTables.none(name, tokens))


def _kind(value: int) -> PointKind:
    if value == _OUTLIER:
        return PointKind.NOISE
    return PointKind.MOVING if value in _MOVING else PointKind.USUAL


def _label_file(scan: str) -> str:
    return scan.replace("/velodyne/", "/labels/").removesuffix(".bin") + ".label"


def _sequences(data_root: Path) -> list[str]:
    """Sequences that hold scans, sorted."""
    folder = data_root / "sequences"
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(n for n in names if re.fullmatch(r"\d\d", n) and any((folder / n / "velodyne").glob("*.bin")))


def _frame_id(scan: str) -> int:
    """The number in a scan's name: rows of tables are counted by it, whatever scans this copy lacks. Raises InputError."""
    stem = scan.rpartition("/")[2].removesuffix(".bin")
    if not re.fullmatch(r"\d{6}", stem):
        raise InputError("scan has no number", file=scan, found=ascii(stem), expected="six digits", fix="rename it")
    return int(stem)


def _rows(values: NDArray[T], frames: list[int], name: str) -> NDArray[T]:
    """The rows of some frames. Raises InputError naming the first that the table lacks."""
    missing = next((frame for frame in frames if frame >= len(values)), None)
    if missing is not None:
        raise InputError(
            "table ends before the last scan", file=name, frame=f"{missing:06d}", found=f"{len(values)} rows",
            expected=f"at least {max(frames) + 1}", fix="use the table and scans of the same sequence",
        )  # fmt: skip
    return values[frames]
