"""Whether refined poses are better than the log's, frame by frame and as a whole; what is not better is not changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..schemas.refined_poses import Corrections, PoseStatus, RefinedPoses, refined_sweeps
from ..schemas.scene import SceneTables
from .pose_graph import Factor, gauge, solve
from .pose_measured import Measured, mean_overlap
from .pose_report import Residuals, Surface, ground_thickness
from .pose_trust import log_factors, step_sigmas

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]
WORSE_M = 0.001
"""A frame's residual may rise by this without being called worse: it is a sample of points."""
CHANCE = 0.02
"""Residuals and thickness rise or fall by this share for no reason."""
Verdict = Literal["refined", "kept", "refused", "off"]


@dataclass(frozen=True)
class Judge:
    """Judges the registrations of one scene."""

    tables: SceneTables
    nodes: NDArray[np.int32]
    least_gain: float
    """Share by which residuals or the map's thickness must fall."""
    least_overlap: float
    most_refused: float
    reach_m: float

    def judged(
        self, surfaces: Sequence[Surface], factors: Sequence[Factor], overlap: Float64, converged: Bool
    ) -> RefinedPoses:
        """The scene's poses, from surfaces of its nodes and registrations between them with overlap (M,), convergence (M,)."""
        good = [f for f, o, c in zip(factors, overlap, converged, strict=True) if c and o >= self.least_overlap]
        shares = mean_overlap(len(self.nodes), factors, overlap)
        if not good:
            found = f"of {len(factors)} registrations none held"
            return kept(self.tables, self.nodes, "refused", found, Measured.none(len(self.nodes), shares))
        logged = self.tables.world_SE3_ego[self.nodes]
        solved = self._solved(logged, good)
        residuals = Residuals(surfaces, [(f.i, f.j) for f in good], self.reach_m)
        before, after = residuals.of(logged, solved)
        worse = after > before + WORSE_M
        corrections = _from_neighbours(self.tables.timestamps_ns[self.nodes], np.linalg.inv(logged) @ solved, worse)
        refined = logged @ corrections
        measured = Measured(
            before, residuals.of(refined)[0] if worse.any() else after, shares,
            (ground_thickness(surfaces, logged), ground_thickness(surfaces, refined)), corrections,
        )  # fmt: skip
        verdict, reason = self._verdict(measured, worse)
        if verdict != "refined":
            return kept(self.tables, self.nodes, verdict, reason, measured)
        tied = {node for factor in good for node in (factor.i, factor.j)}
        status = np.array(
            [PoseStatus.REFINED if k in tied else PoseStatus.CARRIED for k in range(len(logged))], np.uint8
        )
        status[worse] = PoseStatus.REFUSED
        return _product(self.tables, self.nodes, corrections, status, verdict, reason, measured)

    def _solved(self, logged: Float64, good: Sequence[Factor]) -> Float64:
        """Poses (N, 4, 4) that agree with registrations and, as far as it deserves trust, with the log."""
        steps = log_factors(logged, step_sigmas(logged, good))
        known = {(f.i, f.j): f.i_SE3_j for f in [*steps, *good]}
        guess = [logged[0]]
        for k in range(len(logged) - 1):
            guess.append(guess[-1] @ known[k, k + 1])
        solved = solve(np.array(guess), [*steps, *good])
        return gauge(solved, logged) @ solved

    def _verdict(self, measured: Measured, worse: Bool) -> tuple[Verdict, str]:
        gains, said = measured.gains(), measured.said()
        if max(gains) < self.least_gain:
            return "kept", f"refinement would gain too little; {said}"
        if min(gains) < -CHANCE:
            return "refused", f"the whole would not agree better; {said}"
        if worse.mean() > self.most_refused:
            return "refused", f"{int(worse.sum())} of {len(worse)} key frames would not agree better; {said}"
        return "refined", said


def kept(
    tables: SceneTables, nodes: NDArray[np.int32], verdict: Verdict, reason: str, measured: Measured | None = None
) -> RefinedPoses:
    """The log's poses, as they are."""
    none = np.tile(np.eye(4), (len(nodes), 1, 1))
    status = np.full(len(nodes), PoseStatus.KEPT, np.uint8)
    return _product(tables, nodes, none, status, verdict, reason, measured or Measured.none(len(nodes)))


def _product(
    tables: SceneTables, nodes: NDArray[np.int32], corrections: Float64, status: NDArray[np.uint8], verdict: Verdict,
    reason: str, measured: Measured,
) -> RefinedPoses:  # fmt: skip
    changed = verdict == "refined"
    times = tables.timestamps_ns[nodes]
    return RefinedPoses(
        world_SE3_ego=refined_sweeps(tables, Corrections(times, corrections)) if changed else tables.world_SE3_ego,
        node_sweeps=nodes,
        ego_SE3_refined=corrections,
        status=status,
        residual_before_m=measured.before_m,
        residual_after_m=measured.after_m,
        overlap=measured.overlap,
        verdict=verdict,
        reason=reason,
        map_thickness_m=list(measured.thickness_m),
        found=_largest(measured.ego_SE3_refined),
    )


def _largest(corrections: Float64) -> dict[str, float]:
    """Largest translation and rotation of some corrections (N, 4, 4)."""
    turns = Rotation.from_matrix(corrections[:, :3, :3]).magnitude() if len(corrections) else np.zeros(0)
    return {
        "translation_m": float(np.linalg.norm(corrections[:, :3, 3], axis=1).max(initial=0.0)),
        "rotation_deg": float(np.degrees(turns.max(initial=0.0))),
    }


def _from_neighbours(times_ns: NDArray[np.int64], corrections: Float64, refused: Bool) -> Float64:
    """Corrections (N, 4, 4), where refused those of the nearest others in time, interpolated."""
    if not refused.any() or refused.all():
        return corrections
    return np.where(
        refused[:, None, None], Corrections(times_ns[~refused], corrections[~refused]).at(times_ns), corrections
    )
