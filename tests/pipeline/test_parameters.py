"""Parameters from a file, from --set and from options; what is wrong is named with its fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from occ_pipeline.pipeline.cli.options import option_value, stages_of
from occ_pipeline.pipeline.parameters import as_json, build_stages, merged, parameters, parse_set, read_config
from occ_pipeline.pipeline.registry import STAGES
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.grid import GRIDS
from occ_pipeline.stages.densify import Densify
from occ_pipeline.stages.reconstruct import Reconstruct
from occ_pipeline.stages.separate import Separate


def test_defaults() -> None:
    assert build_stages({}) == {name: stage() for name, stage in STAGES.items()}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_every_parameter_has_help_that_ends(stage: type) -> None:
    for parameter in parameters(stage):
        assert parameter.help.endswith("."), parameter.name


def test_later_layers_win(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("densify: {knn: 7, least_returns: 4}\nreconstruct: {cell_m: 1}\n")
    stages = stages_of(config, ["densify.knn=8", "densify.knn=9"], "surroundocc", {"densify": {"least_returns": 5}})
    assert stages["densify"] == Densify(knn=9, least_returns=5, grid=GRIDS["surroundocc"])
    assert stages["reconstruct"] == Reconstruct(cell_m=1.0)
    assert stages["separate"] == Separate()


def test_empty_config(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# nothing yet\n")
    assert read_config(tmp_path / "c.yaml") == {}


def test_lists() -> None:
    assert parse_set("separate.limbed_classes=[pedestrian, bicycle]")[2] == ["pedestrian", "bicycle"]
    assert option_value(("a",), "b, c") == ["b", "c"]
    assert option_value((1.0,), "1,2.5") == [1, 2.5]
    assert option_value(3, 4) == 4
    assert build_stages({"separate": {"limbed_classes": []}})["separate"] == Separate(limbed_classes=())


def test_merge_keeps_its_arguments() -> None:
    first = {"densify": {"knn": 1}}
    assert merged(first, {"densify": {"knn": 2}}) == {"densify": {"knn": 2}}
    assert first == {"densify": {"knn": 1}}


@pytest.mark.parametrize("grid", ["occ3d", "surroundocc", "-12.8,-12.8,-2,12.8,12.8,4.4@0.4:lidar"])
def test_as_json_can_be_read_again(grid: str) -> None:
    densify = build_stages({"densify": {"grid": grid}})["densify"]
    assert as_json(densify)["knn"] == 5
    assert build_stages({"densify": as_json(densify)})["densify"] == densify


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"densefy": {}}, ["no stage is called 'densefy'", "did you mean 'densify'?"]),
        (
            {"xyz": {}},
            ["no stage is called 'xyz'", "one of refine-poses, moving-objects, separate, reconstruct, densify"],
        ),
        ({"densify": {"least_return": 1}}, ["parameter of densify", "did you mean 'least_returns'?"]),
        ({"densify": {"knn": "many"}}, ["densify.knn", "'many'", "valid integer", "run densify --help"]),
        ({"densify": {"knn": 2.5}}, ["densify.knn", "2.5", "integer"]),
        ({"densify": {"knn": None}}, ["densify.knn", "None"]),
        ({"densify": {"grid": "occ4d"}}, ["densify.grid", "'occ4d'", "occ3d, surroundocc, "]),
        ({"densify": {"grid": "0,0,0,1,1,1@0.3"}}, ["densify.grid", "whole number of 0.3 m voxels"]),
        ({"densify": {"grid": [1]}}, ["densify.grid"]),
        ({"reconstruct": {"cell_m": float("nan")}}, ["reconstruct.cell_m", "finite"]),
        ({"reconstruct": {"backend": "meshlab"}}, ["reconstruct.backend", "'open3d' or 'pymeshlab'"]),
        ({"separate": {"ego_box_m": [1, 2]}}, ["separate.ego_box_m"]),
    ],
)
def test_refused(values: dict[str, dict[str, object]], says: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        build_stages(values)
    for text in says:
        assert text in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["densify.knn", "knn=5", ".knn=5", "densify.=5", "densify.knn=[", ""])
def test_set_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError, match="--set cannot be read"):
        parse_set(text)


@pytest.mark.parametrize("text", ["- 1\n", "densify: 5\n", "words", "densify: {knn: ]\n", "\x00"])
def test_config_of_another_shape(text: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match="the configuration") as error:
        read_config(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
