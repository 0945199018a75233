"""Fixtures of the readers' tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from occ_pipeline.tests.pipeline.sources.nuscenes_log import NuScenesLog

_opened: list[str] | None = None


def _record(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and _opened is not None and isinstance(args[0], str):
        _opened.append(args[0])


sys.addaudithook(_record)  # stays for ever, as audit hooks do


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Every file that Python opens during the test."""
    global _opened  # noqa: PLW0603
    _opened = []
    yield _opened
    _opened = None


@pytest.fixture
def log(tmp_path: Path) -> NuScenesLog:
    """A good log, not yet written."""
    return NuScenesLog(tmp_path / "log")
