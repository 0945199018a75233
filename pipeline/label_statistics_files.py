"""Statistics of voxel labels as CSV files and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .label_statistics import LabelStatistics
from .run_counts import AXES, runs_of
from .store.durable import replace_file, storage_errors

CLASSES_CSV, SCALES_CSV = "classes.csv", "scales.csv"
CLASS_COLUMNS = (
    "class",
    "class_id",
    "voxels",
    "share_of_known",
    "loss_weight",
    *(f"median_run_voxels_{a}" for a in AXES),
)
SCALE_COLUMNS = ("class", "axis", "run_voxels", "paper_l", "voxels", "runs")
"""``run_voxels`` is L, the voxels of a run; ``paper_l`` the paper's l, which is L + 1."""


def write_tables(folder: Path, statistics: LabelStatistics) -> None:
    """Writes both files, each whole or not at all. Raises StorageError."""
    for name, text in ((CLASSES_CSV, classes_csv(statistics)), (SCALES_CSV, scales_csv(statistics))):
        with storage_errors(folder / name):
            replace_file(folder / name, text, folder)


def classes_csv(statistics: LabelStatistics) -> str:
    """One line a class, then free, unknown, and occupied without a class; blank where a class has no such figure."""
    rows = (
        (row.name, row.class_id, row.voxels, _digits(row.share), _digits(row.weight), *row.median_runs)
        for row in statistics.rows
    )
    return _csv(CLASS_COLUMNS, rows)


def scales_csv(statistics: LabelStatistics) -> str:
    """One line for each class, axis and run length that voxels have."""
    return _csv(SCALE_COLUMNS, (tuple(line.values()) for line in _scales(statistics)))


def to_json(statistics: LabelStatistics) -> dict[str, Any]:
    """All of both files, and what was counted."""
    chosen = statistics.chosen
    return {
        "scenes": {
            scene: {"product": labels.product.name, "fingerprint": labels.manifest.fingerprint[:16]}
            for scene, labels in zip(chosen.scenes, chosen.labels, strict=True)
        },
        "frames": statistics.frames,
        "grid": chosen.grid.to_json(),
        "taxonomy": chosen.taxonomy.name,
        "classes": {
            row.name: {
                "class_id": row.class_id, "voxels": row.voxels, "share_of_known": row.share, "loss_weight": row.weight,
                "median_run_voxels": dict(zip(AXES, row.median_runs, strict=True)),
            }
            for row in statistics.rows
        },
        "scales": list(_scales(statistics)),
    }  # fmt: skip


def _scales(statistics: LabelStatistics) -> Iterator[dict[str, Any]]:
    """Lines of ``scales.csv``, by column."""
    for row, name in enumerate(statistics.chosen.names):
        for axis, counts in zip(AXES, statistics.runs, strict=True):
            voxels, runs = counts[row], runs_of(counts[row])
            for length in np.flatnonzero(voxels).tolist():
                line = (name, axis, length, length + 1, int(voxels[length]), int(runs[length]))
                yield dict(zip(SCALE_COLUMNS, line, strict=True))


def _csv(columns: Iterable[str], rows: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _digits(value: float | None) -> str | None:
    """Ten digits: what a logarithm gives beyond them may differ from machine to machine."""
    return None if value is None else f"{value:.10g}"
