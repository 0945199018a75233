"""Statistics of voxel labels as one picture: voxels and weights of classes, and how long their runs are (VoxDet, Fig. 9, 10)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..label_statistics import LabelStatistics
from ..label_statistics_table import weight_text
from .scales import FAINT, LINES, colour_of, draw_counts, draw_curves, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK = "#20242c"
_EXPLAINED = (
    "A voxel's instance scale along an axis: the number L of voxels of the run of equal labels that it lies in, itself counted;"
    " the paper's l is L + 1.\nCurves are smoothed over log L: where a curve is high, many of the class's voxels have that scale."
)


def draw_statistics(statistics: LabelStatistics, classes: Sequence[str]) -> bytes:
    """The picture as PNG. ``classes``: whose scales are drawn as plain counts too, one row each, of ``chosen.names``."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context():
        # A user's own settings are for a user's own pictures.
        mpl.rcdefaults()
        mpl.rcParams.update({"font.size": 9, "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": FAINT})
        figure = Figure(figsize=(19, 7.2 + 3.0 * len(classes)), dpi=100, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        figure.suptitle(statistics.title, x=0.01, ha="left", fontsize=14)
        heights = [5.2, 1.6, *(3.0 for _ in classes)]
        cells = figure.add_gridspec(len(heights), 4, height_ratios=heights, width_ratios=(1.1, 1, 1, 1))
        _bars(figure.add_subplot(cells[: 2 + min(len(classes), 1), 0]), statistics)
        curves = [figure.add_subplot(cells[0, 1 + axis]) for axis in range(3)]
        for axis, panel in enumerate(curves):
            draw_curves(panel, statistics, axis)
        key = figure.add_subplot(cells[1, 1:])
        key.axis("off")
        lines, labels = curves[0].get_legend_handles_labels()
        key.legend(lines, labels, loc="upper center", ncols=7, frameon=False, borderaxespad=0)
        key.text(0.5, 0.0, _EXPLAINED, ha="center", va="bottom", color=FAINT)
        for row, name in enumerate(classes):
            for axis in range(3):
                draw_counts(figure.add_subplot(cells[2 + row, 1 + axis]), statistics, name, axis)
        file = io.BytesIO()
        figure.savefig(file, format="png")
    return file.getvalue()


def _bars(panel: Axes, statistics: LabelStatistics) -> None:
    """Voxels of each class, most first, those of no class last, with weights beside."""
    rows = sorted(
        statistics.rows, key=lambda row: (row.class_id is None, -row.voxels if row.class_id is not None else 0)
    )
    places = [number + (0.6 if row.class_id is None else 0.0) for number, row in enumerate(rows)]
    panel.barh(
        places, [row.voxels for row in rows], 0.72, color=[colour_of(statistics, row) for row in rows], edgecolor=_INK, lw=0.5
    )  # fmt: skip
    panel.set_yticks(places, [words(row.name) for row in rows])
    panel.set_ylim(places[-1] + 0.6, -0.6)
    panel.set_xscale("log")
    panel.set_xlim(0.8, max([10, *(row.voxels for row in rows)]) * 1.6)
    panel.set_xlabel("voxels, all key frames (log axis)")
    panel.set_title("Voxels and loss weights of classes", loc="left")
    panel.grid(axis="x", color=LINES, lw=0.6)
    panel.set_axisbelow(True)
    beside: dict[str, Any] = {"transform": panel.get_yaxis_transform(), "va": "center", "fontsize": 8.5}
    panel.text(1.24, -1.0, "voxels", ha="right", color=FAINT, **beside)
    panel.text(1.27, -1.0, "weight 1 / ln(voxels + 0.001)", color=FAINT, **beside)
    for place, row in zip(places, rows, strict=True):
        panel.text(1.24, place, f"{row.voxels:,}", ha="right", **beside)
        panel.text(1.27, place, weight_text(row), color=_INK if row.weight is not None else FAINT, **beside)
