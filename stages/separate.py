"""Separation of a scene's returns into the static world and the points of each moving object (LOC, step 1)."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.moving_objects import MovingObjects
from ..schemas.object_clouds import Motion, ObjectClouds
from ..schemas.parameters import Count, NotNegative, Positive
from ..schemas.product import Product
from ..schemas.refined_poses import RefinedPoses
from ..schemas.scene import PointKind, SceneTables, SweepPoints
from ..schemas.static_map import StaticMap
from ..schemas.taxonomy import TAXONOMIES, refuse_unknown_classes
from .cell_frame import CellFrame
from .estimate import BASE_MIB, Estimate, SceneSize
from .kernels.cells import CellTable, pack_nearest
from .kernels.split import DROPPED, STATIC, assign, transform
from .map_assembly import assemble_objects, assemble_static
from .object_groups import ObjectGroups
from .stage import Needs, Part, PartResult, SceneView, Stage
from .tracks import Track, box_poses, classify_motion, scene_tracks
from .visits import BlockVisits


@dataclass(frozen=True, kw_only=True)
class Separate(Stage):
    """Splits every sweep into ego vehicle, static world and moving objects, and thins each on a hash grid."""

    name: ClassVar[str] = "separate"
    version: ClassVar[int] = 2
    writes: ClassVar[tuple[type[Product], ...]] = (StaticMap, ObjectClouds)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy", "scipy")

    cell_m: Positive = 0.1
    """Edge of a cell of the static world's hash grid, metres: one point is kept per cell."""
    object_cell_m: Positive = 0.05
    """The same for moving objects."""
    block_m: Positive = 10.0
    """Edge of the blocks the static map is stored in, metres."""
    range_m: Positive = 65.0
    """Returns farther from the ego vehicle than this, horizontally, are left out."""
    lowest_m: float = -8.0
    """Returns lower than this in the ego frame are left out, metres."""
    highest_m: float = 10.0
    """Returns higher than this in the ego frame are left out, metres."""
    ego_box_m: tuple[float, float, float, float, float, float] = (-1.3, -1.1, -0.5, 4.0, 1.1, 2.3)
    """The ego vehicle in its own frame (x0, y0, z0, x1, y1, z1), metres: returns inside are left out."""
    moving_m: NotNegative = 0.6
    """An object whose boxes get farther than this from their median place moves, metres; the others are parked."""
    box_margin_m: NotNegative = 0.1
    """Boxes grow by this to the sides and up, metres."""
    buffer_m: NotNegative = 0.2
    """Returns this far outside a moving object's grown box belong to neither object nor world, metres."""
    clearance_m: NotNegative = 0.1
    """The lowest part of a box, metres, where its returns are the ground's."""
    carry_s: NotNegative = 0.5
    """How long an object goes on at its last velocity before its first and after its last box, seconds."""
    deforming_window_s: NotNegative = 1.0
    """Points of deforming objects are taken from sweeps this near to a key frame's time, seconds."""
    deforming_classes: tuple[str, ...] = ("bicycle", "motorcycle", "bicyclist", "motorcyclist")
    """Classes whose objects change shape as they move."""
    limbed_classes: tuple[str, ...] = ("pedestrian", "person")
    """Classes whose objects change shape even where they stand."""
    revisit_s: Positive = 20.0
    """A place that was out of range for longer than this is seen anew, seconds: parked cars have left, and poses drifted."""
    sweeps_per_part: Count = 50
    """About how many sweeps are thinned together."""

    def __post_init__(self) -> None:
        if self.lowest_m >= self.highest_m:
            raise ValueError(f"lowest_m must lie below highest_m, found {self.lowest_m} and {self.highest_m}")
        refuse_unknown_classes(self.deforming_classes + self.limbed_classes)
        CellFrame((0.0, 0.0, 0.0), self.cell_m, round(self.block_m / self.cell_m))

    def reads(self) -> tuple[type[Product], ...]:
        return (RefinedPoses, MovingObjects)

    def reads_sweeps(self) -> bool:
        return True

    def estimate(self, size: SceneSize) -> Estimate:
        points = size.map_points(self.cell_m)
        in_a_part = size.returns * min(1.0, self.sweeps_per_part / size.sweeps)
        peak_mib = BASE_MIB + 43e-6 * in_a_part
        moving = 0.022 * size.returns * (0.05 / self.object_cell_m) ** 0.5
        return Estimate(0.5 + 0.65e-6 * size.returns, peak_mib, 12.5 * points + 12.5 * moving)

    def parts(self, scene: SceneView) -> list[Part]:
        sweeps = len(scene.tables.timestamps_ns)
        count = max(round(sweeps / self.sweeps_per_part), 1)
        cuts: list[int] = np.linspace(0, sweeps, count + 1).astype(int).tolist()
        spans = itertools.pairwise(cuts)
        return [Part(f"sweeps-{a:05d}", cost=b - a, args={"start": a, "stop": b}) for a, b in spans]

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        splitter = _Splitter(self, scene.tables)
        sweeps = np.arange(int(part.args["start"]), int(part.args["stop"]))
        for sweep, boxes in zip(sweeps.tolist(), splitter.poses(sweeps), strict=True):
            splitter.add(sweep, scene.sweep(sweep), boxes)
        return splitter.result()

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        splitter = _Splitter(self, scene.tables)
        dropped: Counter[str] = Counter()
        for result in results:
            dropped.update(dict(zip(splitter.reasons, (int(n) for n in result["dropped"]), strict=True)))
        yield assemble_static(scene, splitter.frame, splitter.visits, results, dict(dropped))
        yield assemble_objects(
            scene, self.object_cell_m, results, splitter.tracks, splitter.motion, splitter.groups, splitter.poses
        )


