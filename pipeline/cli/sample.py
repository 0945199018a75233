"""``occ-pipeline sample``: a simulated log in a real dataset's layout, with its exact truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from ...schemas.errors import UsageError
from ..datasets import DEFAULT
from ..session import SAMPLE_SECONDS, refuse_without_sample
from .console import ERR, last_line

IMAGE_SCALES: Mapping[str, float] = {"kitti": 0.5, "kitti360": 0.5, "nuscenes": 0.25}
"""By default, of the layouts that have images: those that a person recognises, at a few seconds' cost."""
SampleOut = Annotated[Path, typer.Option(help="Folder to write the log into; must not exist yet.")]
_LENGTHS = ", ".join(f"{seconds:g} of {dataset}" for dataset, seconds in SAMPLE_SECONDS.items())
_SCALES = ", ".join(f"{scale:g} of {dataset}" for dataset, scale in IMAGE_SCALES.items())


def write_default(dataset: str, folder: Path) -> None:
    """The built-in sample log."""
    _write(dataset, folder, 1, None, 0, IMAGE_SCALES.get(dataset))


def sample(
    out: SampleOut,
    dataset: Annotated[str, typer.Option(help=f"Layout: {', '.join(SAMPLE_SECONDS)}.")] = DEFAULT,
    scenes: Annotated[int, typer.Option(min=1, help="Number of scenes.")] = 1,
    seconds: Annotated[float | None, typer.Option(min=1.0, help="Length of a scene.", show_default=_LENGTHS)] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another street.")] = 0,
    image_scale: Annotated[
        float | None,
        typer.Option(
            help="Size of camera images, as a fraction of the real ones': 1, 0.5, 0.25.", show_default=_SCALES
        ),
    ] = None,
    cameras: Annotated[
        bool,
        typer.Option("--cameras/--no-cameras", help="Whether to write camera images; of semantickitti there are none."),
    ] = True,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Simulate a street and write it as a raw log, exact truth beside it."""
    del debug
    if out.is_file():
        raise UsageError("a file lies where the sample log's folder should", file=str(out), fix="choose another --out")
    if out.exists() and any(out.iterdir()):
        raise UsageError("the folder for the sample log is not empty", file=str(out), fix="choose another --out")
    scale = IMAGE_SCALES.get(dataset) if image_scale is None else image_scale
    _write(dataset, out, scenes, seconds, seed, scale if cameras else None)
    last_line(str(out))


def _write(
    dataset: str, folder: Path, scenes: int, seconds: float | None, seed: int, image_scale: float | None
) -> None:
    from .. import sample as simulator

    refuse_without_sample(dataset)
    length = SAMPLE_SECONDS[dataset] if seconds is None else seconds
    with Progress(console=ERR, disable=not ERR.is_terminal, transient=True) as bar:
        task = bar.add_task("simulating a street", total=1.0)

        def progress(what: str, share: float) -> None:
            bar.update(task, completed=share, description=what)

        if dataset == "semantickitti":
            simulator.write_semantickitti_sample(folder, scenes=scenes, seconds=length, seed=seed, progress=progress)
        else:
            write = {
                "kitti": simulator.write_kitti_sample,
                "kitti360": simulator.write_kitti360_sample,
                "nuscenes": simulator.write_nuscenes_sample,
            }[dataset]
            write(folder, scenes=scenes, seconds=length, seed=seed, image_scale=image_scale, progress=progress)
