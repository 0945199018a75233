"""Ego poses that agree with the scans: registration of key frames to each other, a pose graph, and a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ..schemas.parameters import Count, NotNegative, Portion, Positive, Share
from ..schemas.product import Product
from ..schemas.refined_poses import RefinedPoses
from ..schemas.scene import SceneTables
from .estimate import BASE_MIB, Estimate, SceneSize
from .pose_pairs import nodes_of, pairs_of
from .pose_parts import joined
from .pose_verdict import CHANCE, Judge, kept
from .scan_registering import registered
from .scan_window import ScanRules, ScanWindow
from .stage import Needs, Part, PartResult, SceneView, Stage

Float64 = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class RefinePoses(Stage):
    """Corrects the log's ego poses where its scans do not agree with them, and leaves them as they are where they do."""

    name: ClassVar[str] = "refine-poses"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (RefinedPoses,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy", "scipy", "small_gicp")

    enabled: Literal["auto", "always", "never"] = "auto"
    """auto: change poses where that makes scans agree clearly better; always: where it makes them agree better at all; never:
    take the log's."""
    clear_gain: Share = 0.1
    """What is clear, for auto: residuals or the map's thickness must fall by this share, and neither may rise."""
    spacing_s: Positive = 0.4
    """Key frames at least this far apart are registered, seconds; poses between them are interpolated."""
    around_s: NotNegative = 0.1
    """Sweeps this near to a registered one join it, seconds: one scan's rings alone are too sparse to show surfaces."""
    range_m: Positive = 60.0
    """Returns farther from the ego vehicle than this, horizontally, are left out, metres."""
    ego_box_m: tuple[float, float, float, float, float, float] = (-1.3, -1.1, -0.5, 4.0, 1.1, 2.3)
    """The ego vehicle in its own frame (x0, y0, z0, x1, y1, z1), metres: returns inside are left out."""
    box_margin_m: NotNegative = 0.3
    """Returns in any annotated box, grown by this to the sides and up, are left out, metres."""
    voxel_m: Positive = 0.3
    """Scans are thinned to one point per voxel of this edge, metres."""
    steps: tuple[int, ...] = (1, 2, 3, 4)
    """Each key frame is registered to those this many after it."""
    revisit_m: NotNegative = 8.0
    """And to a later one within this distance, where the vehicle comes back, metres; 0 for none."""
    reach_m: Positive = 1.0
    """Points of two scans farther apart than this are no partners, metres; half of it once the way is roughly known."""
    least_overlap: Portion = 0.3
    """A registration counts when at least this share of a scan's points found partners."""
    most_refused: Portion = 0.2
    """When more than this share of key frames would not agree better, the whole scene keeps the log's poses."""
    frames_per_part: Count = 21
    """Key frames that are registered together."""

    def __post_init__(self) -> None:
        if (
            not self.steps
            or self.steps[0] != 1
            or any(b <= a for a, b in zip(self.steps, self.steps[1:], strict=False))
        ):
            raise ValueError(f"steps must begin with 1 and increase, found {self.steps}")

    def reads(self) -> tuple[type[Product], ...]:
        return ()

    def reads_sweeps(self) -> bool:
        return self.enabled != "never"

    def estimate(self, size: SceneSize) -> Estimate:
        if self.enabled == "never":
            return Estimate(0.1, BASE_MIB, size.sweeps * 130.0)
        halo = self.steps[-1] + 2
        per_sweep = size.returns / size.sweeps
        loaded = size.frames + halo * (size.frames / self.frames_per_part)
        seconds = 0.5 + loaded * (0.9e-6 * per_sweep + 0.05) + size.frames * (0.013 * len(self.steps) + 0.02)
        peak_mib = BASE_MIB + (self.frames_per_part + halo) * (70e-6 * per_sweep + 2.0)
        return Estimate(seconds, peak_mib, size.sweeps * 130.0)

    def parts(self, scene: SceneView) -> list[Part]:
        nodes = self._nodes(scene.tables)
        if self.enabled == "never" or len(nodes) < 2:
            return []
        spans = [(a, min(a + self.frames_per_part, len(nodes))) for a in range(0, len(nodes), self.frames_per_part)]
        return [Part(f"frames-{a:05d}", cost=b - a, args={"start": a, "stop": b}) for a, b in spans]

    def _nodes(self, tables: SceneTables) -> NDArray[np.int32]:
        return nodes_of(tables, self.spacing_s)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        tables, nodes = scene.tables, self._nodes(scene.tables)
        own = range(int(part.args["start"]), int(part.args["stop"]))
        pairs = [p for p in pairs_of(tables.world_SE3_ego[nodes], self.steps, self.revisit_m) if p[0] in own]
        rules = ScanRules(
            self.ego_box_m,
            self.range_m,
            self.box_margin_m,
            self.around_s,
            self.voxel_m,
            self.reach_m,
            self.least_overlap,
        )
        return registered(ScanWindow(scene, nodes, rules), own, pairs, self.reach_m)

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        tables, nodes = scene.tables, self._nodes(scene.tables)
        if self.enabled == "never":
            yield kept(tables, nodes, "off", "enabled is never")
        elif not results:
            yield kept(tables, nodes, "kept", "one key frame alone: there is nothing to register it to")
        else:
            least = max(self.clear_gain, CHANCE) if self.enabled == "auto" else CHANCE
            judge = Judge(tables, nodes, least, self.least_overlap, self.most_refused, self.reach_m)
            yield judge.judged(*joined(results))
