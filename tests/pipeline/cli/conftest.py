"""A small simulated log and the store an undisturbed run makes of it, shared by the tests of the program."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from occ_pipeline.pipeline.sample import write_nuscenes_sample
from occ_pipeline.tests.pipeline.cli.command import SETTINGS, Ended, command, densify, digest


@dataclass(frozen=True)
class Clean:
    """An undisturbed run."""

    ended: Ended
    store: Path
    digest: str


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes of a second: 41 sweeps, three key frames each. Nobody writes into it."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "settings.yaml").write_text(SETTINGS)
    write_nuscenes_sample(folder / "log", scenes=2, seconds=1, seed=7)
    return folder / "log"


@pytest.fixture(scope="session")
def clean(log: Path) -> Clean:
    """What two workers make of the log."""
    store = log.parent / "clean.zarr"
    ended = command(*densify(log, store, "--workers", 2))
    assert ended.code == 0, ended.err
    return Clean(ended, store, digest(store))


@pytest.fixture
def kept(clean: Clean, tmp_path: Path) -> Path:
    """A copy of the clean store that a test may change."""
    return shutil.copytree(clean.store, tmp_path / "kept.zarr")


@pytest.fixture
def copied(log: Path, tmp_path: Path) -> Path:
    """A copy of the log. Its files share their bytes with the log's: replace them, never write into them."""
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    return shutil.copytree(log, tmp_path / "log", copy_function=os.link)
