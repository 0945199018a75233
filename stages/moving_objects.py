"""Moving objects of a log without boxes: from points labelled as moving (SemanticKITTI's 252 to 259), or else from rays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..schemas.moving_objects import MovingObjects
from ..schemas.parameters import Count, NotNegative, Positive, Share
from ..schemas.product import Product
from ..schemas.refined_poses import RefinedPoses
from ..schemas.scene import PointKind
from ..schemas.taxonomy import NO_LABEL
from .estimate import BASE_MIB, Estimate, SceneSize
from .kernels.split import transform
from .motion_evidence import OtherSweeps, moving, sureness
from .object_boxes import Boxes, fit_boxes
from .object_sightings import Sighting, packed, sightings, unlabelled_sightings, unpacked
from .object_tracking import by_track
from .stage import Needs, Part, PartResult, SceneView, Stage


@dataclass(frozen=True, kw_only=True)
class FindMovingObjects(Stage):
    """Boxes around points that move, as labels or rays tell, tracked from scan to scan, where a log annotates no boxes itself."""

    name: ClassVar[str] = "moving-objects"
    version: ClassVar[int] = 2
    writes: ClassVar[tuple[type[Product], ...]] = (MovingObjects,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy", "scipy")

    enabled: bool = True
    """Whether objects are looked for. Where they are not, moving points without a box are left out."""
    least_sightings: Count = 3
    """Scans that must show an object."""
    look_s: tuple[float, ...] = (0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0)
    """Without labels of what moves, a return does whose place sweeps this long before and after looked through, seconds."""
    range_m: Positive = 50.0
    """Returns farther from the sensor than this are not looked at so, metres: rings lie too far apart."""
    most_there: Share = 0.5
    """Of such sweeps that could tell, at most this share may have seen something at a moving return's place."""
    least_way_m: NotNegative = 1.0
    """How far an object must get that is found so, metres: leaves and what stands behind corners come and go in place."""
    least_sureness: Share = 0.5
    """And how sure it must be that it moves, as the product tells."""
    sweeps_per_part: Count = 50
    """Scans that are looked at together."""

    def __post_init__(self) -> None:
        if min(self.look_s, default=0.0) <= 0.0:
            raise ValueError(f"look_s must be one or more lengths of time above 0, found {self.look_s}")

    def reads(self) -> tuple[type[Product], ...]:
        return (RefinedPoses,)

    def reads_sweeps(self) -> bool:
        return True

    def estimate(self, size: SceneSize) -> Estimate:
        a_return_s = 30e-9 if size.motion_told else 0.2e-6 * len(self.look_s)
        return Estimate(0.1 + a_return_s * size.returns, BASE_MIB, 2_000.0 + 8.0 * size.sweeps)

    def parts(self, scene: SceneView) -> list[Part]:
        tables = scene.tables
        if not self.enabled or tables.track_tokens:
            return []
        sweeps = list(range(len(tables.timestamps_ns)))
        if tables.labels_tell_motion:
            sweeps = [int(s) for s, file in zip(tables.key_sweeps, tables.label_files, strict=True) if file]
        spans = [sweeps[a : a + self.sweeps_per_part] for a in range(0, len(sweeps), self.sweeps_per_part)]
        return [Part(f"sweeps-{span[0]:05d}", cost=len(span), args={"sweeps": span}) for span in spans]

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        chosen: list[int] = part.args["sweeps"]
        look = self._labels if scene.tables.labels_tell_motion else self._rays
        found: list[Sighting] = []
        counts: list[int] = []
        for seen, count in look(scene, chosen):
            found += seen
            counts.append(count)
        return {"sweeps": np.array(chosen, np.int64), "moving": np.array(counts, np.int64), **packed(found)}

    def _labels(self, scene: SceneView, sweeps: Sequence[int]) -> Iterator[tuple[list[Sighting], int]]:
        for sweep in sweeps:
            cloud = scene.sweep(sweep)
            moving = 0 if cloud.kinds is None else int(np.count_nonzero(cloud.kinds == PointKind.MOVING))
            yield list(sightings(sweep, cloud, scene.tables.world_SE3_lidar(sweep))), moving

    def _rays(self, scene: SceneView, sweeps: Sequence[int]) -> Iterator[tuple[list[Sighting], int]]:
        others = OtherSweeps(scene, self.look_s)
        for sweep in sweeps:
            cloud = scene.sweep(sweep)
            through, there = others.ask(sweep, cloud)
            mine = np.flatnonzero(moving(cloud, through, there, self.range_m, self.most_there))
            points = transform(cloud.points, scene.tables.world_SE3_lidar(sweep))
            yield list(unlabelled_sightings(sweep, points, mine, through, there)), len(mine)

    def _moves(self, track: Sequence[Sighting], boxes: Boxes, sureness: float) -> bool:
        """Whether it does, beyond doubt: labels say so, or it got far enough."""
        if track[0].class_id != NO_LABEL:
            return True
        places = boxes.world_SE3_box[:, :3, 3]
        way = float(np.linalg.norm(places[-1] - places[0]))
        return way >= self.least_way_m and sureness >= self.least_sureness

    def _tracks(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[tuple[list[Sighting], Boxes, float]]:
        tables = scene.tables
        times_s = (tables.timestamps_ns - tables.timestamps_ns[0]) * 1e-9
        sensors = np.array([tables.world_SE3_lidar(s)[:2, 3] for s in range(len(times_s))])
        for track in by_track((s for result in results for s in unpacked(result)), tables.timestamps_ns):
            if len(track) >= self.least_sightings:
                at = [s.sweep for s in track]
                boxes, sure = fit_boxes(track, times_s[at], sensors[at]), sureness(track, tables.timestamps_ns)
                if self._moves(track, boxes, sure):
                    yield track, boxes, sure

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        found = list(self._tracks(scene, results))
        tracks = [track for track, _, _ in found]
        lengths = [len(track) for track in tracks]
        points, boxed = np.zeros((2, len(scene.tables.timestamps_ns)), np.int32)
        for result in results:
            points[result["sweeps"]] = result["moving"]
        for sighting in (s for track in tracks for s in track):
            boxed[sighting.sweep] += sighting.points
        yield MovingObjects(
            box_track=np.repeat(np.arange(len(tracks), dtype=np.int32), lengths),
            box_sweep=np.array([s.sweep for track in tracks for s in track], np.int32),
            world_SE3_box=np.concatenate([np.zeros((0, 4, 4)), *(boxes.world_SE3_box for _, boxes, _ in found)]),
            box_size_m=np.repeat(np.array([boxes.size_m for _, boxes, _ in found]).reshape(-1, 3), lengths, axis=0),
            track_sureness=np.array([sure for _, _, sure in found], np.float32),
            sweep_points=points,
            sweep_boxed=boxed,
            track_tokens=[f"{t[0].class_id}-{t[0].instance}-{t[0].sweep}-{number}" for number, t in enumerate(tracks)],
            track_classes=[t[0].class_id for t in tracks],
        )
