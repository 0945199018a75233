"""Options that several commands share, and stage parameters as options."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer
import yaml

from ...schemas.errors import UsageError
from ...schemas.grid import GRIDS
from ...schemas.occupancy import OCCUPANCIES
from ...stages.stage import Stage
from ..datasets import DATASETS, DEFAULT, values_of
from ..parameters import Values, build_stages, merged, parameters, parse_set, read_config
from ..published import SYNTAX, LabelsAsked
from ..registry import STAGES
from . import complete

GRIDDED = tuple(name for name, stage in STAGES.items() if any(f.name == "grid" for f in dataclasses.fields(stage)))
"""Stages that make voxels on a grid: one ``--grid`` is for all of them, since labels are compared on one."""
Dataset = Annotated[
    str | None,
    typer.Option(help=f"Which reader: {', '.join(DATASETS)}. Default: {DEFAULT}.", autocompletion=complete.datasets),
]
DataRoot = Annotated[
    Path | None, typer.Option(help="Folder of the raw log. Without it the built-in sample log is simulated and used.")
]
Release = Annotated[
    str | None,
    typer.Option("--version", help="Release of the dataset, as v1.0-mini; inferred where the folder holds one."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="The store, NAME.zarr. Default: DATASET.zarr or FORMAT.zarr in this folder, DATASET-sample.zarr of the built-in log."
    ),
]
Scenes = Annotated[
    str | None,
    typer.Option(
        "--scenes",
        "--sequences",
        "--drives",
        help="Scenes, sequences or drives, separated by commas. Default: all.",
        autocompletion=complete.scenes,
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes. Default: one per core.")]
ShardOption = Annotated[
    str | None, typer.Option("--shard", help="i/n: every n-th scene, so that n machines share a store. See workflows/.")
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", help="tcp://host:port of a running Dask scheduler: its workers do the work."),
]
Cluster = Annotated[
    str | None, typer.Option("--cluster", help="slurm or kubernetes: start --workers jobs or pods there.")
]
ClusterConfig = Annotated[
    Path | None, typer.Option("--cluster-config", help="YAML file for --cluster: queue, memory, image and the like.")
]
Config = Annotated[Path | None, typer.Option("--config", help="YAML file: stage names over parameter names.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="stage.parameter=value, any number of times.")]
Grid = Annotated[
    str | None,
    typer.Option(
        help=f"Short for --set densify.grid=..., and of scan-votes: {', '.join(GRIDS)}, or a range.",
        autocompletion=complete.grids,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output instead of tables.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
NoMemoryCheck = Annotated[
    bool, typer.Option("--no-memory-check", help="Run even where the projection does not fit into memory.")
]
Labels = Annotated[
    str | None,
    typer.Option(
        "--product",
        help=f"Which voxel labels: {', '.join(OCCUPANCIES)}. Default: the most refined, made here; refined_labels, voted_occupancy and predicted_occupancy where named.",
    ),
]
Published = Annotated[
    str | None, typer.Option("--labels", help=f"{SYNTAX}: published voxel labels in the place of a raw log.")
]
StorePath = Annotated[Path, typer.Argument(help="The store, NAME.zarr.", metavar="STORE")]


def split_names(text: str | None) -> list[str] | None:
    """Names separated by commas, None for none given. Raises UsageError for an empty list."""
    names = None if text is None else [name.strip() for name in text.split(",") if name.strip()]
    if names == []:
        raise UsageError("no name is given", found=repr(text), expected="names, separated by commas")
    return names


def stages_of(
    config: Path | None,
    sets: list[str] | None,
    grid: str | None,
    options: Values,
    recipe: Values | None = None,
    labels: LabelsAsked | None = None,
    dataset: str | None = None,
) -> dict[str, Stage]:
    """All stages: defaults, then what the dataset or published labels ask for, the recipe, the configuration file, ``--set``,
    options. Raises UsageError.
    """
    below = labels.values() if labels else values_of(dataset)
    layers: list[Values] = [below, recipe or {}, read_config(config) if config else {}]
    for text in sets or []:
        stage, name, value = parse_set(text)
        layers.append({stage: {name: value}})
    if grid is not None:
        layers.append({name: {"grid": grid} for name in GRIDDED})
    return build_stages(merged(*layers, options))


def published(text: str | None, others: Mapping[str, object]) -> LabelsAsked | None:
    """What ``--labels`` names. Raises UsageError where it cannot be read, or another option that is given speaks of a raw log."""
    if text is None:
        return None
    asked = LabelsAsked.parse(text)
    given = [flag for flag, value in others.items() if value is not None]
    if given:
        raise UsageError(
            f"--labels and {given[0]} exclude each other", found=f"--labels {text}",
            fix="published labels stand in for a raw log, and have a grid of their own: leave one of them out",
        )  # fmt: skip
    return asked


def option_type(default: Any) -> type:
    """What typer parses an option into: lists and the like are given as text."""
    return type(default) if isinstance(default, (bool, int, float)) else str


def option_value(default: Any, given: Any) -> Any:
    """The parameter's value from what was given: ``1,2,3`` for a list. Raises UsageError."""
    if not isinstance(default, (tuple, list)) or not isinstance(given, str):
        return given
    try:
        return yaml.safe_load(f"[{given}]")
    except yaml.YAMLError as error:
        raise UsageError("a list cannot be read", found=given, expected="values separated by commas") from error


def stage_options(stage: type[Stage]) -> Mapping[str, tuple[Any, Any, str]]:
    """Parameter name to option type, default and help; the grid has an option of its own."""
    return {
        p.name: (option_type(p.default), p.default, f"{p.help} Default: {_shown(p.default)}.")
        for p in parameters(stage)
        if p.name != "grid"
    }


def _shown(default: Any) -> str:
    values = cast("tuple[object, ...]", default) if isinstance(default, tuple) else (default,)
    return ",".join(str(value) for value in values)
