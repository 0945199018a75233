"""What was measured of a scene's poses, before and after refinement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .pose_graph import Factor

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Measured:
    """What was measured of a scene."""

    before_m: Float32
    """(N,) residuals at the log's poses."""
    after_m: Float32
    """(N,) at refined ones."""
    overlap: Float32
    """(N,)"""
    thickness_m: tuple[float | None, float | None] = (None, None)
    """Of the map, before and after."""
    ego_SE3_refined: Float64 = field(default_factory=lambda: np.zeros((0, 4, 4)))
    """(N, 4, 4) corrections found, none where nothing was."""

    @classmethod
    def none(cls, count: int, overlap: Float32 | None = None) -> Measured:
        """Nothing."""
        nothing = np.full(count, np.nan, np.float32)
        return cls(nothing, nothing, np.zeros(count, np.float32) if overlap is None else overlap)

    def gains(self) -> list[float]:
        """Shares by which the median residual and, where it is known, the map's thickness fall."""
        pairs = [(float(np.nanmedian(self.before_m)), float(np.nanmedian(self.after_m)))]
        before, after = self.thickness_m
        if before is not None and after is not None:
            pairs.append((before, after))
        return [1.0 - b / a if a > 0 else 0.0 for a, b in pairs]

    def said(self) -> str:
        """``residual 0.061 -> 0.024 m, map thickness 0.081 -> 0.022 m``."""
        before, after = self.thickness_m
        text = f"residual {np.nanmedian(self.before_m):.4f} -> {np.nanmedian(self.after_m):.4f} m"
        return text if before is None or after is None else f"{text}, map thickness {before:.4f} -> {after:.4f} m"


def mean_overlap(count: int, factors: Sequence[Factor], overlap: Float64) -> Float32:
    """(N,) float32: mean overlap of each node's registrations, 0 without any."""
    ends = np.array([(f.i, f.j) for f in factors], dtype=np.int64).reshape(-1, 2)
    sums = sum(np.bincount(ends[:, k], overlap, count) for k in (0, 1))
    numbers = sum(np.bincount(ends[:, k], minlength=count) for k in (0, 1))
    return np.asarray(sums / np.maximum(numbers, 1), dtype=np.float32)
