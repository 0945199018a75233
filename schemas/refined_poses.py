"""Ego poses that agree with the scans, and what follows from them for boxes and cameras.

A correction is a transform on the ego vehicle's side: ``world_SE3_refined = world_SE3_ego @ ego_SE3_refined``, at the vehicle
and not at the world's far origin, so that between two registered sweeps it may be interpolated.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .cameras import NO_IMAGE, CameraTables
from .frames import Float64
from .product import Array, Product, array
from .scene import SceneTables
from .validity import AtLeast, Finite, Increasing, Indexes, OneOf, Poses

Int64 = NDArray[np.int64]
_NAN = float("nan")


class PoseStatus(IntEnum):
    """What became of the pose of a registered sweep."""

    KEPT = 0
    """The scene's poses are the log's."""
    REFINED = 1
    REFUSED = 2
    """It would not have agreed better: its correction is that of its neighbours."""
    CARRIED = 3
    """Nothing could be registered to it: its correction is that of its neighbours."""


@dataclass(frozen=True, kw_only=True)
class RefinedPoses(Product):
    """One scene's ego poses as stages use them: the log's own, bit for bit, unless ``verdict`` is ``refined``."""

    name: ClassVar[str] = "refined_poses"

    world_SE3_ego: Array = array("sweep", "row", "column", dtype="float64", fill=_NAN, valid=[Poses()], row=4, column=4)
    """(S, 4, 4) float64: ego pose at the time of every sweep."""
    node_sweeps: Array = array("node", dtype="int32", fill=-1, valid=[Indexes("sweep"), Increasing()])
    """(N,) int32: which sweeps were registered."""
    ego_SE3_refined: Array = array(
        "node", "row", "column", dtype="float64", fill=_NAN, valid=[Poses()], row=4, column=4
    )
    """(N, 4, 4) float64: the correction of each."""
    status: Array = array("node", dtype="uint8", fill=255, valid=[OneOf.enum(PoseStatus)])
    """(N,) uint8: :class:`PoseStatus`."""
    residual_before_m: Array = array("node", dtype="float32", fill=_NAN, valid=[])
    """(N,) float32: median distance of its points to surfaces of the scans it was compared with, at the log's poses; NaN without any."""
    residual_after_m: Array = array("node", dtype="float32", fill=_NAN, valid=[])
    """(N,) float32: the same at refined poses, also where they were refused."""
    overlap: Array = array("node", dtype="float32", fill=_NAN, valid=[Finite(), AtLeast(0)])
    """(N,) float32: mean share of points with a partner, over its registrations; 0 without any."""

    verdict: str
    """``refined``: the poses differ from the log's. ``kept``: they agree with the scans. ``refused``: refinement would not
    have been better. ``off``: not asked for."""
    reason: str
    """The verdict in a sentence."""
    map_thickness_m: list[float | None]
    """Median over 0.4 m cells of the standard deviation of the ground's height, before and after; null where unknown."""
    found: dict[str, float]
    """The largest correction that registration found, applied or not: ``translation_m`` and ``rotation_deg``."""


@dataclass(frozen=True)
class Corrections:
    """The correction at any time: constant before the first and after the last node, interpolated between."""

    times_ns: Int64
    """(N,) int64, increasing."""
    ego_SE3_refined: Float64
    """(N, 4, 4) float64."""

    def at(self, times_ns: Int64) -> Float64:
        """``ego_SE3_refined`` (M, 4, 4) at times (M,): straight in translation, shortest arc in rotation."""
        if len(self.times_ns) == 1:
            return np.repeat(self.ego_SE3_refined, len(times_ns), axis=0)
        # Differences first: nanoseconds since 1970 have more digits than float64.
        known = (self.times_ns - self.times_ns[0]) * 1e-9
        now = np.clip((times_ns - self.times_ns[0]) * 1e-9, 0.0, known[-1])
        # Whoever only reads poses, as a trainer does, needs no SciPy.
        from scipy.spatial.transform import Rotation, Slerp

        found = np.tile(np.eye(4), (len(times_ns), 1, 1))
        if len(now):
            found[:, :3, :3] = Slerp(known, Rotation.from_matrix(self.ego_SE3_refined[:, :3, :3]))(now).as_matrix()
        for axis in range(3):
            found[:, axis, 3] = np.interp(now, known, self.ego_SE3_refined[:, axis, 3])
        return found


def corrections_of(tables: SceneTables, poses: RefinedPoses) -> Corrections:
    """The corrections of a scene at the times of its registered sweeps."""
    return Corrections(tables.timestamps_ns[poses.node_sweeps], poses.ego_SE3_refined)


def refined_tables(tables: SceneTables, poses: RefinedPoses) -> SceneTables:
    """The tables with refined sweep poses; every box keeps its place relative to the LiDAR at its own time.

    The same object where the scene's poses are the log's.
    """
    if poses.verdict != "refined":
        return tables
    logged = _logged_poses(tables, tables.box_timestamps_ns)
    refined = logged @ corrections_of(tables, poses).at(tables.box_timestamps_ns)
    boxes = _rigid(refined @ np.linalg.inv(logged) @ tables.world_SE3_box) if len(logged) else tables.world_SE3_box
    return dataclasses.replace(tables, world_SE3_ego=poses.world_SE3_ego, world_SE3_box=boxes)


def refined_cameras(cameras: CameraTables, tables: SceneTables, poses: RefinedPoses) -> CameraTables:
    """The cameras with the ego pose of each image refined by the correction at the image's own time.

    ``tables``: the scene's, refined or not. The same object where the scene's poses are the log's.
    """
    there = cameras.timestamps_ns != NO_IMAGE
    if poses.verdict != "refined" or not there.any():
        return cameras
    world_SE3_ego = cameras.world_SE3_ego.copy()
    corrections = corrections_of(tables, poses).at(cameras.timestamps_ns[there])
    world_SE3_ego[there] = _rigid(world_SE3_ego[there] @ corrections)
    return dataclasses.replace(cameras, world_SE3_ego=world_SE3_ego)


def refined_sweeps(tables: SceneTables, corrections: Corrections) -> Float64:
    """``world_SE3_ego`` (S, 4, 4) of all sweeps, corrected."""
    return _rigid(tables.world_SE3_ego @ corrections.at(tables.timestamps_ns))


def _logged_poses(tables: SceneTables, times_ns: Int64) -> Float64:
    """The log's ego pose (M, 4, 4) at times (M,): a sweep's own where it has that time, interpolated elsewhere."""
    found: Float64 = Corrections(tables.timestamps_ns, tables.world_SE3_ego).at(times_ns)
    sweep = np.minimum(np.searchsorted(tables.timestamps_ns, times_ns), len(tables.timestamps_ns) - 1)
    exact = tables.timestamps_ns[sweep] == times_ns
    found[exact] = tables.world_SE3_ego[sweep[exact]]
    return found


def _rigid(poses: NDArray[Any]) -> Float64:
    """Products of rigid transforms, with the last row exact again."""
    poses[..., 3, :] = (0.0, 0.0, 0.0, 1.0)
    return poses
