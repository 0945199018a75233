"""Shell completion knows names, quickly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from occ_pipeline.pipeline.cli import complete
from occ_pipeline.pipeline.registry import RECIPES, STAGES
from occ_pipeline.pipeline.sources import SOURCES
from occ_pipeline.schemas.grid import GRIDS

PROGRAM = "from occ_pipeline.pipeline.cli import main; main()"


def completed(*words: str, cwd: Path) -> list[str]:
    """What bash is told after these words, the last of them begun."""
    line = {"COMP_WORDS": " ".join(("occ-pipeline", *words)), "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = ['occ-pipeline']; {PROGRAM}"],
        env={**os.environ, **line, "_OCC_PIPELINE_COMPLETE": "complete_bash"},
        capture_output=True, text=True, check=False, cwd=cwd,
    )  # fmt: skip
    return done.stdout.split()


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").touch()
    assert complete.stages("d") == ["densify"]
    assert set(complete.targets("")) == {*STAGES, *RECIPES, "mine.yaml"}
    assert complete.grids("") == list(GRIDS)
    assert complete.datasets("") == sorted(SOURCES), "a reader's scenes are read in NAME_scene.py"


def test_in_a_shell(tmp_path: Path) -> None:
    for name in ("scene-0001", "scene-0002", "other"):
        (tmp_path / "a.zarr" / "scenes" / name).mkdir(parents=True)
    assert completed("validate", "a.zarr", "--scenes", "sc", cwd=tmp_path) == ["scene-0001", "scene-0002"]
    both = ["other,scene-0001", "other,scene-0002"]
    assert completed("run", "densify", "--out", "a.zarr", "--scenes", "other,s", cwd=tmp_path) == both
    assert completed("run", "l", cwd=tmp_path) == ["loc"]


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    code = "from occ_pipeline.pipeline.cli import complete, main as _; import occ_pipeline.pipeline.cli.main, sys; "
    code += "print(sorted({'distributed', 'nuscenes', 'open3d', 'matplotlib', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"
