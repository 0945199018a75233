"""Scans of static points around some sweeps of a scene, and their registration to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..schemas.scene import SceneTables
from .kernels.split import STATIC, assign, transform
from .pose_graph import Factor, between
from .pose_report import Surface
from .registration import Registration, Scan, register
from .stage import PartResult, SceneView
from .tracks import box_poses, scene_tracks

Float64 = NDArray[np.float64]
Pair = tuple[int, int]
_CARRY_S = 0.5
_BAND_M = (-8.0, 10.0)
_LONGEST_CHAIN = 8


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
    ) -> None:
        self._tables, self._nodes = tables, nodes
        self._ego_box = np.array(ego_box_m, dtype=np.float64)
        self._range = np.array([range_m, *_BAND_M])
        self._margin_m, self._around_ns = box_margin_m, round(around_s * 1e9)
        self._voxel_m, self._reach_m = voxel_m, reach_m
        self._tracks = scene_tracks(tables)
        self._halves = np.array([track.size_m / 2 for track in self._tracks], dtype=np.float64).reshape(-1, 3)

    def scans(self, scene: SceneView, own: Sequence[int], pairs: Sequence[Pair]) -> dict[int, Scan]:
        """The scans of all nodes in ``own``, in some pair, or between a pair that is near."""
        between = {node for i, j in pairs if _near(i, j) for node in range(i, j)}
        wanted = sorted({*own, *between, *(node for pair in pairs for node in pair)})
        around = {node: self._around(int(self._nodes[node])) for node in wanted}
        sweeps = np.unique(np.concatenate([np.zeros(0, np.int64), *around.values()]))
        # All at once: tracks are many and sweeps few.
        boxes = box_poses(self._tracks, self._tables.timestamps_ns[sweeps], _CARRY_S)
        box_of = dict(zip(sweeps.tolist(), boxes, strict=True))
        return {
            node: Scan.of(*self._static(scene, int(self._nodes[node]), around[node], box_of), self._voxel_m)
            for node in wanted
        }

    def _static(
        self, scene: SceneView, sweep: int, around: NDArray[np.int64], boxes: Mapping[int, Float64]
    ) -> tuple[Float64, Float64]:
        """(N, 3) and (M, 3) float64, metres: static returns of a sweep, and of those around it, in its ego frame."""
        tables = self._tables
        own, pieces = np.zeros((0, 3)), [np.zeros((0, 3))]
        for other in around.tolist():
            there = self._outside_boxes(scene, other, boxes[other])
            if other == sweep:
                own = there
            else:
                ego_SE3_other = between(tables.world_SE3_ego[sweep], tables.world_SE3_ego[other])
                pieces.append(there @ ego_SE3_other[:3, :3].T + ego_SE3_other[:3, 3])
        return own, np.concatenate(pieces)

    def _around(self, sweep: int) -> NDArray[np.int64]:
        """A sweep with the farthest one before and after it that is near enough in time."""
        times = self._tables.timestamps_ns
        near = np.flatnonzero(np.abs(times - times[sweep]) <= self._around_ns)
        return np.unique(np.array([near[0], sweep, near[-1]], dtype=np.int64))

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

    def result(self, scans: Mapping[int, Scan], own: Sequence[int], pairs: Sequence[Pair]) -> PartResult:
        """Surfaces of the part's own nodes, and its pairs registered."""
        found = self._registered(scans, pairs)
        kept = [scans[node] for node in own]
        done_pairs = sorted(found)
        none = np.zeros((0, 3), np.float32)
        return {
            "points": np.concatenate([none, *(scan.points for scan in kept)]),
            "normals": np.concatenate([none, *(scan.normals for scan in kept)]),
            "counts": np.array([len(scan.points) for scan in kept], dtype=np.int64),
            "pairs": np.array(done_pairs, dtype=np.int64).reshape(-1, 2),
            "i_SE3_j": np.array([found[p].target_SE3_source for p in done_pairs]).reshape(-1, 4, 4),
            "information": np.array([found[p].information for p in done_pairs]).reshape(-1, 6, 6),
            "overlap": np.array([found[p].overlap for p in done_pairs], dtype=np.float64),
            "converged": np.array([found[p].converged for p in done_pairs], dtype=np.bool_),
        }

    def _registered(self, scans: Mapping[int, Scan], pairs: Sequence[Pair]) -> dict[Pair, Registration]:
        """Registrations of pairs. Those some steps apart start from the steps between, which are registered first."""
        poses = self._tables.world_SE3_ego[self._nodes]
        found: dict[Pair, Registration] = {}
        chains = {(k, k + 1) for i, j in pairs if _near(i, j) for k in range(i, j)}
        for i, j in sorted({*pairs, *chains}, key=lambda pair: (pair[1] - pair[0], pair)):
            guess = _chained(i, j, found) if _near(i, j) else None
            logged = between(poses[i], poses[j])
            done = register(scans[i], scans[j], logged if guess is None else guess, self._reach_m)
            if done is not None:
                found[i, j] = done
        return {pair: found[pair] for pair in pairs if pair in found}


def _near(i: int, j: int) -> bool:
    """Whether the steps between two nodes are worth registering for a first guess."""
    return j - i <= _LONGEST_CHAIN


def _chained(i: int, j: int, found: Mapping[Pair, Registration]) -> Float64 | None:
    """A first guess of a pair along the registered steps between; None where one failed."""
    guess = np.eye(4)
    for k in range(i, j):
        step = found.get((k, k + 1))
        if step is None or not step.converged:
            return None
        guess = guess @ step.target_SE3_source
    return guess


def joined(results: Sequence[PartResult]) -> tuple[list[Surface], list[Factor], Float64, NDArray[np.bool_]]:
    """Surfaces of all nodes, all registrations, and the overlap (M,) and convergence (M,) of each."""
    surfaces: list[Surface] = []
    factors: list[Factor] = []
    for result in results:
        cuts = np.cumsum(result["counts"])[:-1]
        pieces = zip(np.split(result["points"], cuts), np.split(result["normals"], cuts), strict=True)
        surfaces += [Surface(np.asarray(points), np.asarray(normals)) for points, normals in pieces]
        rows = zip(result["pairs"].tolist(), result["i_SE3_j"], result["information"], strict=True)
        factors += [Factor(i, j, np.asarray(pose), np.asarray(weight)) for (i, j), pose, weight in rows]
    overlap = np.concatenate([result["overlap"] for result in results])
    converged = np.concatenate([result["converged"] for result in results])
    return surfaces, factors, overlap, converged
