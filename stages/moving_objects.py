"""Moving objects of a log without boxes, from points that are labelled as moving: SemanticKITTI's classes 252 to 259."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..schemas.moving_objects import MovingObjects
from ..schemas.parameters import Count
from ..schemas.product import Product
from ..schemas.refined_poses import RefinedPoses
from ..schemas.scene import PointKind
from .estimate import BASE_MIB, Estimate, SceneSize
from .object_boxes import fit_boxes
from .object_sightings import Sighting, sightings
from .object_tracking import by_track
from .stage import Needs, Part, PartResult, SceneView, Stage


@dataclass(frozen=True, kw_only=True)
class FindMovingObjects(Stage):
    """Boxes around points that are labelled as moving, tracked from scan to scan, where a log annotates no boxes itself."""

    name: ClassVar[str] = "moving-objects"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (MovingObjects,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "scipy")

    enabled: bool = True
    """Whether objects are looked for. Where they are not, moving points without a box are left out."""
    least_sightings: Count = 3
    """Scans that must show an object."""
    sweeps_per_part: Count = 50
    """Scans that are looked at together."""

    def reads(self) -> tuple[type[Product], ...]:
        return (RefinedPoses,)

    def reads_sweeps(self) -> bool:
        return True

    def estimate(self, size: SceneSize) -> Estimate:
        return Estimate(0.1 + 30e-9 * size.returns, BASE_MIB, 2_000.0 + 8.0 * size.sweeps)

    def parts(self, scene: SceneView) -> list[Part]:
        tables = scene.tables
        if not self.enabled or tables.track_tokens or PointKind.MOVING not in tables.label_kinds:
            return []
        labelled = [int(s) for s, file in zip(tables.key_sweeps, tables.label_files, strict=True) if file]
        starts = range(0, len(labelled), self.sweeps_per_part)
        spans = [labelled[a : a + self.sweeps_per_part] for a in starts]
        return [Part(f"sweeps-{span[0]:05d}", cost=len(span), args={"sweeps": span}) for span in spans]

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        chosen: list[int] = part.args["sweeps"]
        found: list[Sighting] = []
        moving: list[int] = []
        for sweep in chosen:
            cloud = scene.sweep(sweep)
            found += sightings(sweep, cloud, scene.tables.world_SE3_lidar(sweep))
            moving.append(0 if cloud.kinds is None else int(np.count_nonzero(cloud.kinds == PointKind.MOVING)))
        return {
            "sweeps": np.array(chosen, np.int64),
            "moving": np.array(moving, np.int64),
            "facts": np.array([(s.sweep, s.class_id, s.instance, s.points) for s in found], np.int64).reshape(-1, 4),
            "heights": np.array([(s.low_m, s.high_m) for s in found], np.float64).reshape(-1, 2),
            "corners": np.array([len(s.outline) for s in found], np.int64),
            "outlines": np.concatenate([np.zeros((0, 2)), *(s.outline for s in found)]),
        }

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        tables = scene.tables
        times_s = (tables.timestamps_ns - tables.timestamps_ns[0]) * 1e-9
        sensors = np.array([tables.world_SE3_lidar(s)[:2, 3] for s in range(len(times_s))])
        tracks = by_track(_unpacked(results), tables.timestamps_ns)
        tracks = [track for track in tracks if len(track) >= self.least_sightings]
        sweeps = [[s.sweep for s in track] for track in tracks]
        boxes = [fit_boxes(t, times_s[at], sensors[at]) for t, at in zip(tracks, sweeps, strict=True)]
        points, boxed = np.zeros((2, len(times_s)), np.int32)
        for result in results:
            points[result["sweeps"]] = result["moving"]
        for sighting in (s for track in tracks for s in track):
            boxed[sighting.sweep] += sighting.points
        yield MovingObjects(
            box_track=np.repeat(np.arange(len(tracks), dtype=np.int32), [len(at) for at in sweeps]),
            box_sweep=np.array([sweep for at in sweeps for sweep in at], np.int32),
            world_SE3_box=np.concatenate([np.zeros((0, 4, 4)), *(b.world_SE3_box for b in boxes)]),
            box_size_m=np.concatenate(
                [np.zeros((0, 3)), *(np.tile(b.size_m, (len(at), 1)) for b, at in zip(boxes, sweeps, strict=True))]
            ),
            sweep_points=points,
            sweep_boxed=boxed,
            track_tokens=[f"{t[0].class_id}-{t[0].instance}-{t[0].sweep}-{number}" for number, t in enumerate(tracks)],
            track_classes=[t[0].class_id for t in tracks],
        )


def _unpacked(results: Sequence[PartResult]) -> Iterator[Sighting]:
    for result in results:
        ends = np.cumsum(result["corners"])
        for k, (sweep, class_id, instance, points) in enumerate(result["facts"].tolist()):
            outline = np.array(result["outlines"][ends[k] - result["corners"][k] : ends[k]])
            low, high = result["heights"][k].tolist()
            yield Sighting(sweep, class_id, instance, points, outline, low, high)
