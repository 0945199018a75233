"""``occ-pipeline config``: a commented file of parameters, and what would be in effect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...schemas.errors import UsageError
from ..checking import unknown
from ..config_file import Layer, commented, origins, shown_values
from ..parameters import build_stages, merged, parse_set, read_config
from ..registry import STAGES, target_named
from . import complete
from . import options as opt
from .console import emit, last_line, note


def config(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STAGE]...", help="Stages. Default: all.", autocompletion=complete.stages),
    ] = None,
    effective: Annotated[
        bool, typer.Option("--effective", help="Say of each value where it comes from; implied by the next four.")
    ] = False,
    recipe: Annotated[
        str | None, typer.Option(help="A recipe's name or path.", autocompletion=complete.recipes)
    ] = None,
    config_file: opt.Config = None,
    sets: opt.Sets = None,
    grid: opt.Grid = None,
    out: Annotated[Path | None, typer.Option(help="File to write; must not exist yet. Default: print.")] = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Print a commented file of every parameter; edit it, then: occ-pipeline run densify --config FILE."""
    del debug
    for name in names or ():
        if name not in STAGES:
            raise unknown("stage", name, STAGES)
    layers = _layers(recipe, config_file, sets, grid)
    stages = build_stages(merged(*(layer.values for layer in layers)))
    chosen = [stage for name, stage in stages.items() if not names or name in names]
    decided = origins(layers)
    if as_json:
        emit({
            stage.name: {
                name: {"value": value, "from": decided.get(stage.name, {}).get(name, "default")}
                for name, value in shown_values(stage).items()
            }
            for stage in chosen
        })  # fmt: skip
        return
    text = commented(chosen, decided if effective or layers else None)
    if out is None:
        last_line(text.rstrip("\n"))
        return
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        fix = "choose another --out"
        raise UsageError("the file cannot be written", file=str(out), found=str(error.strerror), fix=fix) from error
    note(f"edit it, then: occ-pipeline run densify --config {out}")
    last_line(str(out))


def _layers(recipe: str | None, config_file: Path | None, sets: list[str] | None, grid: str | None) -> list[Layer]:
    """What is given, later above earlier, as ``run`` does."""
    layers: list[Layer] = []
    if recipe is not None:
        layers.append(Layer(f"recipe {recipe}", target_named(recipe).values))
    if config_file is not None:
        layers.append(Layer(str(config_file), read_config(config_file)))
    for text in sets or ():
        stage, name, value = parse_set(text)
        layers.append(Layer("--set", {stage: {name: value}}))
    if grid is not None:
        layers.append(Layer("--grid", {name: {"grid": grid} for name in opt.GRIDDED}))
    return layers
