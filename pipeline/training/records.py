"""The folder of a training run: ``parameters.json``, ``log.csv``, ``validation.csv``, ``last.pt``, ``best.pt``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..store.durable import replace_file, storage_errors
from . import checkpoint
from .log import Log, Row, tensorboard

LAST, BEST, PARAMETERS = "last.pt", "best.pt", "parameters.json"


class Records:
    """Writes what a run leaves behind. Raises StorageError."""

    def __init__(self, folder: Path, parameters: Mapping[str, Any], step: int, *, events: bool) -> None:
        """Goes on after ``step``; ``events``: for TensorBoard too."""
        self._folder = folder
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(folder / PARAMETERS, json.dumps(parameters, indent=1) + "\n", folder)
        writer = tensorboard(folder / "tensorboard") if events else None
        self._log = Log(folder / "log.csv", step, writer)
        self._validations = Log(folder / "validation.csv", step, writer)

    def row(self, row: Row) -> None:
        """Of the log."""
        self._log.write(row)

    def validation(self, row: Row) -> None:
        """Of what a validation found."""
        self._validations.write(row)

    def save(self, name: str, state: Mapping[str, Any]) -> None:
        """A checkpoint, ``LAST`` or ``BEST``."""
        checkpoint.save(self._folder / name, state)


class NoRecords(Records):
    """Of a rank that is not the first: writes nothing."""

    def __init__(self) -> None:
        pass

    def row(self, row: Row) -> None:
        del row

    def validation(self, row: Row) -> None:
        del row

    def save(self, name: str, state: Mapping[str, Any]) -> None:
        del name, state
