"""What tests of the pipeline share."""

from __future__ import annotations

import pytest
from occ_pipeline.tests.pipeline.program import Program


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program, within this process."""
    return Program(capsys, monkeypatch)
