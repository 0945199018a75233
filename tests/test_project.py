"""What holds for the project as a whole: lint, types, layers, packaging."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


def run(root: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"


def tool(name: str) -> str:
    found = BIN / name
    return str(found) if found.exists() else shutil.which(name) or pytest.fail(f"{name} is not installed")


def test_ruff(project_root: Path) -> None:
    run(project_root, tool("ruff"), "check", ".")
    run(project_root, tool("ruff"), "format", "--check", ".")


def test_types(project_root: Path) -> None:
    run(project_root, tool("pyright"), "--pythonpath", sys.executable)


def test_layers(project_root: Path) -> None:
    run(project_root, tool("lint-imports"))


def test_every_package_on_disk_is_listed(project_root: Path) -> None:
    listed = set(tomllib.loads((project_root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    roots = ("pipeline", "schemas", "stages", "workflows")
    folders = {p.parent.relative_to(project_root) for top in roots for p in (project_root / top).rglob("__init__.py")}
    assert listed == {"occ_pipeline", *("occ_pipeline." + ".".join(f.parts) for f in folders)}


def test_every_folder_with_modules_is_a_package(project_root: Path) -> None:
    for top in ("pipeline", "schemas", "stages", "workflows"):
        for module in (project_root / top).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), module
