"""How long the runs of classes are, as curves and as counts over a logarithmic axis (VoxDet, Fig. 9 and 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..label_statistics import ClassStatistics, LabelStatistics
from ..run_counts import AXES, Int64
from .colours import UNLABELLED, Rgb

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Float64 = NDArray[np.float64]
FAINT, LINES = "#6b7280", "#e5e7eb"
_FIRST, _BEYOND = 0.75, 1.12
"""Where an axis of lengths begins, voxels, and how far it goes beyond the grid's size, times that."""
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)


def density(voxels: Int64) -> tuple[Float64, Float64]:
    """Where on a logarithmic axis of L voxels lie, from (N + 1,) voxels by L: places (P,), heights (P,) with a peak of 1.

    Every L is spread by an eighth of itself, a short one by a third of a voxel more: a sum of Gaussians over log L. Without voxels all heights are 0.
    """
    lengths = np.flatnonzero(voxels)
    spread = np.hypot(0.125, 0.35 / lengths)
    places = np.geomspace(_FIRST, (len(voxels) - 1) * _BEYOND, 300)
    away = (np.log(places)[:, None] - np.log(lengths)) / spread
    heights: Float64 = (np.exp(-0.5 * away**2) * (voxels[lengths] / spread)).sum(axis=1)
    return places, heights / max(float(heights.max()), 1e-300)


def draw_curves(panel: Axes, statistics: LabelStatistics, axis: int) -> None:
    """One curve a class, each with a peak of 1, as the paper's Fig. 9."""
    from matplotlib import patheffects

    for row in statistics.rows:
        if row.class_id is not None and row.voxels:
            places, heights = density(statistics.runs[axis][row.class_id])
            # Pale classes need an edge on white.
            edge = [patheffects.Stroke(linewidth=2.8, foreground="#4b5563"), patheffects.Normal()]
            colour = colour_of(statistics, row)
            panel.plot(places, heights, color=colour, lw=1.9, label=words(row.name), path_effects=edge)
    panel.set_ylim(0, 1.05)
    panel.set_title(f"Instance scale along {AXES[axis]}", loc="left")
    panel.set_ylabel("density of voxels over log L, peak of each class = 1" if axis == 0 else "")
    _length_axis(panel, statistics, axis)


def draw_counts(panel: Axes, statistics: LabelStatistics, name: str, axis: int) -> None:
    """Plain voxel counts of one row of ``chosen.names``, as the paper's Fig. 10 (a)."""
    from matplotlib.ticker import MaxNLocator

    number = statistics.chosen.names.index(name)
    row, voxels = statistics.rows[number], statistics.runs[axis][number]
    panel.stairs(voxels[1:], np.arange(len(voxels)) + 0.5, fill=True, color=colour_of(statistics, row))
    panel.set_title(f"{words(name)} along {AXES[axis]}", loc="left")
    panel.set_ylabel("voxels" if axis == 0 else "")
    panel.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    # Room for what is written there.
    panel.set_ylim(0, max(float(voxels.max()) * 1.45, 1.0))
    told = _facts(voxels, row.median_runs[axis], statistics.chosen.grid.voxel_m)
    panel.text(0.98, 0.95, told, transform=panel.transAxes, ha="right", va="top")
    _length_axis(panel, statistics, axis)


def colour_of(statistics: LabelStatistics, row: ClassStatistics) -> tuple[float, float, float]:
    """A class's colour, RGB 0 to 1; grey for what is no class."""
    colours = statistics.chosen.taxonomy.colours
    colour: Rgb = UNLABELLED if row.class_id is None else colours[row.class_id]
    return colour[0] / 255, colour[1] / 255, colour[2] / 255


def words(name: str) -> str:
    """A class's name as it is written out."""
    return name.replace("_", " ")


def _facts(voxels: Int64, median: int | None, voxel_m: float) -> str:
    if median is None:
        return "no voxels"
    single, longest = int(voxels[1]) / int(voxels.sum()), int(np.flatnonzero(voxels)[-1])
    lengths = "\n".join(
        f"{word} L = {n} ({n * voxel_m:.4g} m)" for word, n in (("median", median), ("longest", longest))
    )
    return f"{lengths}\nL = 1: {single:.1%} of voxels"


def _length_axis(panel: Axes, statistics: LabelStatistics, axis: int) -> None:
    """Run lengths in voxels below and in metres above, up to the grid's size."""
    from matplotlib.ticker import NullLocator

    grid = statistics.chosen.grid
    longest, edge = grid.shape[axis], grid.voxel_m
    ticks = [tick for tick in _TICKS if tick <= longest]
    panel.set_xscale("log")
    panel.set_xlim(_FIRST, longest * _BEYOND)
    panel.set_xticks(ticks, [f"{tick}" for tick in ticks])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel(f"L, voxels of {edge:g} m; the grid has {longest}")
    above = panel.secondary_xaxis("top")
    above.set_xticks(ticks, [f"{tick * edge:.4g}" for tick in ticks])
    above.xaxis.set_minor_locator(NullLocator())
    above.set_xlabel("L, metres", fontsize=8, color=FAINT)
    above.tick_params(labelsize=8, colors=FAINT)
    panel.grid(color=LINES, lw=0.6)
    panel.set_axisbelow(True)
