"""A hand-written log in the layout of KITTI's raw data: two drives of a few hundred points, scans missing between others.

Nothing in it is symmetric or zero: a sign or an axis that is mixed up shows.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DAY = "2011_09_26"
GOOD, BAD = f"{DAY}_0005", f"{DAY}_0009"
"""Names of the two drives: tests spoil the second."""
FRAMES = (0, 1, 2, 5, 6)
"""Numbers of the scans: 3 and 4 are missing."""
LINES = 8
"""Lines in files of times, packets of the inertial unit: more than scans."""
CALIBRATION = {"R": (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0), "T": (-0.81, 0.32, -0.8)}
"""The inertial unit in the LiDAR's frame, turned much farther than KITTI's is."""
MOUNTING = {"R": (0.6, -0.8, 0.0, 0.0, 0.0, -1.0, 0.8, 0.6, 0.0), "T": (-0.05, -0.07, -0.27)}
"""The LiDAR in the frame of camera 0, which looks ahead."""
CAMERAS = {
    "R_rect_00": (0.9998, 0.0, 0.02, 0.0, 1.0, 0.0, -0.02, 0.0, 0.9998),
    "S_rect_02": (1242.0, 375.0),
    "P_rect_02": (400.0, 0.0, 600.0, 44.8, 0.0, 410.0, 170.0, 0.2, 0.0, 0.0, 1.0, 0.003),
    "S_rect_03": (1224.0, 370.0),
    "P_rect_03": (405.0, 0.0, 610.0, -339.5, 0.0, 415.0, 180.0, 2.2, 0.0, 0.0, 1.0, 0.002),
}
CAR, CAR_HWL, CAR_FIRST = "Car", (1.5, 2.0, 4.0), 1
PERSON, PERSON_HWL, PERSON_FIRST = "Pedestrian", (1.8, 0.8, 0.6), 0
Place = tuple[float, float, float, float]


def car_place(frame: int) -> Place:
    """tx, ty, tz, rz: the middle of the lower face in the LiDAR's frame."""
    return (9.0 + 0.7 * frame, 3.0 - 0.2 * frame, -1.7 + 0.01 * frame, 0.3 + 0.05 * frame)


def person_place(frame: int) -> Place:
    return (6.0, -4.0 + 0.1 * frame, -1.65, -2.0)


def packet(frame: int) -> list[float]:
    """Thirty numbers, of which the first six say where the inertial unit is."""
    place = [49.01 + 6e-6 * frame, 8.42 + 4e-6 * frame, 112.8 + 0.03 * frame]
    return [*place, 0.02 + 0.001 * frame, -0.03, 0.6 + 0.01 * frame, *[0.5] * 19, 4.0, 10.0, 4.0, 4.0, 0.0]


def time_of(frame: int) -> str:
    return f"2011-09-26 13:02:{25 + frame}.594360{375 + frame}"


def tracklet(category: str, hwl: tuple[float, float, float], first: int, places: list[Place]) -> str:
    """One item of a file of tracklets, with all that KITTI writes around it."""
    size = "".join(f"<{key}>{value}</{key}>\n" for key, value in zip("hwl", hwl, strict=True))
    poses = "".join(
        "<item>" + "".join(f"<{key}>{value!r}</{key}>" for key, value in zip(("tx", "ty", "tz", "rz"), place, strict=True))
        + "<rx>0</rx><ry>0</ry><state>2</state><occlusion>1</occlusion><truncation>0</truncation></item>\n"
        for place in places
    )  # fmt: skip
    return (
        f"<item class_id='1'><objectType>{category}</objectType>\n{size}<first_frame>{first}</first_frame>\n"
        f"<poses class_id='2'><count>{len(places)}</count><item_version>2</item_version>\n{poses}</poses>"
        "<finished>1</finished></item>\n"
    )


def tracklets(*items: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>\n<!DOCTYPE boost_serialization>\n'
        '<boost_serialization signature="serialization::archive" version="9">\n'
        f"<tracklets class_id='0'><count>{len(items)}</count><item_version>1</item_version>\n{''.join(items)}"
        "</tracklets>\n</boost_serialization>\n"
    )


class KittiLog:
    """The text of its files by their paths, which a test may spoil, and its scans."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts: dict[str, str] = {}
        for name, rows in (("imu_to_velo", CALIBRATION), ("velo_to_cam", MOUNTING), ("cam_to_cam", CAMERAS)):
            text = "".join(f"{key}: {' '.join(map(str, values))}\n" for key, values in rows.items())
            self.texts[f"{DAY}/calib_{name}.txt"] = f"calib_time: 25-May-2012 16:47:16\n{text}"
        self.images: dict[str, bytes] = {}
        self.scans: dict[str, NDArray[np.float32]] = {}
        car = tracklet(CAR, CAR_HWL, CAR_FIRST, [car_place(n) for n in range(CAR_FIRST, LINES)])
        person = tracklet(PERSON, PERSON_HWL, PERSON_FIRST, [person_place(n) for n in range(4)])
        for drive in (GOOD, BAD):
            times = "".join(f"{time_of(n)}\n" if n in FRAMES else "\n" for n in range(LINES))
            self.texts[self.file("velodyne_points/timestamps.txt", drive)] = times
            self.texts[self.file("tracklet_labels.xml", drive)] = tracklets(car, person)
            for n in range(LINES):
                self.texts[self.packet(n, drive)] = " ".join(map(repr, packet(n))) + "\n"
            for n in FRAMES:
                self.scans[self.scan(n, drive)] = make_scan(n)
                for camera in ("02", "03"):
                    self.images[self.file(f"image_{camera}/data/{n:010d}.png", drive)] = picture(camera)

    @staticmethod
    def file(name: str, drive: str = BAD) -> str:
        """Path of a drive's file."""
        return f"{DAY}/{DAY}_drive_{drive[-4:]}_sync/{name}"

    def packet(self, frame: int, drive: str = BAD) -> str:
        return self.file(f"oxts/data/{frame:010d}.txt", drive)

    def scan(self, frame: int, drive: str = BAD) -> str:
        return self.file(f"velodyne_points/data/{frame:010d}.bin", drive)

    def write(self) -> KittiLog:
        for name, text in self.texts.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text, encoding="utf-8")
        for name, points in self.scans.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            points.tofile(self.root / name)
        for name, content in self.images.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(content)
        return self


@cache
def picture(camera: str) -> bytes:
    """A grey image, as a file's content."""
    width, height = (int(side) for side in CAMERAS[f"S_rect_{camera}"])
    stream = io.BytesIO()
    Image.new("L", (width, height), 99).save(stream, "PNG")
    return stream.getvalue()


def make_scan(frame: int) -> NDArray[np.float32]:
    """(N, 4) float32 in the LiDAR's frame: points in the boxes and on the ground."""
    rng = np.random.default_rng(frame)
    points = [np.c_[rng.uniform(-20, 20, (200, 2)), np.full(200, -1.73)]]
    for (x, y, z, yaw), (h, w, length) in ((car_place(frame), CAR_HWL), (person_place(frame), PERSON_HWL)):
        local = rng.uniform(-0.49, 0.49, (60, 3)) * (length, w, h)
        c, s = np.cos(yaw), np.sin(yaw)
        turned = local @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        points.append(turned + np.array([x, y, z + h / 2]))
    return np.c_[np.concatenate(points), np.full(320, 0.3)].astype(np.float32)
