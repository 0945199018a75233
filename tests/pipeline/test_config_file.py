"""The commented file of parameters is read back to the same parameters, and says where each comes from."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from occ_pipeline.pipeline.config_file import Layer, commented, origins
from occ_pipeline.pipeline.parameters import build_stages, parameters, read_config
from occ_pipeline.pipeline.registry import STAGES
from occ_pipeline.tests.pipeline.program import Program

GIVEN: dict[str, dict[str, Any]] = {
    "separate": {"cell_m": 0.2, "limbed_classes": [], "ego_box_m": [-1, -1, 0, 1, 1e-3, 2]},
    "reconstruct": {"backend": "pymeshlab", "cell_m": 1e-05, "knn": 7},
    "densify": {"grid": "-12.8,-12.8,-2,12.8,12.8,4.4@0.4:lidar"},
}


@pytest.mark.parametrize("values", [{}, GIVEN, {"densify": {"grid": "surroundocc"}}])
@pytest.mark.parametrize("decided", [None, {}, {"densify": {"grid": "--grid: [x] # y"}}])
def test_it_is_read_back(values: dict[str, Any], decided: Any, tmp_path: Path) -> None:
    stages = build_stages(values)
    path = tmp_path / "c.yaml"
    path.write_text(commented(list(stages.values()), decided))
    assert build_stages(read_config(path)) == stages
    assert set(read_config(path)) == set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_every_parameter_is_there_with_its_help(name: str) -> None:
    text = commented([STAGES[name]()])
    assert list(yaml.safe_load(text)) == [name]
    assert list(yaml.safe_load(text)[name]) == [field.name for field in dataclasses.fields(STAGES[name])]
    flat = " ".join(text.replace("# ", "").split())
    for parameter in parameters(STAGES[name]):
        assert " ".join(parameter.help.split()) in flat
    assert max(map(len, text.splitlines())) <= 100


def test_origins_are_of_the_last_that_speaks() -> None:
    layers = [Layer("a.yaml", {"densify": {"knn": 1, "grid": "occ3d"}}), Layer("--set", {"densify": {"knn": 2}})]
    assert origins(layers) == {"densify": {"knn": "--set", "grid": "a.yaml"}}


def test_effective_values(tmp_path: Path, program: Program) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("densify: {knn: 7, least_returns: 4}\n")
    code, out, _ = program.told(
        "config", "densify", "--config", str(path), "--set", "densify.knn=8", "--grid", "surroundocc"
    )
    assert code == 0
    assert "  knn: 8  # --set; default 5\n" in out
    assert f"  least_returns: 4  # {path}; default 1\n" in out
    assert "  grid: surroundocc  # --grid; default occ3d\n" in out
    assert "  frames_per_part: 4  # default\n" in out
    assert "separate:" not in out


def test_file_and_errors(tmp_path: Path, program: Program) -> None:
    path = tmp_path / "c.yaml"
    code, out, err = program.told("config", "--out", str(path))
    assert (code, out) == (0, f"{path}\n")
    assert "--config" in err
    assert build_stages(read_config(path)) == build_stages({})
    assert program.told("config", "--out", str(path))[0] == 2, "an edited file is not written over"
    code, _, err = program.told("config", "densfy")
    assert code == 2
    assert "did you mean 'densify'?" in err
