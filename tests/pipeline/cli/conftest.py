"""Copies that tests of the program may change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from occ_pipeline.tests.conftest import Clean
from occ_pipeline.tests.pipeline.cli.command import SETTINGS

__all__ = ["Clean"]


@pytest.fixture
def kept(clean: Clean, tmp_path: Path) -> Path:
    """A copy of the clean store that a test may change."""
    return shutil.copytree(clean.store, tmp_path / "kept.zarr")


@pytest.fixture
def copied(log: Path, tmp_path: Path) -> Path:
    """A copy of the log. Its files share their bytes with the log's: replace them, never write into them."""
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    return shutil.copytree(log, tmp_path / "log", copy_function=os.link)
