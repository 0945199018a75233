"""Stages and recipes as commands, each made when it is asked for; recipes by path, ``run FILE.yaml``, are like those that come with the package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from ...schemas.errors import UsageError
from ..recipes import Recipe, is_path, read_recipe
from ..registry import RECIPES, STAGES
from ..training.settings import TRAIN

_OPTION = "--recipe"


class _Commands(Mapping[str, Any]):
    """Sub-commands by name. Each is made when asked for: options of all stages would keep every command waiting."""

    def __init__(self, command: Callable[..., Callable[..., None]]) -> None:
        self._command = command

    def __getitem__(self, name: str) -> Any:
        if name in STAGES:
            return _made(name, self._command(Recipe(name, (name,)), STAGES[name]))
        return _made(name, self._command(RECIPES[name]), "Recipes")

    def __iter__(self) -> Iterator[str]:
        return iter([*STAGES, *RECIPES])

    def __len__(self) -> int:
        return len(STAGES) + len(RECIPES)


def recipe_group(command: Callable[..., Callable[..., None]]) -> type[TyperGroup]:
    """A command group of all stages, recipes and recipes' paths; ``command`` makes what is called, of a recipe and its one stage."""

    class RecipeGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            attributes["commands"] = _Commands(command)
            super().__init__(**attributes)

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, _path_first(args))

        def list_commands(self, ctx: Any) -> list[str]:
            del ctx
            return list(self.commands)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name == TRAIN:
                raise UsageError(
                    "train is a command of its own, which needs labels and inputs",
                    fix="type: occ-pipeline run voxdet-lidar --out NAME.zarr, then: occ-pipeline train voxdet-lidar "
                    "--store NAME.zarr",
                )  # fmt: skip
            if not is_path(cmd_name):
                return super().get_command(ctx, cmd_name)
            return _made(cmd_name, command(read_recipe(Path(cmd_name), STAGES)))

    return RecipeGroup


def _made(name: str, call: Callable[..., None], panel: str | None = None) -> Any:
    """The command that calls this; ``panel``: the heading that help lists it under."""
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(rich_help_panel=panel)(call)
    made = get_command(alone)
    made.name = name
    return made


def _path_first(args: list[str]) -> list[str]:
    """The arguments with the value of ``--recipe``, which stands for a sub-command, before all others."""
    for number, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        if name == _OPTION and equals:
            return [value, *args[:number], *args[number + 1 :]]
        if arg == _OPTION and number + 1 == len(args):
            raise UsageError("--recipe names no file", expected="--recipe FILE.yaml", fix="give a recipe's path")
        if arg == _OPTION:
            return [args[number + 1], *args[:number], *args[number + 2 :]]
    return args
