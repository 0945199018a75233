"""Fixtures of what a trainer reads."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from occ_pipeline.tests.pipeline.training_data.small_store import GRID, small_store


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody writes into it."""
    return small_store(tmp_path_factory.mktemp("small") / "small.zarr").path


@pytest.fixture(scope="session")
def small_ego(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on a grid in the ego frame. Nobody writes into it."""
    return small_store(tmp_path_factory.mktemp("small") / "ego.zarr", dataclasses.replace(GRID, frame="ego")).path
