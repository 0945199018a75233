"""Rows of numbers by step as CSV, and for TensorBoard where it is asked for."""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...schemas.errors import UsageError
from ..store.durable import replace_file, storage_errors

Row = Mapping[str, float | int | None]
"""``step`` and what is told of it, by name; None where there is nothing to tell."""


class Log:
    """``NAME.csv``, a row at a time; the first row's names are the columns."""

    def __init__(self, path: Path, step: int, events: Any | None = None) -> None:
        """Goes on after ``step``: rows of later steps, which a run wrote before it was stopped, go. ``events``: TensorBoard's."""
        self._path, self._events = path, events
        self._columns: list[str] | None = None
        with storage_errors(path):
            rows = _rows(path) if step else []
            if rows:
                self._columns = list(rows[0])
                kept = [row for row in rows if int(row["step"]) <= step]
                replace_file(path, _text(self._columns, kept, header=True), path.parent)
            else:
                path.unlink(missing_ok=True)

    def write(self, row: Row) -> None:
        """Appends a row. Raises StorageError."""
        first = self._columns is None
        columns = self._columns = self._columns or list(row)
        with storage_errors(self._path), self._path.open("a", encoding="utf-8", newline="") as stream:
            stream.write(_text(columns, [row], header=first))
        if self._events is not None:
            for name, value in row.items():
                if value is not None and name != "step":
                    self._events.add_scalar(f"{self._path.stem}/{name}", value, row["step"])


def refuse_tensorboard() -> None:
    """Raises UsageError where TensorBoard is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        raise UsageError(
            "TensorBoard is not installed", fix="pip install tensorboard, or leave --tensorboard out: log.csv has the same"
        )  # fmt: skip


def tensorboard(folder: Path) -> Any:
    """TensorBoard's writer of events."""
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder))


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        # The last row may have been cut short when the run was stopped.
        return [row for row in csv.DictReader(stream) if None not in row.values() and row["step"].isdigit()]


def _text(columns: list[str], rows: list[Any], *, header: bool) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
