"""A hand-written log in the layout of KITTI-360: two sequences of a few hundred points, of which some frames have no scan or no pose.

Nothing in it is symmetric or zero: a sign or an axis that is mixed up shows.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GOOD, BAD = "2013_05_28_drive_0003_sync", "2013_05_28_drive_0006_sync"
"""Names of the two sequences: tests spoil the second."""
SCANS = (1, 2, 3, 5, 6, 7)
POSED = (0, 2, 3, 4, 5, 7)
FRAMES = (2, 3, 5, 7)
"""Frames that have both."""
LINES = 9
"""Lines in files of times."""
CAM_TO_POSE = {
    "image_00": (0.0, -0.28, 0.96, 1.57, 1.0, 0.0, 0.0, 0.02, 0.0, 0.96, 0.28, -0.65),
    "image_01": (0.0, -0.352, 0.936, 1.6, 1.0, 0.0, 0.0, 0.61, 0.0, 0.936, 0.352, -0.64),
}
"""The cameras in the frame of the inertial unit, whose axes point ahead, to the right and down; they look down farther than KITTI-360's."""
CAM_TO_VELO = (0.0, -0.352, 0.936, 0.8, -1.0, 0.0, 0.0, 0.3, 0.0, -0.936, -0.352, -0.18)
"""Camera 0 in the LiDAR's frame."""
PERSPECTIVE = {
    "S_rect_00": (1408.0, 376.0),
    "R_rect_00": (0.9998, 0.0, 0.02, 0.0, 1.0, 0.0, -0.02, 0.0, 0.9998),
    "P_rect_00": (552.5, 0.0, 682.0, 0.0, 0.0, 551.5, 238.7, 0.0, 0.0, 0.0, 1.0, 0.0),
    "S_rect_01": (1400.0, 370.0),
    "R_rect_01": (1.0, 0.0, 0.0, 0.0, 0.9998, 0.02, 0.0, -0.02, 0.9998),
    "P_rect_01": (553.5, 0.0, 680.0, -328.3, 0.0, 554.5, 230.7, 0.0, 0.0, 0.0, 1.0, 0.0),
}
CORNERS = np.array([[x, y, z] for x, y, z in zip(
    (1, 1, 1, 1, -1, -1, -1, -1), (1, 1, -1, -1, 1, 1, -1, -1), (1, -1, 1, -1, -1, 1, -1, 1), strict=True,
)]) / 2.0  # fmt: skip
"""(8, 3) in KITTI-360's order."""
CAR, CAR_LWH, PARKED, PARKED_LWH = 13, (4.2, 1.8, 1.5), 14, (7.5, 2.4, 3.1)
"""KITTI-360's internal numbers of a car that drives and a truck that stands, with sizes."""


def world_SE3_imu(frame: int) -> NDArray[np.float64]:
    """1.1 m ahead a frame on a bend, somewhere in the town; the unit is upside down."""
    turn = 0.4 + 0.02 * frame
    pose = np.eye(4)
    pose[:3, :3] = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]) @ np.diag(
        [1.0, -1, -1]
    )
    pose[:3, 3] = (900 + 1.1 * frame * np.cos(turn), 3500 + 1.1 * frame * np.sin(turn), 115.5 + 0.01 * frame)
    return pose


def imu_SE3_lidar() -> NDArray[np.float64]:
    imu_SE3_cam0, lidar_SE3_cam0 = (
        np.vstack([np.reshape(rows, (3, 4)), [0, 0, 0, 1]]) for rows in (CAM_TO_POSE["image_00"], CAM_TO_VELO)
    )
    return imu_SE3_cam0 @ np.linalg.inv(lidar_SE3_cam0)


def upright(x: float, y: float, z: float, heading: float) -> NDArray[np.float64]:
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(heading), -np.sin(heading)], [np.sin(heading), np.cos(heading)]]
    pose[:3, 3] = (x, y, z)
    return pose


def car_pose(frame: int) -> NDArray[np.float64]:
    """Some 9 m ahead of the unit, on the ground that is 0.9 m below it."""
    x, y, z = (world_SE3_imu(frame) @ (9.0 + 0.3 * frame, -2.0, 0.15, 1.0))[:3]
    return upright(x, y, z, 0.5 + 0.03 * frame)


def parked_pose() -> NDArray[np.float64]:
    x, y, z = (world_SE3_imu(4) @ (12.0, 4.0, -0.65, 1.0))[:3]
    return upright(x, y, z, -0.7)


