"""Scans of static points around some sweeps of a scene, made as they are asked for and forgotten behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .kernels.split import STATIC, assign, transform
from .pose_graph import between, difference, exponential
from .registration import Scan, register
from .stage import SceneView
from .tracks import box_poses, scene_tracks

Float64 = NDArray[np.float64]
_CARRY_S = 0.5
"""How long objects go on after their last box, seconds."""
_BAND_M = (-8.0, 10.0)
"""Returns lower or higher than this in the ego frame are left out, metres."""
_NONE = np.zeros((0, 3))


@dataclass(frozen=True)
class ScanRules:
    """Parameters of the stage that say what a scan is and when two of them agree."""

    ego_box_m: tuple[float, ...]
    range_m: float
    box_margin_m: float
    around_s: float
    voxel_m: float
    reach_m: float
    least_overlap: float


class ScanWindow:
    """Scans of nodes, sweeps with their neighbours in time, of one scene."""

    def __init__(self, scene: SceneView, nodes: NDArray[np.int32], rules: ScanRules) -> None:
        self._scene, self._tables, self._nodes, self._rules = scene, scene.tables, nodes, rules
        self._tracks = scene_tracks(scene.tables)
        self._halves = np.array([track.size_m / 2 for track in self._tracks], dtype=np.float64).reshape(-1, 3)
        self._returns: dict[int, dict[int, Float64]] = {}
        self._singles: dict[int, Scan] = {}
        self._scans: dict[int, Scan] = {}
        self._ways: dict[int, Float64] = {}

    def forget(self, before: int) -> None:
        """Drops scans of nodes before one, which are made anew if they are asked for again."""
        for kept, least in ((self._returns, before - 1), (self._singles, before - 1), (self._scans, before)):
            for node in [node for node in kept if node < least]:
                del kept[node]

    def logged(self, i: int, j: int) -> Float64:
        """(4, 4) from one node to another as the log's poses have it."""
        poses = self._tables.world_SE3_ego
        return between(poses[self._sweep(i)], poses[self._sweep(j)])

    def chained(self, i: int, j: int) -> Float64:
        """(4, 4) from one node to a later one along the ways between."""
        guess = np.eye(4)
        for k in range(i, j):
            guess = guess @ self.way(k)
        return guess

    def way(self, node: int) -> Float64:
        """(4, 4) from a node to the next, roughly, from their single sweeps; the log's where these could not be registered."""
        if node not in self._ways:
            logged = self.logged(node, node + 1)
            done = register(self._single(node), self._single(node + 1), logged, self._rules.reach_m)
            good = done is not None and done.converged and done.overlap >= self._rules.least_overlap
            self._ways[node] = done.target_SE3_source if done is not None and good else logged
        return self._ways[node]

    def scan(self, node: int) -> Scan:
        """A node's scan with the sweeps around it, placed where ways to the nodes before and after say that they were."""
        if node in self._scans:
            return self._scans[node]
        poses, sweep, returns = self._tables.world_SE3_ego, self._sweep(node), self._returns_of(node)
        pieces = [_NONE]
        for other in sorted(returns.keys() - {sweep}):
            ego_SE3_other = between(poses[sweep], poses[other]) @ self._correction(node, other)
            pieces.append(returns[other] @ ego_SE3_other[:3, :3].T + ego_SE3_other[:3, 3])
        self._scans[node] = Scan.of(returns[sweep], np.concatenate(pieces), self._rules.voxel_m)
        return self._scans[node]

    def _sweep(self, node: int) -> int:
        return int(self._nodes[node])

    def _single(self, node: int) -> Scan:
        """A node's own sweep alone."""
        if node not in self._singles:
            own = self._returns_of(node)[self._sweep(node)]
            self._singles[node] = Scan.of(own, _NONE, self._rules.voxel_m)
        return self._singles[node]

    def _returns_of(self, node: int) -> dict[int, Float64]:
        """Static returns (N, 3) of a node's sweeps, each in its own ego frame, by sweep."""
        if node not in self._returns:
            sweeps = self._around(self._sweep(node))
            # All tracks at once: they are many, and sweeps few.
            boxes = box_poses(self._tracks, self._tables.timestamps_ns[sweeps], _CARRY_S)
            self._returns[node] = {
                sweep: self._outside_boxes(sweep, world_SE3_box)
                for sweep, world_SE3_box in zip(sweeps.tolist(), boxes, strict=True)
            }
        return self._returns[node]

    def _around(self, sweep: int) -> NDArray[np.int64]:
        """A sweep with the farthest one before and after it that is near enough in time."""
        times = self._tables.timestamps_ns
        near = np.flatnonzero(np.abs(times - times[sweep]) <= round(self._rules.around_s * 1e9))
        return np.unique(np.array([near[0], sweep, near[-1]], dtype=np.int64))

    def _correction(self, node: int, other: int) -> Float64:
        """(4, 4) ``ego_SE3_refined`` of a sweep near a node, if the node itself has none: in proportion to the time between."""
        times, last = self._tables.timestamps_ns, len(self._nodes) - 1
        forward = node < last and (other > self._sweep(node) or node == 0)
        step = node if forward else node - 1
        logged = self.logged(step, step + 1)
        # At the step's other end: after a way on from the node, or before a way to it.
        wrong = (
            difference(logged, self.way(step))
            if forward
            else difference(self.way(step) @ np.linalg.inv(logged), np.eye(4))
        )
        span = times[self._sweep(step + 1)] - times[self._sweep(step)]
        share = (times[other] - times[self._sweep(node)]) / span
        return exponential(wrong * float(share if forward else -share))

    def _outside_boxes(self, sweep: int, world_SE3_box: Float64) -> Float64:
        """(N, 3) float64, ego frame: returns that are neither the ego vehicle's, nor far, nor in any box."""
        cloud = self._scene.sweep(sweep)
        points = transform(cloud.points, np.ascontiguousarray(self._tables.ego_SE3_lidar[sweep]))
        present = np.flatnonzero(np.isfinite(world_SE3_box[:, 0, 0]))
        boxes = np.ascontiguousarray(np.linalg.inv(world_SE3_box[present]) @ self._tables.world_SE3_ego[sweep])
        # Every object might move: parked ones are cut out too.
        moving = np.ones(len(present), dtype=np.bool_)
        owner = assign(
            points,
            boxes,
            self._halves[present],
            moving,
            np.array(self._rules.ego_box_m),
            np.array([self._rules.range_m, *_BAND_M]),
            self._rules.box_margin_m,
            0.0,
            0.0,
        )
        return points[owner == STATIC]
