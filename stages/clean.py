"""Doubtful labels of objects: too small or too large for what they are, or where no object was tracked (VoxDet, App. B.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ..schemas.grid import VoxelGrid
from ..schemas.object_clouds import ObjectClouds
from ..schemas.occupancy import OCCUPANCIES, Body, OccupancyName, RefinedLabels, State
from ..schemas.parameters import Count, NotNegative
from ..schemas.product import Array, Blocks, Product
from ..schemas.taxonomy import NO_LABEL, TAXONOMIES
from .boxed_voxels import in_boxes
from .estimate import BASE_MIB, Estimate, SceneSize
from .piece_scales import piece_scales
from .scale_limits import CleaningMode, LimitText, parse_limits
from .stage import Needs, Part, PartResult, SceneView, Stage, frame_parts
from .voxnt import Scales, instance_offsets, run_classes, scales

Bool = NDArray[np.bool_]
_ARRAYS = ("state", "semantics", "body", "mask_min", "mask_max", "mask_outside")
_REASONS = ("small", "large", "outside")


@dataclass(frozen=True, kw_only=True)
class Clean(Stage):
    """Marks voxels of objects as unknown that are too small or too large to be what they are said to be.

    A moving car that was not cut out leaves a long trace, noise leaves single voxels. Where objects are tracked, a long run
    inside a box is a long vehicle; what lies outside all boxes is a trace.
    """

    name: ClassVar[str] = "clean"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (RefinedLabels,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=0.5)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy")

    product: OccupancyName = "carved_occupancy"
    """The voxel labels that are cleaned."""
    limits: tuple[LimitText, ...] = ("car 3 6m",)
    """Classes that may be cleaned, each with its limits: CLASS SMALLEST LARGEST, in voxels or, as 6m, metres; one for all axes or x/y/z, as 15m/15m/5m; - for none. The paper's 30 voxels are 0.2 m each."""
    mode: CleaningMode = "paper"
    """paper: Eq. 10 and 11, whose lengths count a voxel twice (l = L + 1); released: as the authors' code, large when longer than the limit, never small; strict: the paper's tests on the run's own voxels L."""
    evidence: Literal["scale", "tracks", "both"] = "both"
    """scale: lengths of runs alone, as the paper; tracks: outside all boxes of tracked objects, whatever the length; both: outside all boxes, and too small, or too large as a run or as a piece that hangs together there."""
    box_margin_m: NotNegative = 0.4
    """Boxes grow by this, metres: a voxel at their border is theirs."""
    frames_per_part: Count = 4
    """Key frames that are cleaned together."""

    def __post_init__(self) -> None:
        parse_limits(self.limits)

    def reads(self) -> tuple[type[Product], ...]:
        return (OCCUPANCIES[self.product], *(() if self.evidence == "scale" else (ObjectClouds,)))

    def named_classes(self) -> Mapping[str, Sequence[str]]:
        return {"limits": [limit.class_name for limit in parse_limits(self.limits)]}

    def estimate(self, size: SceneSize) -> Estimate:
        return Estimate(
            0.1 + size.frames * 0.08, BASE_MIB + 40.0 + 0.1 * size.frames, size.frames * 60_000.0 * size.seen
        )

    def parts(self, scene: SceneView) -> list[Part]:
        return frame_parts(scene, self.frames_per_part)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        frames = [self._frame(scene, frame) for frame in range(part.args["start"], part.args["stop"])]
        return {
            **{name: np.stack([made[name] for made in frames]) for name in _ARRAYS},
            "counts": np.sum([made["counts"] for made in frames], axis=0),
        }

    def _frame(self, scene: SceneView, frame: int) -> PartResult:
        labels = scene.product(OCCUPANCIES[self.product])
        grid = VoxelGrid.from_json(labels.attribute("grid"))
        state, semantics, body = (np.array(labels.rows(n, frame, frame + 1)[0]) for n in ("state", "semantics", "body"))
        taxonomy = TAXONOMIES[scene.tables.taxonomy]
        limits = [limit for limit in parse_limits(self.limits) if limit.class_name in taxonomy.classes]
        ids = [taxonomy.id_of(limit.class_name) for limit in limits]
        outside = (state == State.OCCUPIED) & np.isin(semantics, ids) & self._outside(scene, frame, grid)
        runs, pieces = scales(instance_offsets(run_classes(state, semantics))), self._pieces(outside, semantics)
        small, large, long_piece = (np.zeros(grid.shape, dtype=np.bool_) for _ in range(3))
        for limit, class_id in zip(limits, ids, strict=True):
            of_class = (state == State.OCCUPIED) & (semantics == class_id)
            small |= of_class & limit.small(runs, grid.voxel_m, self.mode)
            large |= of_class & limit.large(runs, grid.voxel_m, self.mode)
            if pieces is not None:
                long_piece |= of_class & limit.large(pieces, grid.voxel_m, self.mode)
        reasons = self._reasons(small, large, long_piece, outside)
        counts = [[np.count_nonzero(why & (semantics == i)) for why in reasons] for i in ids]
        doubtful = np.logical_or.reduce(reasons)
        state[doubtful], semantics[doubtful], body[doubtful] = State.UNKNOWN, NO_LABEL, Body.NONE
        masks = {"mask_min": small, "mask_max": large, "mask_outside": outside}
        return {
            "state": state,
            "semantics": semantics,
            "body": body,
            **{name: mask.astype(np.uint8) for name, mask in masks.items()},
            "counts": np.array(counts, dtype=np.int64).reshape(len(ids), len(_REASONS)),
        }

    def _outside(self, scene: SceneView, frame: int, grid: VoxelGrid) -> Bool:
        """(X, Y, Z) bool: outside all boxes; nowhere where boxes are not asked."""
        if self.evidence == "scale":
            return np.zeros(grid.shape, dtype=np.bool_)
        labels = scene.product(OCCUPANCIES[self.product])
        pose = labels.rows("world_SE3_grid", frame, frame + 1)[0]
        return ~in_boxes(scene.product(ObjectClouds), grid, pose, frame, self.box_margin_m, parked=True)

    def _pieces(self, outside: Bool, semantics: NDArray[np.uint8]) -> Scales | None:
        """How far the pieces outside all boxes reach, which a rough trace's runs do not tell: they break at every step of it."""
        return piece_scales(outside, semantics) if self.evidence == "both" else None

    def _reasons(self, small: Bool, large: Bool, long_piece: Bool, outside: Bool) -> tuple[Bool, Bool, Bool]:
        """Voxels that are ignored, by reason; each has one."""
        nowhere = np.zeros_like(outside)
        if self.evidence == "tracks":
            return nowhere, nowhere, outside
        if self.evidence == "scale":
            return small & ~large, large, nowhere
        large = (large | long_piece) & outside
        return small & outside & ~large, large, nowhere

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> tuple[Product, ...]:
        labels = scene.product(OCCUPANCIES[self.product])
        shape = (len(scene.tables.key_sweeps), *labels.attribute("grid")["shape"])
        arrays: dict[str, Array] = {
            name: Blocks.of(shape, "uint8", [lambda r=r, name=name: r[name] for r in results]) for name in _ARRAYS
        }
        counts: list[list[int]] = np.sum([result["counts"] for result in results], axis=0).tolist()
        known = TAXONOMIES[scene.tables.taxonomy].classes
        names = [limit.class_name for limit in parse_limits(self.limits) if limit.class_name in known]
        return (
            RefinedLabels(
                **arrays,
                world_SE3_grid=labels.read("world_SE3_grid"),
                grid=labels.attribute("grid"),
                taxonomy=labels.attribute("taxonomy"),
                frame_tokens=labels.attribute("frame_tokens"),
                labels=self.product,
                evidence=self.evidence,
                ignored={name: dict(zip(_REASONS, row, strict=True)) for name, row in zip(names, counts, strict=True)},
            ),
        )
