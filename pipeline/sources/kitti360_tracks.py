"""Which boxes of KITTI-360 are whose, in frames that have a scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...schemas.taxonomy import NO_LABEL, SSCBENCH_KITTI360
from .kitti360_boxes import STILL, Box360
from .kitti_text import Float64
from .kitti_tracklets import Tracks

REACH_M = 80.0
"""A box that stands for all of a window of frames is taken where the scanner sees so far: windows are hundreds of metres long."""


def tracks(boxes: Sequence[Box360], frames: Sequence[int], world_SE3_lidar: Float64) -> Tracks:
    """Boxes of those frames, sorted by object and time; objects without any are left out.

    Where one object has two boxes in a frame, the later one in the file counts, as in kitti360scripts. One that has boxes of single
    frames has them alone. ``frames``: numbers of the scans; ``world_SE3_lidar``: (N, 4, 4) float64, their poses.
    """
    sweeps = {frame: sweep for sweep, frame in enumerate(frames)}
    objects: dict[tuple[str, int], list[Box360]] = {}
    for box in boxes:
        objects.setdefault((box.category, box.instance), []).append(box)
    kept: list[tuple[str, int]] = []
    rows: list[tuple[int, int, Box360]] = []
    for key, found in sorted(objects.items()):
        moving = [box for box in found if box.frame != STILL]
        mine: dict[int, Box360] = {sweeps[box.frame]: box for box in moving if box.frame in sweeps}
        for box in () if moving else found:
            mine |= dict.fromkeys(_near(box, sweeps, world_SE3_lidar), box)
        rows += [(len(kept), sweep, box) for sweep, box in sorted(mine.items(), key=lambda item: item[0])]
        kept += [key] if mine else []
    return Tracks(
        track=np.array([track for track, *_ in rows], dtype=np.int32),
        sweep=np.array([sweep for _, sweep, _ in rows], dtype=np.int64),
        world_SE3_box=np.array([box.world_SE3_box for *_, box in rows]).reshape(-1, 4, 4),
        size_m=np.array([box.size_m for *_, box in rows]).reshape(-1, 3),
        tokens=[f"{category}-{instance}" for category, instance in kept],
        categories=[category for category, _ in kept],
        classes=[SSCBENCH_KITTI360.categories.get(category, NO_LABEL) for category, _ in kept],
    )


def _near(box: Box360, sweeps: Mapping[int, int], world_SE3_lidar: Float64) -> list[int]:
    """Scans of a box's window that its middle is in reach of."""
    first, last = box.window
    inside = [sweep for frame, sweep in sweeps.items() if first <= frame <= last]
    away = np.linalg.norm(world_SE3_lidar[inside, :3, 3] - box.world_SE3_box[:3, 3], axis=1)
    return np.array(inside, dtype=np.int64)[away <= REACH_M].tolist()