def box(
    name: str, kind: int, instance: int, frame: int, pose: NDArray[np.float64], lwh: tuple[float, float, float],
    window: tuple[int, int] = (0, 6),
) -> str:  # fmt: skip
    """One element of a file of boxes."""
    transform = pose @ np.diag([*lwh, 1.0])
    moves = int(frame >= 0)
    return (
        f"<{name}>\n<index>{instance}</index><label>thing</label><semanticId_orig>26</semanticId_orig><semanticId>{kind}</semanticId>"
        f"<instanceId>{instance}</instanceId><category>box</category><timestamp>{frame}</timestamp><dynamic>{moves}</dynamic>"
        f"<start_frame>{window[0]}</start_frame><end_frame>{window[1]}</end_frame>\n"
        f"{matrix('transform', transform)}{matrix('vertices', CORNERS)}{matrix('faces', np.zeros((12, 3)))}</{name}>\n"
    )


def matrix(name: str, values: NDArray[np.float64]) -> str:
    data = "\n    ".join(" ".join(f"{value:.12g}" for value in row) for row in values)
    rows, cols = values.shape
    return f'<{name} type_id="opencv-matrix"><rows>{rows}</rows><cols>{cols}</cols><dt>f</dt><data>\n    {data}</data></{name}>\n'


def boxes(*items: str) -> str:
    return f'<?xml version="1.0"?>\n<opencv_storage>\n{"".join(items)}</opencv_storage>\n'


class Kitti360Log:
    """The text of its files by their paths, which a test may spoil, and its scans."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts: dict[str, str] = {
            "calibration/calib_cam_to_pose.txt": rows(CAM_TO_POSE),
            "calibration/calib_cam_to_velo.txt": " ".join(map(str, CAM_TO_VELO)) + "\n",
            "calibration/perspective.txt": f"calib_time: 09-Jan-2012 14:00:15\n{rows(PERSPECTIVE)}",
        }
        self.scans: dict[str, NDArray[np.float32]] = {}
        self.images: dict[str, bytes] = {}
        moving = [box(f"object{10 + n}", CAR, 7, n, car_pose(n), CAR_LWH) for n in range(1, 7)]
        parked = box("object2", PARKED, 3, -1, parked_pose(), PARKED_LWH)
        house = box("object1", 11, 1, -1, parked_pose(), (20.0, 10.0, 9.0))
        for name in (GOOD, BAD):
            self.texts[times(name)] = "".join(f"{time_of(n)}\n" for n in range(LINES))
            poses = [(n, *world_SE3_imu(n)[:3].ravel().tolist()) for n in POSED]
            self.texts[poses_file(name)] = "".join(f"{row[0]} {' '.join(map(repr, row[1:]))} \n" for row in poses)
            self.texts[boxes_file(name)] = boxes(parked, house, *moving)
            for n in SCANS:
                self.scans[scan(n, name)] = make_scan(n)
                for camera in ("image_00", "image_01"):
                    self.images[f"data_2d_raw/{name}/{camera}/data_rect/{n:010d}.png"] = picture(camera)

    def write(self) -> Kitti360Log:
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


def rows(values: dict[str, tuple[float, ...]]) -> str:
    return "".join(f"{key}: {' '.join(map(str, row))}\n" for key, row in values.items())


def time_of(frame: int) -> str:
    return f"2013-05-28 08:46:{2 + frame // 9:02d}.{100 * (frame % 9) + 4:03d}030912"


def times(name: str = BAD) -> str:
    return f"data_3d_raw/{name}/velodyne_points/timestamps.txt"


def poses_file(name: str = BAD) -> str:
    return f"data_poses/{name}/poses.txt"


def boxes_file(name: str = BAD) -> str:
    return f"data_3d_bboxes/train/{name}.xml"


def scan(frame: int, name: str = BAD) -> str:
    return f"data_3d_raw/{name}/velodyne_points/data/{frame:010d}.bin"


@cache
def picture(camera: str) -> bytes:
    """A grey image, as a file's content."""
    width, height = (int(side) for side in PERSPECTIVE[f"S_rect_{camera[-2:]}"])
    stream = io.BytesIO()
    Image.new("L", (width, height), 99).save(stream, "PNG")
    return stream.getvalue()


def make_scan(frame: int) -> NDArray[np.float32]:
    """(N, 4) float32 in the LiDAR's frame: points in the boxes, and around."""
    rng = np.random.default_rng(frame)
    lidar_SE3_world = np.linalg.inv(world_SE3_imu(frame) @ imu_SE3_lidar())
    around = rng.uniform((-20, -20, -2), (30, 20, 3), (200, 3))
    points = [around]
    for pose, lwh in ((car_pose(frame), CAR_LWH), (parked_pose(), PARKED_LWH)):
        local = rng.uniform(-0.49, 0.49, (60, 3)) * lwh
        placed = lidar_SE3_world @ pose
        points.append(local @ placed[:3, :3].T + placed[:3, 3])
    return np.c_[np.concatenate(points), np.full(320, 0.3)].astype(np.float32)
