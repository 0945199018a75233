"""Fixtures for the whole suite."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from occ_pipeline.tests.pipeline.cli.command import SETTINGS, Ended, command, densify, digest, kill_group

ROOT = Path(__file__).resolve().parents[1]

# Programs that tests start find our modules compiled, where else each would compile all of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The same examples every time: a failure in CI is a failure here.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of real recordings, where there is one."""
    folder = Path(os.environ.get("OCC_PIPELINE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real recordings here: set OCC_PIPELINE_TEST_DATA to their folder")
    return folder


def tool(name: str) -> str:
    """A program of the environment that the tests run in, or of the path."""
    found = Path(sys.executable).with_name(name)
    return str(found) if found.exists() else shutil.which(name) or pytest.fail(f"{name} is not installed")


@pytest.fixture(scope="session", autouse=True)
def pyright(request: pytest.FixtureRequest, project_root: Path) -> Iterator[subprocess.Popen[str] | None]:
    """Pyright over the project, where its test is to run: a minute that passes beside the other tests, behind them in turn."""
    if not any(item.name == "test_types" for item in request.session.items):
        yield None
        return
    words = ["nice", tool("pyright"), "--pythonpath", sys.executable]
    with subprocess.Popen(
        words, cwd=project_root, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process
        if process.poll() is None:
            kill_group(process)


@dataclass(frozen=True)
class Clean:
    """An undisturbed run."""

    ended: Ended
    store: Path
    digest: str


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated log of two scenes of a second: 41 sweeps, three key frames each. Nobody writes into it."""
    from occ_pipeline.pipeline.sample import write_nuscenes_sample

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
