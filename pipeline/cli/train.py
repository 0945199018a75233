"""``occ-pipeline train``: trains a network on a store, or goes on with it."""

from __future__ import annotations

import importlib.util
import inspect
import signal
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ...schemas.errors import UsageError
from ..signals import kept_signals
from ..training.settings import TrainSettings
from .console import ERR, emit, last_line, note, stop
from .train_options import asked, settings_of, signature

if TYPE_CHECKING:
    from ..training.ranks import Ranks


def train(**given: Any) -> None:
    """Train a network on a store's labels: VoxDet, or one of your own. Needs the extra train."""
    store, recipe = asked(given["target"], given["store"])
    settings = settings_of(recipe, given)
    need_torch()
    folder: Path = given["out"] or usual_folder(store)
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


def usual_folder(store: Path) -> Path:
    """Where a store's training run lies unless the user says otherwise."""
    return Path(f"{store.resolve().stem}-train")


def need_torch() -> None:
    """Raises UsageError where torch is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise UsageError("training needs torch, which is not installed", fix="pip install 'occ-pipeline[train]'")


train.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d, annotation=a) for n, (a, d) in signature().items()]
)
train.__annotations__ = {name: annotation for name, (annotation, _) in signature().items()}
