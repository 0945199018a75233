"""The record of one run beside the store: parameters, versions, events, failures. Nothing of it is in the store."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from .store.durable import storage_errors


class RunFolder:
    """``NAME.runs/<time>/``: ``run.json``, ``events.jsonl``, ``failures/<scene>.txt``."""

    def __init__(self, store: Path, suffix: str = "") -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ") + suffix
        self.path = store.with_suffix(".runs") / stamp
        self._start = time.monotonic()
        with storage_errors(self.path):
            self.path.mkdir(parents=True)

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Writes what was asked for and with what."""
        versions = {"occ-pipeline": __version__, "python": platform.python_version(), "system": platform.platform()}
        record = {"command": sys.argv, "versions": versions, **settings}
        self._write("run.json", json.dumps(record, indent=1, default=str) + "\n")

    def event(self, name: str, **details: Any) -> None:
        """Appends one line to ``events.jsonl``; ``at_s`` counts from the start of the run."""
        line = json.dumps({"at_s": round(time.monotonic() - self._start, 3), "event": name, **details}, default=str)
        with storage_errors(self.path), (self.path / "events.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def events(self) -> list[dict[str, Any]]:
        """What was appended so far."""
        path = self.path / "events.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def keep(self, name: str, record: Mapping[str, Any]) -> None:
        """Writes a JSON file of the record."""
        self._write(name, json.dumps(record, indent=1, default=str) + "\n")

    @property
    def seconds(self) -> float:
        """Since the start of the run."""
        return time.monotonic() - self._start

    def failure(self, scene: str, text: str) -> None:
        """Keeps why a scene failed, with its traceback."""
        with storage_errors(self.path):
            (self.path / "failures").mkdir(exist_ok=True)
        self._write(f"failures/{scene}.txt", text)

    def _write(self, name: str, text: str) -> None:
        with storage_errors(self.path):
            (self.path / name).write_text(text, encoding="utf-8")
