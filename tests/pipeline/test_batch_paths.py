"""Paths that other machines would not see, judged on this one."""

from __future__ import annotations

from pathlib import Path

import pytest
from occ_pipeline.pipeline import batch_paths
from occ_pipeline.pipeline.batch_paths import refuse_local
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.tests.pipeline.cli.command import command, densify

FILE = Path("cluster.yaml")
SHARED = Path("/project")


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str | None]:
    """File systems by the beginnings of paths; the interpreter is where all see it, the folder for temporary files is not."""
    known: dict[str, str | None] = {
        "/project": "nfs4",
        "/disk": "ext4",
        "/strange": "someday",
        "/tmp/cluster": "lustre",
    }

    def kind(path: Path) -> str | None:
        return next((known[start] for start in known if path.is_relative_to(start)), "ext4")

    monkeypatch.setattr(batch_paths, "file_system", kind)
    monkeypatch.setattr(batch_paths.sys, "executable", "/project/bin/python")
    monkeypatch.setattr(batch_paths.tempfile, "gettempdir", lambda: "/scratch/me")
    return known


@pytest.mark.parametrize("folder", ["/project", "/strange/labels", "/tmp/cluster/labels"])
def test_paths_that_may_be_shared_pass(folder: str, kinds: dict[str, str | None]) -> None:
    """What is of an unknown kind is asked of the workers."""
    refuse_local({}, FILE, Path(folder) / "x.zarr", SHARED)


@pytest.mark.parametrize("folder", ["/tmp/x", "/var/tmp", "/dev/shm/me", "/run/user/0", "/scratch/me"])
def test_folders_for_temporary_files_are_refused(folder: str, kinds: dict[str, str | None]) -> None:
    kinds[folder] = "someday"
    with pytest.raises(UsageError) as error:
        refuse_local({}, FILE, SHARED / "x.zarr", Path(folder) / "log")
    said = str(error.value)
    assert said.startswith(
        f"workers on other machines would not see the log (file {folder}/log): found a folder for temp"
    )
    assert (
        f"give --dataroot another path; where all machines do see it, add 'shared_paths: [{folder}]' to {FILE}" in said
    )


def test_a_disk_is_refused_unless_it_is_said_to_be_shared(kinds: dict[str, str | None]) -> None:
    store = Path("/disk/me/x.zarr")
    with pytest.raises(
        UsageError, match=r"store \(file /disk/me/x.zarr\): found a disk of this machine \(ext4\), expected"
    ):
        refuse_local({}, FILE, store, SHARED)
    with pytest.raises(UsageError, match="disk of this machine"):
        refuse_local({"shared_paths": ["/disk/you"]}, FILE, store, SHARED)
    refuse_local({"shared_paths": ["/disk"]}, FILE, store, SHARED)


def test_links_lead_to_what_is_judged(kinds: dict[str, str | None], tmp_path: Path) -> None:
    kinds[str(tmp_path)] = "nfs4"
    (tmp_path / "log").symlink_to("/disk/log")
    kinds[str(tmp_path / "log")] = "ext4"
    with pytest.raises(UsageError, match="workers on other machines would not see the log"):
        refuse_local({"shared_paths": [str(tmp_path / "x.zarr")]}, FILE, tmp_path / "x.zarr", tmp_path / "log")


def test_a_python_in_a_temporary_folder_is_refused(kinds: dict[str, str | None]) -> None:
    for python, refused in (("/tmp/venv/bin/python", True), ("/usr/bin/python3", False)):
        config = {"python": python}
        if refused:
            with pytest.raises(
                UsageError, match=r"would not see the Python of the workers.*install occ-pipeline in another"
            ):
                refuse_local(config, FILE, SHARED / "x.zarr", SHARED)
        else:
            refuse_local(config, FILE, SHARED / "x.zarr", SHARED)


def test_the_program_refuses_before_it_submits(log: Path, tmp_path: Path) -> None:
    """Tests' folders are temporary ones."""
    (tmp_path / "bin").mkdir()
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.write_text(f"#!/bin/sh\ntouch {tmp_path}/submitted\nexit 1\n")
    sbatch.chmod(0o755)
    config = tmp_path / "cluster.yaml"
    config.write_text("memory: 3GiB\n")
    asked = ("--cluster", "slurm", "--cluster-config", config)
    ended = command(*densify(log, tmp_path / "x.zarr", *asked), env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"})
    assert ended.code == 2
    (line,) = ended.err.splitlines()
    assert f"workers on other machines would not see the store (file {tmp_path / 'x.zarr'})" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "cluster.yaml"]
