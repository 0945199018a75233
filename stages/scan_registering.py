"""Scans of static points around some sweeps of a scene, and their registration to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..schemas.scene import SceneTables
from .kernels.split import STATIC, assign, transform
from .pose_graph import between, difference, exponential
from .pose_parts import Pair, part_result
from .registration import Registration, Scan, register
from .stage import PartResult, SceneView
from .tracks import box_poses, scene_tracks

Float64 = NDArray[np.float64]
_CARRY_S = 0.5
"""How long objects go on after their last box, seconds."""
_BAND_M = (-8.0, 10.0)
"""Returns lower or higher than this in the ego frame are left out, metres."""
_LONGEST_CHAIN = 8
"""Steps between two nodes that make a first guess; over more of them errors add up."""
_NONE = np.zeros((0, 3))


class Registrar:
    """Registers nodes of one scene: sweeps with their neighbours in time."""

    def __init__(
        self,
        tables: SceneTables,
        nodes: NDArray[np.int32],
        *,
        ego_box_m: Sequence[float],
        range_m: float,
        box_margin_m: float,
        around_s: float,
        voxel_m: float,
        reach_m: float,
        least_overlap: float,
    ) -> None:
        self._tables, self._nodes = tables, nodes
        self._ego_box = np.array(ego_box_m, dtype=np.float64)
        self._range = np.array([range_m, *_BAND_M])
        self._margin_m, self._around_ns = box_margin_m, round(around_s * 1e9)
        self._voxel_m, self._reach_m, self._least_overlap = voxel_m, reach_m, least_overlap
        self._tracks = scene_tracks(tables)
        self._halves = np.array([track.size_m / 2 for track in self._tracks], dtype=np.float64).reshape(-1, 3)

    def registered(self, scene: SceneView, own: Sequence[int], pairs: Sequence[Pair]) -> PartResult:
        """Surfaces of some nodes, and pairs registered."""
        near = {node for i, j in pairs if _near(i, j) for node in range(i, j)}
        wanted = sorted({*own, *near, *(node for pair in pairs for node in pair)})
        last = len(self._nodes) - 1
        loaded = sorted({min(max(node + k, 0), last) for node in wanted for k in (-1, 0, 1)})
        returns = self._returns(scene, loaded)
        ways = self._ways(
            {node: Scan.of(here[self._sweep(node)], _NONE, self._voxel_m) for node, here in returns.items()}
        )
        scans = {node: self._with_neighbours(node, returns[node], ways) for node in wanted}
        found: dict[Pair, Registration] = {}
        for i, j in pairs:
            guess = _chained(i, j, ways) if _near(i, j) else self._logged(i, j)
            # Rough ways are known by now: partners lie nearer.
            done = register(scans[i], scans[j], guess, self._reach_m / 2 if _near(i, j) else self._reach_m)
            if done is not None:
                found[i, j] = done
        return part_result([scans[node] for node in own], found)

    def _sweep(self, node: int) -> int:
        return int(self._nodes[node])

    def _logged(self, i: int, j: int) -> Float64:
        poses = self._tables.world_SE3_ego
        return between(poses[self._sweep(i)], poses[self._sweep(j)])

    def _ways(self, alone: Mapping[int, Scan]) -> dict[int, Float64]:
        """(4, 4) from each node to the next, roughly, from single sweeps; the log's where they could not be registered."""
        ways: dict[int, Float64] = {}
        for node in alone:
            if node + 1 in alone:
                ways[node] = self._logged(node, node + 1)
                done = register(alone[node], alone[node + 1], ways[node], self._reach_m)
                if done is not None and done.converged and done.overlap >= self._least_overlap:
                    ways[node] = done.target_SE3_source
        return ways

    def _returns(self, scene: SceneView, nodes: Sequence[int]) -> dict[int, dict[int, Float64]]:
        """Static returns (N, 3) of the sweeps around each node, each in its own ego frame, by sweep."""
        around = {node: self._around(self._sweep(node)) for node in nodes}
        sweeps = np.unique(np.concatenate([np.zeros(0, np.int64), *around.values()]))
        # All at once: tracks are many and sweeps few.
        boxes = box_poses(self._tracks, self._tables.timestamps_ns[sweeps], _CARRY_S)
        static = {
            sweep: self._outside_boxes(scene, sweep, world_SE3_box)
            for sweep, world_SE3_box in zip(sweeps.tolist(), boxes, strict=True)
        }
        return {node: {sweep: static[sweep] for sweep in some.tolist()} for node, some in around.items()}

    def _around(self, sweep: int) -> NDArray[np.int64]:
        """A sweep with the farthest one before and after it that is near enough in time."""
        times = self._tables.timestamps_ns
        near = np.flatnonzero(np.abs(times - times[sweep]) <= self._around_ns)
        return np.unique(np.array([near[0], sweep, near[-1]], dtype=np.int64))

    def _with_neighbours(self, node: int, returns: Mapping[int, Float64], ways: Mapping[int, Float64]) -> Scan:
        """A node's scan with the sweeps around it, placed where ways to the nodes before and after say that they were."""
        poses, sweep = self._tables.world_SE3_ego, self._sweep(node)
        pieces = [_NONE]
        for other in sorted(returns.keys() - {sweep}):
            ego_SE3_other = between(poses[sweep], poses[other]) @ self._correction(node, other, ways)
            pieces.append(returns[other] @ ego_SE3_other[:3, :3].T + ego_SE3_other[:3, 3])
        return Scan.of(returns[sweep], np.concatenate(pieces), self._voxel_m)

    def _correction(self, node: int, other: int, ways: Mapping[int, Float64]) -> Float64:
        """(4, 4) ``ego_SE3_refined`` of a sweep near a node, if the node itself has none: in proportion to the time between."""
        times, last = self._tables.timestamps_ns, len(self._nodes) - 1
        forward = node < last and (other > self._sweep(node) or node == 0)
        step = node if forward else node - 1
        logged = self._logged(step, step + 1)
        # At the step's other end: after a way on from the node, or before a way to it.
        wrong = difference(logged, ways[step]) if forward else difference(ways[step] @ np.linalg.inv(logged), np.eye(4))
        span = times[self._sweep(step + 1)] - times[self._sweep(step)]
        share = (times[other] - times[self._sweep(node)]) / span
        return exponential(wrong * float(share if forward else -share))

    def _outside_boxes(self, scene: SceneView, sweep: int, world_SE3_box: Float64) -> Float64:
        """(N, 3) float64, ego frame: returns that are neither the ego vehicle's, nor far, nor in any box."""
        cloud = scene.sweep(sweep)
        points = transform(cloud.points, np.ascontiguousarray(self._tables.ego_SE3_lidar[sweep]))
        present = np.flatnonzero(np.isfinite(world_SE3_box[:, 0, 0]))
        boxes = np.ascontiguousarray(np.linalg.inv(world_SE3_box[present]) @ self._tables.world_SE3_ego[sweep])
        # Every object might move: parked ones are cut out too.
        moving = np.ones(len(present), dtype=np.bool_)
        owner = assign(
            points, boxes, self._halves[present], moving, self._ego_box, self._range, self._margin_m, 0.0, 0.0
        )
        return points[owner == STATIC]


def _near(i: int, j: int) -> bool:
    """Whether the steps between two nodes are worth registering for a first guess."""
    return j - i <= _LONGEST_CHAIN


def _chained(i: int, j: int, ways: Mapping[int, Float64]) -> Float64:
    """A first guess of a pair along the steps between."""
    guess = np.eye(4)
    for k in range(i, j):
        guess = guess @ ways[k]
    return guess
