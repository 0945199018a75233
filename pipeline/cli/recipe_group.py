"""Recipes by path: ``run FILE.yaml`` and ``run --recipe FILE.yaml`` are commands like those that come with the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from ...schemas.errors import UsageError
from ..recipes import Recipe, is_path, read_recipe
from ..registry import STAGES

_OPTION = "--recipe"


def recipe_group(command: Callable[[Recipe], Callable[..., None]]) -> type[TyperGroup]:
    """A command group that also has a sub-command for every recipe's path; ``command`` makes what it calls."""

    class RecipeGroup(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, _path_first(args))

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name in self.commands or not is_path(cmd_name):
                return super().get_command(ctx, cmd_name)
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            alone.command()(command(read_recipe(Path(cmd_name), STAGES)))
            made = get_command(alone)
            made.name = cmd_name
            return made

    return RecipeGroup


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
