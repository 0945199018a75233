"""Recipes: what comes with the package, what a user writes, and errors that name the line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import pytest
from occ_pipeline.pipeline.cli.main import _run
from occ_pipeline.pipeline.cli.options import stages_of
from occ_pipeline.pipeline.cli.recipe_group import _path_first
from occ_pipeline.pipeline.parameters import read_config
from occ_pipeline.pipeline.recipes import read_recipe
from occ_pipeline.pipeline.registry import RECIPES, STAGES, target_named
from occ_pipeline.pipeline.training.settings import TrainSettings
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.grid import GRIDS
from occ_pipeline.stages.densify import Densify
from occ_pipeline.stages.losses.voxdet_loss import LossConfig
from occ_pipeline.stages.networks.config import VoxDetConfig
from occ_pipeline.stages.scan_votes import ScanVotes


def test_packaged_recipes_are_sound() -> None:
    assert {"all", "loc", "occle", "semantickitti", "voxdet"} <= set(RECIPES)
    # They read files beside a log, or in the place of one, are there to compare with, or copy the log.
    beside = {"import-labels", "image-labels", "refine-with-images", "consistency", "scan-votes", "inputs"}
    assert RECIPES["all"].stages == tuple(name for name in STAGES if name not in beside), "all that a log alone feeds"
    for name, recipe in RECIPES.items():
        assert recipe.name == name
        assert recipe.about.endswith("."), name
        stages_of(None, None, None, {}, recipe.values)
        TrainSettings.of(recipe.training)


@pytest.mark.parametrize("of", ["lidar", "camera"])
def test_training_recipes_are_as_published(of: Literal["lidar", "camera"]) -> None:
    recipe = RECIPES[f"voxdet-{of}"]
    chosen = TrainSettings.of(recipe.training)
    assert LossConfig.published(of, (1.0,) * 20) == LossConfig(
        classes=20, class_weights=(1.0,) * 20, **chosen.loss_options
    )
    network = VoxDetConfig(input=of, grid=GRIDS["semantickitti"], classes=20, **chosen.network_options)
    assert network == VoxDetConfig.published(of)
    assert (chosen.input, chosen.batch * chosen.accumulate, chosen.steps) == (of, 4, 25_000)
    assert {"clean", "voxnt", "inputs"} <= set(recipe.stages)


def test_targets(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("# Mine, \n# all mine.\nstages: [separate, densify]\ndensify: {knn: 3}\n")
    mine = target_named(str(path))
    assert (mine.name, mine.stages, mine.about) == ("mine", ("separate", "densify"), "Mine, all mine.")
    assert target_named("densify").stages == ("densify",)
    assert target_named("loc") is RECIPES["loc"]
    with pytest.raises(UsageError, match=r"'lok'.*did you mean 'loc'\?"):
        target_named("lok")


def test_what_is_given_later_wins(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("densify: {knn: 7, least_returns: 4, least_object_returns: 4}\n")
    recipe = {"densify": {"knn": 6, "least_returns": 3, "frames_per_part": 2, "grid": "surroundocc"}}
    stages = stages_of(config, ["densify.least_object_returns=5"], "occ3d", {"densify": {"knn": 8}}, recipe)
    wanted = {"knn": 8, "least_returns": 4, "least_object_returns": 5, "frames_per_part": 2}
    assert stages["densify"] == Densify(grid=GRIDS["occ3d"], **wanted)
    assert stages["scan-votes"] == ScanVotes(grid=GRIDS["occ3d"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stages: [separate,\n  densfy]\n", ["line 2", "'densfy'", "did you mean 'densify'?"]),
        ("stages: [densify]\n\ndensefy: {}\n", ["line 3", "'densefy'", "did you mean 'densify'?"]),
        ("stages:\n- densify\ndensify:\n  # one\n  kn: 5\n", ["line 5", "'kn'", "did you mean 'knn'?"]),
        ("stages: [densify]\ndensify:\n  knn: 5\n  grid: occ4d\n", ["line 4", "densify.grid", "'occ4d'", "occ3d"]),
        ("stages: [densify]\ndensify: 5\n", ["line 2", "found int", "densify: {knn: 5}"]),
        ("stages: [inputs]\ntrain:\n  lerning_rate: 1.0\n", ["line 3", "did you mean 'learning_rate'?"]),
        ("stages: [inputs]\ntrain:\n  input: both\n  batch: 0\n", ["line 4", "train.batch cannot be 0"]),
        ("stages: [inputs]\ntrain: {network_options: {}}\n", ["line 2", "'network_options'"]),
        ("stages: [inputs]\ntrian: {steps: 3}\n", ["line 2", "did you mean 'train'?"]),
        ("stages: densify\n", ["line 1", "no list of names", "'densify'"]),
        ("stages: []\n", ["line 1", "runs no stage"]),
        ("stages: [[densify]]\n", ["line 1", "no list of names"]),
        ("densify: {knn: 5}\n", ["does not say what to run", "--config"]),
        ("", ["does not say what to run"]),
        ("stages: [densify\n", ["no YAML", "line 2"]),
        ("- densify\n", ["another shape", "found list"]),
    ],
)
def test_errors_name_the_line(text: str, says: list[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_recipe(path, STAGES)
    for part in (str(path), *says):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_a_configuration_names_lines_too_and_is_no_recipe(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("separate:\n  cell_m: 0.2\ndensify:\n  kn: 5\n")
    with pytest.raises(UsageError, match=r"c\.yaml, line 4"):
        read_config(path)
    path.write_text("stages: [densify]\n")
    with pytest.raises(UsageError, match="--recipe"):
        read_config(path)


def test_a_pair_of_parameters_is_judged_when_all_layers_are_there(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("separate: {cell_m: 0.01}\n")
    with pytest.raises(UsageError, match="128 cells"):
        stages_of(path, None, None, {})
    assert stages_of(path, ["separate.block_m=1"], None, {})["separate"] is not None


def test_the_path_stands_for_a_sub_command() -> None:
    assert _path_first(["--workers", "2", "--recipe", "a.yaml", "--json"]) == ["a.yaml", "--workers", "2", "--json"]
    assert _path_first(["--recipe=a.yaml"]) == ["a.yaml"]
    assert _path_first(["densify", "--out", "x"]) == ["densify", "--out", "x"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("run", "{tmp}/r.yaml"), "line 1"),
        (("run", "--json", "--recipe", "{tmp}/r.yaml"), "line 1"),
        (("plan", "{tmp}/r.yaml"), "line 1"),
        (("run", "gone.yaml"), "gone.yaml"),
        (("run", "--recipe"), "--recipe FILE.yaml"),
    ],
)
def test_the_program_says_what_is_wrong(
    args: tuple[str, ...],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "r.yaml").write_text("stages: [densfy]\n")
    monkeypatch.setattr(sys, "argv", ["occ-pipeline", *(arg.format(tmp=tmp_path) for arg in args)])
    assert _run() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err


def test_help_of_a_recipe_by_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.yaml").write_text("# The map alone.\nstages: [separate]\n")
    monkeypatch.setattr(sys, "argv", ["occ-pipeline", "run", str(tmp_path / "r.yaml"), "--help"])
    with pytest.raises(SystemExit) as stop:
        _run()
    assert stop.value.code in (0, None)
    assert "The map alone." in capsys.readouterr().out
