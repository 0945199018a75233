"""What ``occ-pipeline train`` is asked: its options, and the settings of a run that they, files and recipes make."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from ...schemas.errors import UsageError
from ..checking import adapter
from ..parameters import Values, merged, read_training
from ..registry import target_named
from ..training.settings import HELP, SECTIONS, TRAIN, TrainSettings, parameters
from . import complete
from . import options as opt

Out = Annotated[Path | None, typer.Option(help="Folder of the run. Default: NAME-train in this folder.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", help="network.NAME=VALUE or loss.NAME=VALUE, any number of times, as network.channels=64."),
]
Target = Annotated[
    str,
    typer.Argument(
        help="The store, NAME.zarr, or a recipe's name or path, with --store.", metavar="STORE|RECIPE",
        autocompletion=complete.recipes,
    ),
]  # fmt: skip
StoreOption = Annotated[Path | None, typer.Option("--store", help="The store that a recipe trains on.")]
Config = Annotated[Path | None, typer.Option("--config", help="YAML file with the sections train, network and loss.")]


def asked(target: str, store: Path | None) -> tuple[Path, Values]:
    """The store to train on, and what a recipe says of training. Raises UsageError."""
    path = Path(target)
    if path.suffix == ".zarr" or path.is_dir():
        if store is not None:
            raise UsageError("two stores are given", found=f"{target} and --store {store}", fix="leave --store out")
        return path, {}
    recipe = target_named(target)
    if not recipe.training:
        raise UsageError(
            f"{recipe.name} says nothing of training", expected=f"a recipe with some of the sections {', '.join(SECTIONS)}",
            fix="give a store and options: occ-pipeline train NAME.zarr",
        )  # fmt: skip
    if store is None:
        raise UsageError(
            "the recipe names no store", found=f"train {target}", expected=f"train {target} --store NAME.zarr",
            fix=f"make one with occ-pipeline run {target} --out NAME.zarr",
        )  # fmt: skip
    return store, recipe.training


def settings_of(recipe: Values, given: dict[str, Any]) -> TrainSettings:
    """The recipe's, below the configuration file's, ``--set`` and options. Raises UsageError."""
    layers: list[Values] = [recipe, read_training(given["config"]) if given["config"] else {}]
    for text in given["sets"] or ():
        name, equals, value = text.partition("=")
        section, dot, parameter = name.partition(".")
        if not (equals and dot and parameter) or section not in SECTIONS:
            raise UsageError(
                "--set cannot be read", found=text, expected="network.NAME=VALUE or loss.NAME=VALUE", fix=HELP
            )
        try:
            layers.append({section: {parameter: yaml.safe_load(value)}})
        except yaml.YAMLError as error:
            raise UsageError(
                "--set cannot be read", found=text, expected="a YAML value after the equals sign"
            ) from error
    options = {
        name: _value(f, given[f"p_{name}"]) for name, f in parameters().items() if given[f"p_{name}"] is not None
    }
    return TrainSettings.of(merged(*layers, {TRAIN: options}))


def _value(field: dataclasses.Field[Any], value: Any) -> Any:
    """What an option's text stands for."""
    listed = str(field.type).startswith("tuple") and value != "none"
    return opt.split_names(value) if listed else value


def signature() -> dict[str, tuple[Any, Any]]:
    """Options and what they are by default: common ones, and the settings' own."""
    found: dict[str, tuple[Any, Any]] = {
        "target": (Target, inspect.Parameter.empty), "store": (StoreOption, None), "out": (Out, None),
        "config": (Config, None), "sets": (Sets, None),
        "as_json": (opt.Json, False), "debug": (opt.Debug, False),
    }  # fmt: skip
    texts = adapter(TrainSettings).json_schema()["properties"]
    for field in parameters().values():
        flag = f"--{field.name.replace('_', '-')}"
        kind = opt.option_type(field.default)
        flag = f"{flag}/--no-{flag[2:]}" if kind is bool else flag
        text = f"{texts[field.name]['description']} Default: {_shown(field.default)}."
        option = typer.Option(flag, help=text, rich_help_panel="Settings of the run", show_default=False)
        found[f"p_{field.name}"] = (Annotated[kind | None, option], None)
    return found


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(str(value) for value in default)  # type: ignore[reportUnknownVariableType]
    return "none" if default in (None, "") else "no" if default is False else str(default)
