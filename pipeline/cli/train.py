"""``occ-pipeline train``: trains a network on a store, or goes on with it."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import signal
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from ...schemas.errors import UsageError
from ..checking import adapter
from ..parameters import Values, merged, read_training
from ..registry import target_named
from ..signals import kept_signals
from ..training.settings import HELP, SECTIONS, TRAIN, TrainSettings, parameters
from . import complete
from . import options as opt
from .console import ERR, emit, last_line, note, stop

if TYPE_CHECKING:
    from ..training.ranks import Ranks

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


def train(**given: Any) -> None:
    """Train a network on a store's labels: VoxDet, or one of your own. Needs the extra train."""
    store, recipe = _asked(given["target"], given["store"])
    settings = _settings(recipe, given)
    _need_torch()
    folder: Path = given["out"] or Path(f"{store.resolve().stem}-train")
    from ..training.ranks import joined

    with joined() as ranks:
        told, stopped = _trained(store, folder, settings, ranks)
    if not ranks.first:
        raise typer.Exit(0 if stopped is None else 128 + stopped)
    if stopped is not None:
        stop(stopped)
    if given["as_json"]:
        emit(told)
    else:
        last_line(str(folder / "last.pt"))


def _trained(store: Path, folder: Path, settings: TrainSettings, ranks: Ranks) -> tuple[dict[str, Any], int | None]:
    """What is told of the run, and the signal that ended it before it was whole. Of several ranks the first one talks."""
    from ..training.run import Heard, TrainingRun

    tell: Callable[[str], None] = note if ranks.first else lambda _: None
    with ERR.status("reading the store") if ranks.first else nullcontext() as spinner:
        heard = Heard(
            row=lambda row: tell(_line(row, settings.steps)), validated=lambda row: tell(_judged(row)),
            status=spinner.update if spinner else lambda _: None,
        )  # fmt: skip
        run = TrainingRun(store, folder, settings, heard=heard, ranks=ranks)
        begun = run.learner.steps
        tell(
            f"{len(run.targets)} key frames, {sum(p.numel() for p in run.learner.network.parameters())} parameters on "
            f"{run.learner.device}" + (f" and {ranks.count - 1} more processes" if ranks.count > 1 else "")
            + (f"; goes on after step {begun}" if begun else "")
        )  # fmt: skip
        if begun == settings.steps:
            tell("nothing to do: all steps are taken")
        heard.status("training")
        with kept_signals(lambda kept: tell(f"{kept.name}: ends after this step")) as kept:
            whole = run.train(lambda: kept() is not None)
    steps = run.learner.steps
    told = {"folder": str(folder), "steps": steps, "taken_now": steps - begun, "best_miou": run.best}
    return told, None if whole else kept() or signal.SIGTERM


def _line(row: Any, steps: int) -> str:
    return (
        f"step {row['step']} of {steps}: loss {row['loss']:.4g}, learning rate {row['learning_rate']:.2e}, "
        f"{row['samples_per_second']:.2f} key frames/s, {100 * row['waiting']:.0f} % of the time waiting for data"
    )


def _judged(row: Any) -> str:
    iou, miou = (("none" if row[name] is None else f"{100 * row[name]:.2f} %") for name in ("iou", "miou"))
    return f"step {row['step']}, validation: IoU {iou}, mIoU {miou} of {row['voxels']} voxels"


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise UsageError("training needs torch, which is not installed", fix="pip install 'occ-pipeline[train]'")


def _asked(target: str, store: Path | None) -> tuple[Path, Values]:
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


def _settings(recipe: Values, given: dict[str, Any]) -> TrainSettings:
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


def _signature() -> dict[str, tuple[Any, Any]]:
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


train.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d, annotation=a)
        for n, (a, d) in _signature().items()
    ]
)
train.__annotations__ = {name: annotation for name, (annotation, _) in _signature().items()}
