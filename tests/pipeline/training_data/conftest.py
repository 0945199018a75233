"""Fixtures of what a trainer reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from occ_pipeline.tests.pipeline.training_data.small_store import small_store


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody writes into it."""
    return small_store(tmp_path_factory.mktemp("small") / "small.zarr").path
