"""Job files as they lie there: what a user edits, what shells and SLURM read."""

from __future__ import annotations

import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from occ_pipeline.pipeline.recipes import packaged
from occ_pipeline.pipeline.registry import STAGES
from occ_pipeline.tests.workflows.job_files import FOLDER, JOBS, SHELL, directives


@pytest.mark.parametrize("name", JOBS)
def test_three_places_to_edit(name: str) -> None:
    assert re.findall(r"EDIT (\d)", (FOLDER / name).read_text()) == ["1", "2", "3"]


def test_every_file_is_told_of_and_shipped(project_root: Path) -> None:
    settings = tomllib.loads((project_root / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["occ_pipeline.workflows"]
    there = {path.name for path in FOLDER.iterdir() if path.suffix in (".yaml", ".sh")}
    assert all(any(fnmatch(name, pattern) for pattern in patterns) for name in there)
    readme = (FOLDER / "README.md").read_text()
    assert set(re.findall(r"`([a-z-]+\.(?:sh|yaml))`", readme)) == set(JOBS)
    recipes = packaged(STAGES)
    assert there == {*JOBS, *(f"{name}.yaml" for name in recipes)}, "a job file is no recipe, and nothing is neither"
    assert all(f"`{name}`" in readme for name in recipes)


@pytest.mark.parametrize("name", SHELL)
def test_shells_can_read_it(name: str) -> None:
    done = subprocess.run(["bash", "-n", FOLDER / name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    text = (FOLDER / name).read_text()
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text


def test_sbatch_knows_the_options() -> None:
    array = directives((FOLDER / "slurm-array.sh").read_text())
    assert array["array"].startswith("1-"), "shards count from one"
    assert {"partition", "time", "mem-per-cpu", "requeue"} <= set(array)
    assert array["ntasks"] == array["nodes"] == "1"
    assert array["signal"].startswith("B:USR1@"), "to the shell, which traps it"
    steering = directives((FOLDER / "slurm-dask.sh").read_text())
    assert {"partition", "time", "mem", "requeue"} <= set(steering)
    assert steering["cpus-per-task"] == "1"
    assert steering["signal"].startswith("B:TERM@"), "to the program, which took the shell's place"
