"""Statistics of voxel labels, as a table for a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from .label_statistics import ClassStatistics, LabelStatistics
from .run_counts import AXES


def statistics_table(statistics: LabelStatistics) -> Table:
    """One line a class; what is no class below."""
    chosen = statistics.chosen
    made = Table(title=statistics.title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    made.add_column("", no_wrap=True)
    for heading in ("voxels", "of known", "loss weight", *(f"L in {axis}" for axis in AXES)):
        made.add_column(heading, justify="right", no_wrap=True)
    for row in statistics.rows:
        if row.class_id is None and row.name == chosen.names[len(chosen.taxonomy.classes)]:
            made.add_section()
        share = "" if row.share is None else f"{row.share:.3%}"
        medians = ("" if median is None else str(median) for median in row.median_runs)
        made.add_row(row.name.replace("_", " "), f"{row.voxels:,}", share, weight_text(row), *medians)
    made.caption = (
        f"known: free or occupied; loss weight: 1 / ln(voxels + 0.001); L in x, y, z: half of the class's voxels lie in runs of at"
        f" most L voxels of {chosen.grid.voxel_m:g} m (the paper's l is L + 1)"
    )
    return made


def weight_text(row: ClassStatistics) -> str:
    """The weight, or why there is none."""
    if not row.trained:
        return "ignored"
    return (
        f"no weight: {row.voxels} voxel{'' if row.voxels == 1 else 's'}" if row.weight is None else f"{row.weight:.5f}"
    )
