"""Where the files of one of KITTI-360's sequences are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CALIBRATION = ("calibration/calib_cam_to_pose.txt", "calibration/calib_cam_to_velo.txt")
"""Where the cameras are, seen from the inertial unit; where camera 0 is, seen from the LiDAR. The same for all sequences."""
PERSPECTIVE = "calibration/perspective.txt"
"""How the two perspective cameras are rectified, and what they are like then."""
_NAME = re.compile(r"\d{4}_\d\d_\d\d_drive_\d{4}_sync", re.ASCII)
_NUMBER = re.compile(r"\d{10}", re.ASCII)


@dataclass(frozen=True)
class Sequence360:
    """Paths relative to the data root, of files that may be missing."""

    data_root: Path
    name: str
    """As its folders are called: ``2013_05_28_drive_0000_sync``."""

    @property
    def times(self) -> str:
        """The scans' times, a line for every number."""
        return f"data_3d_raw/{self.name}/velodyne_points/timestamps.txt"

    @property
    def poses(self) -> str:
        """Poses of the inertial unit in the world, of most frames."""
        return f"data_poses/{self.name}/poses.txt"

    @property
    def boxes(self) -> str:
        """Boxes of everything that was annotated, which the test sequences lack."""
        return f"data_3d_bboxes/train/{self.name}.xml"

    def cameras(self) -> list[str]:
        """Names of the perspective cameras whose images are here."""
        return [name for name in ("image_00", "image_01") if (self.data_root / self._images(name)).is_dir()]

    def image(self, camera: str, token: str) -> str:
        """The rectified image that was taken with a scan."""
        return f"{self._images(camera)}/{token}.png"

    def scans(self) -> dict[str, str]:
        """Point files by the ten digits that number them, in order; what is called otherwise is none."""
        folder = f"data_3d_raw/{self.name}/velodyne_points/data"
        stems = sorted(path.stem for path in (self.data_root / folder).glob("*.bin"))
        return {stem: f"{folder}/{stem}.bin" for stem in stems if _NUMBER.fullmatch(stem)}

    def tables(self) -> list[str]:
        """Files that tell of the scans and are there."""
        cameras = [PERSPECTIVE] if self.cameras() else []
        names = (*CALIBRATION, *cameras, self.times, self.poses, self.boxes)
        return [name for name in names if (self.data_root / name).is_file()]

    def _images(self, camera: str) -> str:
        return f"data_2d_raw/{self.name}/{camera}/data_rect"


def sequences(data_root: Path) -> list[str]:
    """Names of sequences that hold scans, sorted."""
    folder = data_root / "data_3d_raw"
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(name for name in names if _NAME.fullmatch(name) and Sequence360(data_root, name).scans())
