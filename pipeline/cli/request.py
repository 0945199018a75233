"""What a user asked ``run`` or ``plan`` for: which stages, on what, into which store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.taxonomy import TAXONOMIES
from ...stages.stage import Stage
from ..checking import refuse_foreign_classes
from ..datasets import DEFAULT
from ..graph import required
from ..published import LabelsAsked, refuse_unfit
from ..shard import Shard
from .console import note, warn
from .workers import WorkersAsked

if TYPE_CHECKING:
    from ..session import Log

SAMPLE_NOTE = "no --dataroot: using the built-in SIMULATED sample log; for real data give --dataroot FOLDER"


@dataclass(frozen=True)
class Request:
    """What a user asked for."""

    targets: tuple[str, ...]
    dataset: str | None
    dataroot: Path | None
    version: str | None
    out: Path | None
    scenes: str | None
    workers: WorkersAsked
    stages: dict[str, Stage]
    as_json: bool
    debug: bool = False
    memory_check: bool = True
    shard: Shard | None = None
    labels: LabelsAsked | None = None
    """In the place of dataset, dataroot and version."""

    @property
    def store_path(self) -> Path:
        """Where the store is or will be."""
        dataset = self.labels.format if self.labels else self.dataset or DEFAULT
        default = f"{dataset}.zarr" if self.dataroot or self.labels else f"{dataset}-sample.zarr"
        return (self.out or Path(default)).absolute()

    def wanted(self) -> list[Stage]:
        """The stages asked for and all they need, in order. Raises UsageError, for what the log cannot feed too."""
        stages = required(self.targets, self.stages)
        refuse_unfit(self.labels is not None, self.targets, stages, self.stages)
        return stages

    def open_log(self) -> Log:
        """What was asked for to work on. Raises UsageError."""
        from ..session import open_labels, open_log, sample_log
        from ..sources import LabelSource
        from .sample import write_default

        dataset, data_root = self.dataset or DEFAULT, self.dataroot
        if self.labels is not None:
            log = open_labels(self.labels.format, self.labels.folder)
        else:
            if data_root is None:
                note("")
                warn(SAMPLE_NOTE)
                data_root = sample_log(dataset, lambda folder: write_default(dataset, folder))
            # Workers may stand in other folders.
            log = open_log(dataset, data_root.absolute(), self.version)
        refuse_foreign_classes(self.wanted(), TAXONOMIES[log.source.taxonomy])
        for text in log.source.caveats if isinstance(log.source, LabelSource) else ():
            warn(text)
        return log
