"""Published voxel labels in the place of a raw log: ``--labels FORMAT:DIR``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..schemas.errors import UsageError
from ..schemas.occupancy import ReferenceOccupancy
from ..stages.stage import Stage
from .graph import required
from .parameters import Values
from .registry import STAGES

FORMATS = ("occ3d", "surroundocc", "openoccupancy", "openocc", "semantickitti", "monoscene", "sscbench-kitti360")
"""Keys of ``sources.LABEL_FORMATS``, of which help speaks: importing the readers would take a second."""
PARAMETERS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "voxnt": {"product": ReferenceOccupancy.name},
        # Tracks need a log's boxes.
        "clean": {"product": ReferenceOccupancy.name, "evidence": "scale"},
    }
)
"""What stages work on where there is no log: above their defaults, below all that a user gives."""
SYNTAX = f"FORMAT:DIR, FORMAT one of {', '.join(FORMATS)}"


@dataclass(frozen=True)
class LabelsAsked:
    """What ``--labels`` names."""

    format: str
    folder: Path

    @classmethod
    def parse(cls, text: str) -> LabelsAsked:
        """From ``FORMAT:DIR``. Raises UsageError."""
        name, _, folder = text.partition(":")
        if name not in FORMATS or not folder:
            raise UsageError(
                "--labels cannot be read", found=text, expected=SYNTAX, fix="name the format and the folder of labels"
            )
        return cls(name, Path(folder).expanduser())

    def values(self) -> Values:
        """Parameters of the stages there are."""
        return {name: dict(values) for name, values in PARAMETERS.items() if name in STAGES}


def lacks(published: bool, stage: Stage) -> str | None:
    """What a stage reads that published labels cannot give, or that a raw log cannot; None where there is nothing."""
    if not published:
        return "published labels" if stage.reads_reference_labels() else None
    if stage.reads_sweeps():
        return "sweeps"
    if stage.reads_images():
        return "images"
    return "2D labels of images" if stage.reads_image_labels() is not None else None


def refuse_unfit(published: bool, targets: Sequence[str], wanted: Sequence[Stage], stages: Mapping[str, Stage]) -> None:
    """Raises UsageError where a stage that would run reads what is not there, naming it and what could run."""
    unfit = next(((stage, what) for stage in wanted if (what := lacks(published, stage))), None)
    if unfit is None:
        return
    stage, what = unfit
    asked = f"a run of {', '.join(targets)}"
    if not published:
        fix = f"give --labels {SYNTAX}, in the place of --dataroot"
        raise UsageError(f"stage {stage.name} reads {what}, and a raw log has none", found=asked, fix=fix)
    fit = [name for name in stages if not any(lacks(published, each) for each in required([name], stages))]
    other = [
        f"--set {name}.{key}={value}"
        for name in targets
        for key, value in PARAMETERS.get(name, {}).items()
        if name in stages and getattr(stages[name], key) != value
    ]
    do = f"use {' '.join(other)}" if other else "run that"
    raise UsageError(
        f"stage {stage.name} reads {what}, and --labels gives none", found=asked, expected=f"run {' or '.join(fit)}",
        fix=f"{do}, or give --dataroot in the place of --labels",
    )  # fmt: skip
