"""The program within the tests' own process, for commands that start no workers."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import pytest
from occ_pipeline.pipeline.cli.main import _run
from occ_pipeline.tests.pipeline.cli.command import Ended


@dataclass(frozen=True)
class Program:
    """Runs a command line of 100 columns and gives what it left behind."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *args: object) -> Ended:
        self.monkeypatch.setattr(sys, "argv", ["occ-pipeline", *(str(arg) for arg in args)])
        self.monkeypatch.setenv("COLUMNS", "100")
        self.capsys.readouterr()
        start = time.monotonic()
        try:
            code = _run()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = self.capsys.readouterr()
        return Ended(code, out, err, time.monotonic() - start)

    def told(self, *args: object) -> tuple[int, str, str]:
        """Exit code, output and messages of a command line."""
        ended = self(*args)
        return ended.code, ended.out, ended.err
