"""Writes a simulated log in SemanticKITTI's layout, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from .kitti_labels import OUTLIER, class_ids, instances, values
from .kitti_scans import Recording
from .log import Progress
from .meshes import Float64
from .streets import Wanted, write_streets

SEQUENCES = 100
"""As many as two digits name."""
PROJECTIONS: dict[str, tuple[float, ...]] = {
    "P0": (718.856, 0, 607.1928, 0, 0, 718.856, 185.2157, 0, 0, 0, 1, 0),
    "P1": (718.856, 0, 607.1928, -386.1448, 0, 718.856, 185.2157, 0, 0, 0, 1, 0),
    "P2": (718.856, 0, 607.1928, 45.38225, 0, 718.856, 185.2157, -0.1130887, 0, 0, 1, 0.003779761),
    "P3": (718.856, 0, 607.1928, -337.2877, 0, 718.856, 185.2157, 2.369057, 0, 0, 1, 0.004915215),
}
CAM0_SE3_LIDAR: Float64 = np.eye(4)
CAM0_SE3_LIDAR[:3] = [
    [4.276802385584e-04, -9.999672484946e-01, -8.084491683471e-03, -1.198459927713e-02],
    [-7.210626507497e-03, 8.081198471645e-03, -9.999413164504e-01, -5.403984729748e-02],
    [9.999738645903e-01, 4.859485810390e-04, -7.206933692422e-03, -2.921968648686e-01],
]
"""(4, 4), with :data:`PROJECTIONS` that of KITTI's sequence 00."""
CAM0_SE3_LIDAR[:3, :3] = Rotation.from_matrix(CAM0_SE3_LIDAR[:3, :3]).as_matrix()


def write_semantickitti_sample(
    out: Path, *, scenes: int = 1, seconds: float = 10.0, seed: int = 0, progress: Progress | None = None
) -> None:
    """Simulates a street and writes it as sequences of SemanticKITTI with their exact truth, in a new folder.

    Every scan is labelled. The streets are those of :func:`.log.write_nuscenes_sample`; there are no images. The same seed gives
    the same bytes; a scene does not depend on how many there are. ``progress`` hears each sequence's name and how much of it is
    done, 0 to 1. Raises UsageError if the numbers make no sense or the folder is in use, StorageError if it cannot be written.
    """
    write_streets(
        out,
        "semantickitti",
        Wanted(scenes, seconds, seed),
        lambda number: f"{number:02d}",
        SEQUENCES,
        _sequence,
        progress,
    )


def _sequence(root: Path, name: str, recording: Recording, report: Callable[[float], None]) -> None:
    """Scans, labels, tables and truth of one sequence."""
    folder = root / "sequences" / name
    for kind in ("velodyne", "labels"):
        (folder / kind).mkdir(parents=True)
    found = values(recording.world)
    labels = found | instances(recording.world) << np.uint32(16)
    tokens = [f"{number:06d}" for number in range(len(recording.times_s))]
    for scan in recording.scans(root / "truth" / name, class_ids(found), tokens, report):
        scan.points.tofile(folder / "velodyne" / f"{tokens[scan.number]}.bin")
        named = np.where(scan.triangles >= 0, labels[scan.triangles], OUTLIER).astype("<u4")
        named.tofile(folder / "labels" / f"{tokens[scan.number]}.label")
    _tables(folder, recording.world_SE3_lidar, recording.times_s)


def _tables(folder: Path, world_SE3_lidar: Float64, times_s: Sequence[float]) -> None:
    """Calibration, times and poses: camera 0's, in its first frame."""
    rows = {**PROJECTIONS, "Tr": CAM0_SE3_LIDAR[:3].ravel().tolist()}
    (folder / "calib.txt").write_text("".join(f"{key}: {_line(row)}" for key, row in rows.items()))
    (folder / "times.txt").write_text("".join(f"{time:.6e}\n" for time in times_s))
    first = np.asarray(np.linalg.inv(world_SE3_lidar[0]), dtype=np.float64)
    lidar_SE3_cam0 = np.linalg.inv(CAM0_SE3_LIDAR)
    poses = CAM0_SE3_LIDAR @ first @ world_SE3_lidar @ lidar_SE3_cam0
    lines: list[list[float]] = poses[:, :3].reshape(-1, 12).tolist()
    (folder / "poses.txt").write_text("".join(map(_line, lines)))


def _line(numbers: Sequence[float]) -> str:
    return " ".join(f"{number:.12e}" for number in numbers) + "\n"
