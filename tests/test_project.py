"""What holds for the project as a whole: lint, types, layers, packaging."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

from occ_pipeline.tests.conftest import tool


def run(root: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"


def test_ruff(project_root: Path) -> None:
    run(project_root, tool("ruff"), "check", ".")
    run(project_root, tool("ruff"), "format", "--check", ".")


def test_types(pyright: subprocess.Popen[str]) -> None:
    out, _ = pyright.communicate()
    assert pyright.returncode == 0, out


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
