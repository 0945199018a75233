"""A disk that fills up in the middle of a run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.tests.pipeline.cli.command import command, densify, digest
from occ_pipeline.tests.pipeline.cli.conftest import Clean

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk(small_disk: Path, log: Path, clean: Clean) -> None:
    store, filler = small_disk / "x.zarr", small_disk / "filler"
    filler.write_bytes(bytes(4 << 20))
    ended = command(*densify(log, store, "--workers", 2, "--json"))
    assert ended.code == 4, ended.err
    assert ended.out == ""
    (line,) = ended.errors
    for text in (str(small_disk), "free", ";"):
        assert text in line
    assert "Traceback" not in ended.err
    assert not (store / "zarr.json").exists() or Store.open(store).verify(deep=True) == []
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    resumed = command(*densify(log, store, "--workers", 2, "--json"))
    assert resumed.code == 0, resumed.err
    assert digest(store) == clean.digest
