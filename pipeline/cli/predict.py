"""``occ-pipeline predict``: a trained network's predictions, written into the store as a product."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...schemas.errors import UsageError
from ..checking import unknown
from . import options as opt
from .console import ERR, emit, fail, last_line, note
from .train import need_torch, usual_folder

if TYPE_CHECKING:
    from ..training.prediction import Heard, Outcome, Prediction

PRECISIONS = ("float32", "bfloat16")


def predict(
    store: opt.StorePath,
    run: Annotated[
        Path | None,
        typer.Option(help="Folder of a training run: its best.pt, else last.pt. Default: NAME-train in this folder."),
    ] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="A checkpoint file, in the place of --run.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of the dataset. Default: all scenes.")] = None,
    scenes: opt.Scenes = None,
    batch: Annotated[int, typer.Option(min=1, help="Key frames of one forward pass.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Processes that read the store; 0: none but this one.")] = 2,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...; auto: a GPU where there is one.")] = "auto",
    precision: Annotated[
        str | None, typer.Option(help="float32 or bfloat16. Default: what the network was trained in.")
    ] = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Predict every key frame with a trained network, scenes without labels too, to be shown and compared."""
    del debug
    if run is not None and checkpoint is not None:
        raise UsageError("--run and --checkpoint exclude each other", fix="leave one of them out")
    if precision is not None and precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    need_torch()
    from ..store.lock import run_lock
    from ..store.store import Store
    from ..training.prediction import Prediction, PredictSettings
    from ..training.trained import Trained, checkpoint_of

    names = opt.split_names(scenes)
    settings = PredictSettings(
        split=split, scenes=None if names is None else tuple(names), batch=batch, workers=workers, device=device,
        precision=precision,  # type: ignore[arg-type]
    )  # fmt: skip
    Store.open(store)
    path = checkpoint or checkpoint_of(run or usual_folder(store))
    with ERR.status("reading the checkpoint"):
        prediction = Prediction(store, Trained.load(path), settings)
    _begun(prediction, path)
    with run_lock(store), _shown(len(prediction.frames)) as heard:
        prediction.store.clean_leftovers()
        outcome = prediction.run(heard)
        prediction.store.clean_leftovers()
    _report(store, path, outcome, as_json=as_json)


def _begun(prediction: Prediction, path: Path) -> None:
    trained, frames = prediction.trained, prediction.frames
    note(
        f"{trained.settings.network} of {path}, step {trained.step}, on {prediction.device}: {len(frames)} key frames of "
        f"{len(frames.scenes)} scenes, grid {trained.grid.words}"
    )


@contextmanager
def _shown(frames: int) -> Generator[Heard]:
    """Tells each scene that is made; a bar shows how far it is where standard error is a terminal."""
    from rich.progress import Progress

    from ..training.prediction import Heard

    with Progress(console=ERR, disable=not ERR.is_terminal, transient=True) as bar:
        task = bar.add_task("key frames", total=frames)
        heard = Heard(
            frames=lambda scene, count: bar.update(task, advance=count, description=scene),
            scene=lambda scene, count, seconds: note(f"{scene}: {count} key frames, {count / seconds:.2f} a second"),
        )
        yield heard


def _report(store: Path, path: Path, outcome: Outcome, *, as_json: bool) -> None:
    """Raises the first error where nothing is there; exits with 3 where some scenes failed."""
    if outcome.failed and not (outcome.made or outcome.kept):
        raise next(iter(outcome.failed.values()))
    for error in outcome.failed.values():
        fail(str(error))
    if outcome.kept:
        every = "nothing to do: " if not (outcome.made or outcome.failed) else ""
        note(f"{every}{len(outcome.kept)} scenes were predicted by these weights before")
    if as_json:
        emit(
            {
                "store": str(store),
                "checkpoint": str(path),
                "product": "predicted_occupancy",
                "made": outcome.made,
                "kept": outcome.kept,
                "failed": {scene: str(error) for scene, error in outcome.failed.items()},
            }
        )
    else:
        last_line(str(store))
    if outcome.failed:
        raise typer.Exit(3)
