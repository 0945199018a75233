"""Where the files of one of KITTI's raw drives are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...schemas.errors import InputError

_FOLDER = re.compile(r"(\d{4}_\d\d_\d\d)_drive_(\d{4})_sync", re.ASCII)
_NUMBER = re.compile(r"\d{10}", re.ASCII)


@dataclass(frozen=True)
class Drive:
    """Paths relative to the data root, of files that may be missing."""

    data_root: Path
    name: str
    """The date and the drive's number: ``2011_09_26_0005``."""

    @property
    def day(self) -> str:
        """The folder of the day, which all its drives' calibration lies in."""
        return self.name.rpartition("_")[0]

    @property
    def folder(self) -> str:
        """The drive's own folder."""
        return f"{self.day}/{self.day}_drive_{self.name.rpartition('_')[2]}_sync"

    @property
    def calibration(self) -> str:
        """Where the inertial unit sits, seen from the LiDAR."""
        return f"{self.day}/calib_imu_to_velo.txt"

    @property
    def camera_mounting(self) -> str:
        """Where the LiDAR is, seen from camera 0 before it is rectified."""
        return f"{self.day}/calib_velo_to_cam.txt"

    @property
    def camera_calibration(self) -> str:
        """How cameras are rectified, and what they are like then."""
        return f"{self.day}/calib_cam_to_cam.txt"

    @property
    def tracklets(self) -> str:
        """Tracked boxes, which not all drives have."""
        return f"{self.folder}/tracklet_labels.xml"

    @property
    def times(self) -> str:
        """The scans' times; where they are missing those of the packets, which KITTI took for their nearness to the scans."""
        own, other = (f"{self.folder}/{sensor}/timestamps.txt" for sensor in ("velodyne_points", "oxts"))
        return other if not self._has(own) and self._has(other) else own

    def packet(self, token: str) -> str:
        """What the inertial unit measured at a scan."""
        return f"{self.folder}/oxts/data/{token}.txt"

    def cameras(self) -> list[str]:
        """Names of the colour cameras whose images are here."""
        return [name for name in ("image_02", "image_03") if (self.data_root / self.folder / name / "data").is_dir()]

    def image(self, camera: str, token: str) -> str:
        """The image that was taken with a scan."""
        return f"{self.folder}/{camera}/data/{token}.png"

    def scans(self) -> list[str]:
        """Point files, sorted."""
        folder = f"{self.folder}/velodyne_points/data"
        return [f"{folder}/{name}" for name in sorted(path.name for path in (self.data_root / folder).glob("*.bin"))]

    def tables(self) -> list[str]:
        """Files that tell of the scans and are there."""
        stems = [scan.rpartition("/")[2].removesuffix(".bin") for scan in self.scans()]
        packets = [self.packet(stem) for stem in stems if _NUMBER.fullmatch(stem)]
        cameras = [self.camera_mounting, self.camera_calibration] if self.cameras() else []
        names = (self.calibration, self.times, self.tracklets, *cameras, *packets)
        return [name for name in names if self._has(name)]

    def _has(self, name: str) -> bool:
        return (self.data_root / name).is_file()


def drives(data_root: Path) -> list[str]:
    """Names of drives that hold scans, sorted."""
    days = [path for path in data_root.iterdir() if path.is_dir()] if data_root.is_dir() else []
    found = [(day.name, _FOLDER.fullmatch(path.name)) for day in days for path in day.glob(f"{day.name}_drive_*")]
    names = [f"{day}_{folder[2]}" for day, folder in found if folder and folder[1] == day]
    return sorted(name for name in names if Drive(data_root, name).scans())


def number_of(scan: str) -> str:
    """The number in a scan's name, as it is written there. Raises InputError."""
    stem = scan.rpartition("/")[2].removesuffix(".bin")
    if not _NUMBER.fullmatch(stem):
        raise InputError(
            "scan has no number",
            file=ascii(scan),
            found=ascii(stem),
            expected="ten digits",
            fix="rename it, or remove it",
        )
    return stem