_ALL = slice(None)
_LEFT_OUT = -9
"""Owner of a return that its label leaves out."""


class _Splitter:
    """Streams sweeps of one scene into hash grids."""

    reasons = (
        "not finite", *DROPPED.values(), "noise label", "person without a box", "moving without a box",
        "deforming, far from a key frame",
    )  # fmt: skip

    def __init__(self, stage: Separate, tables: SceneTables) -> None:
        self._stage, self._tables = stage, tables
        taxonomy = TAXONOMIES[tables.taxonomy]
        deforming = frozenset(taxonomy.ids_of(stage.deforming_classes))
        limbed = frozenset(taxonomy.ids_of(stage.limbed_classes))
        self.tracks: list[Track] = scene_tracks(tables)
        self.motion = [classify_motion(track, stage.moving_m, deforming, limbed) for track in self.tracks]
        self.groups = ObjectGroups.of(tables, self.tracks, self.motion, stage.carry_s + stage.deforming_window_s)
        self._half_sizes = np.array([track.size_m / 2 for track in self.tracks], dtype=np.float64).reshape(-1, 3)
        self._moving = np.array([motion != Motion.PARKED for motion in self.motion], dtype=np.bool_)
        self.frame = CellFrame.of(tables, stage.cell_m, stage.block_m)
        self.visits = BlockVisits(
            (tables.world_SE3_ego[:, :3, 3] - self.frame.origin_m)[:, :2], tables.timestamps_ns, self.frame.block_m,
            # What is level in the ego frame may be tilted in the world.
            math.hypot(stage.range_m, max(abs(stage.lowest_m), abs(stage.highest_m))), stage.revisit_s,
        )  # fmt: skip
        self._limbed = np.array(sorted(limbed), dtype=np.uint8)
        self._ground = np.array(taxonomy.ids_of(taxonomy.ground), dtype=np.uint8)
        self._key_times = tables.timestamps_ns[tables.key_sweeps]
        self._static, self._objects = CellTable(6), CellTable(6, 1 << 12)
        self._static_votes, self._object_votes = CellTable(2), CellTable(2, 1 << 12)
        self._dropped: Counter[str] = Counter()

    def poses(self, sweeps: NDArray[np.integer[Any]], tracks: slice = _ALL) -> NDArray[np.float64]:
        """``world_SE3_box`` (N, T, 4, 4) of some tracks in some sweeps (N,), NaN where absent."""
        return box_poses(self.tracks[tracks], self._tables.timestamps_ns[sweeps], self._stage.carry_s)

    def add(self, sweep: int, cloud: SweepPoints, world_SE3_box: NDArray[np.float64]) -> None:
        """Splits one sweep; ``world_SE3_box``: (T, 4, 4) of all tracks."""
        tables, stage = self._tables, self._stage
        self._dropped["not finite"] += cloud.dropped
        world_SE3_ego = tables.world_SE3_ego[sweep]
        ego_points = transform(cloud.points, np.ascontiguousarray(tables.ego_SE3_lidar[sweep]))
        present = np.flatnonzero(np.isfinite(world_SE3_box[:, 0, 0])).astype(np.int32)
        boxes = np.ascontiguousarray(np.linalg.inv(world_SE3_box[present]) @ world_SE3_ego)
        halves, moving = self._half_sizes[present], self._moving[present]
        owner = assign(
            ego_points, boxes, halves, moving, np.array(stage.ego_box_m),
            np.array([stage.range_m, stage.lowest_m, stage.highest_m]),
            stage.box_margin_m, stage.buffer_m, stage.clearance_m,
        )  # fmt: skip
        for code, reason in DROPPED.items():
            self._dropped[reason] += int(np.count_nonzero(owner == code))
        if cloud.labels is not None:
            owner = self._heed_labels(owner, cloud)
        local_points = transform(cloud.points, self.frame.local_SE3_world @ tables.world_SE3_lidar(sweep))
        ranges = np.linalg.norm(cloud.points, axis=1)
        still = (owner == STATIC) | np.isin(owner, np.flatnonzero(~moving))
        track = np.where(owner >= 0, present[np.maximum(owner, 0)] if len(present) else -1, -1).astype(np.int32)
        self._add_static(sweep, local_points[still], ranges[still], track[still], _take(cloud.labels, still))
        for place in np.flatnonzero(moving):
            mine = owner == place
            if mine.any():
                box_points = transform(cloud.points[mine], boxes[place] @ tables.ego_SE3_lidar[sweep])
                self._add_object(sweep, int(present[place]), box_points, ranges[mine], _take(cloud.labels, mine))

    def _heed_labels(self, owner: NDArray[np.int32], cloud: SweepPoints) -> NDArray[np.int32]:
        """Lets point labels overrule boxes: the ground in a box is static; noise, people and what moves outside boxes are nothing."""
        assert cloud.labels is not None
        assert cloud.kinds is not None
        owner = owner.copy()
        owner[(owner >= 0) & np.isin(cloud.labels, self._ground)] = STATIC
        noise = (cloud.kinds == PointKind.NOISE) | (cloud.kinds == PointKind.EGO)
        person = np.isin(cloud.labels, self._limbed) & (owner == STATIC)
        moving = (cloud.kinds == PointKind.MOVING) & (owner == STATIC) & ~person
        for reason, gone in (
            ("noise label", noise & (owner >= STATIC)), ("person without a box", person), ("moving without a box", moving),
        ):  # fmt: skip
            self._dropped[reason] += int(np.count_nonzero(gone))
            owner[gone] = _LEFT_OUT
        return owner

    def _add_static(self, sweep: int, points: Any, ranges: Any, track: Any, labels: Any) -> None:
        keys, offsets = self.frame.keys(points, lambda blocks: self.visits.numbers(sweep, blocks))
        self._static.add_returns(keys, offsets, pack_nearest(ranges, sweep, track))
        if labels is not None:
            self._static_votes.count(keys << 8 | labels)

    def _add_object(self, sweep: int, track: int, points: Any, ranges: Any, labels: Any) -> None:
        frames = [-1]
        if self.motion[track] == Motion.DEFORMING:
            away_ns = np.abs(self._key_times - self._tables.timestamps_ns[sweep])
            frames = np.flatnonzero(away_ns <= round(self._stage.deforming_window_s * 1e9)).tolist()
            if not frames:
                self._dropped["deforming, far from a key frame"] += len(points)
        for frame in frames:
            group = self.groups.number(track, frame)
            keys, offsets = CellFrame.object_keys(points, self._stage.object_cell_m, group)
            self._objects.add_returns(keys, offsets, pack_nearest(ranges, sweep, np.full(len(keys), track)))
            if labels is not None:
                self._object_votes.count(keys << 8 | labels)

    def result(self) -> PartResult:
        """What assembly needs of the sweeps added."""
        return {
            "static": self._static.sorted_rows(),
            "static_votes": self._static_votes.sorted_rows(),
            "objects": self._objects.sorted_rows(),
            "object_votes": self._object_votes.sorted_rows(),
            "dropped": np.array([self._dropped[reason] for reason in self.reasons], dtype=np.int64),
        }


def _take(labels: NDArray[np.uint8] | None, chosen: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    return None if labels is None else labels[chosen].astype(np.int64)
