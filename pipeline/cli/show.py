"""``occ-pipeline show``: a frame's labels beside its points, as a picture or a page; a scene as a film."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...schemas.errors import UsageError
from ..checking import unknown
from . import complete
from . import options as opt
from .console import last_line, note

if TYPE_CHECKING:
    from ..picture import ShownFrame
    from ..store.store import Store

SUFFIXES = {"--html": ".html", "--video": ".mp4", "--rerun": ".rrd"}
CLOUDS = ("separate", "reconstruct")
VOXELS = {
    "densify": "surface_occupancy", "visibility": "carved_occupancy", "refine-with-images": "refined_occupancy",
    "clean": "refined_labels", "import-labels": "reference_occupancy", "scan-votes": "voted_occupancy",
    "predict": "predicted_occupancy",
}  # fmt: skip
STAGES = (*CLOUDS, *VOXELS, "flow")
"""Stages whose products have a picture."""


def show(
    store: opt.StorePath,
    scene: Annotated[
        str | None, typer.Option(help="Scene. Default: the first.", autocompletion=complete.scenes)
    ] = None,
    frame: Annotated[str | None, typer.Option(help="Key frame: number or token. Default: the middle one.")] = None,
    stage: Annotated[
        str,
        typer.Option(
            help=f"Whose products: {', '.join(STAGES)}. Default: the latest labels.",
            show_default=False,
            autocompletion=complete.shown_stages,
        ),
    ] = "",
    dataroot: Annotated[Path | None, typer.Option(help="The raw log, to draw the frame's own scan.")] = None,
    page: Annotated[
        bool, typer.Option("--html", help="One page for a browser, whole in itself, that turns and zooms the frame.")
    ] = False,
    video: Annotated[bool, typer.Option("--video", help="A film of all key frames, MP4.")] = False,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="All key frames for the rerun viewer (extra rerun), RRD.")
    ] = False,
    per_second: Annotated[float, typer.Option(min=0.1, max=60, help="Key frames a second of --video.")] = 4.0,
    out: Annotated[
        Path | None, typer.Option(help="File to write. Default: SCENE-FRAME.png and the like in this folder.")
    ] = None,
    debug: opt.Debug = False,
) -> None:
    """Draw a key frame: its points, its labels from above, at an angle and in two slices. Or a page, or a film."""
    del debug
    asked = [flag for flag, wanted in (("--html", page), ("--video", video), ("--rerun", rerun)) if wanted]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} exclude each other", fix="run show once for each")
    if stage and stage not in STAGES:
        raise unknown("stage with a picture", stage, STAGES)
    if asked and stage in (*CLOUDS, "flow"):
        raise UsageError(f"{asked[0]} shows voxels only", found=f"--stage {stage}", fix="leave one of them out")
    from ..store.durable import storage_errors
    from ..store.index import read_index
    from ..store.store import Store

    opened = Store.open(store)
    known = sorted(read_index(opened).scenes)
    if not known:
        raise UsageError("the store holds no finished scene", file=str(store), fix="run occ-pipeline run densify first")
    scene = scene or known[0]
    suffix = SUFFIXES[asked[0]] if asked else ".png"
    which = "" if video or rerun else f"-{frame if frame is not None else 'middle'}"
    path = out or Path(f"{scene}{which}{f'-{stage}' if stage else ''}{suffix}")
    check_target(path, suffix)
    with storage_errors(path.absolute()):
        _write(opened, scene, frame, stage, dataroot, path, suffix, per_second)
    last_line(str(path))


def _write(
    opened: Store, scene: str, frame: str | None, stage: str, dataroot: Path | None, path: Path, suffix: str,
    per_second: float,
) -> None:  # fmt: skip
    if suffix == ".mp4":
        from ..picture.film import film_frame, write_film

        write_film(path, (film_frame(each) for each in _frames(opened, scene, frame, stage, dataroot)), per_second)
    elif suffix == ".rrd":
        from ..picture.rerun_log import load_rerun, write_rerun

        load_rerun()
        write_rerun(path, scene, _frames(opened, scene, frame, stage, dataroot))
        note(f"to look at it: rerun {path}")
    else:
        _one_frame(opened, scene, frame, stage, dataroot, path, suffix == ".html")


def _one_frame(
    store: Store, scene: str, frame: str | None, stage: str, dataroot: Path | None, path: Path, page: bool
) -> None:
    from ..current import labels_named
    from ..picture import draw_frame, frame_page, shown_flow, shown_frame

    if stage == "separate" or stage == "reconstruct":
        from ..picture.stage_sheet import draw_stage
        from ..picture.stages import stage_clouds

        draw_stage(stage_clouds(store, scene, frame, stage)).save(path, format="PNG")
        return
    if stage == "flow":
        shown = shown_flow(store, scene, frame, dataroot)
    else:
        shown = shown_frame(store, scene, frame, dataroot, labels_named(VOXELS.get(stage)))
    if page:
        path.write_text(frame_page(shown), encoding="utf-8")
    else:
        draw_frame(shown).save(path, format="PNG")


def _frames(store: Store, scene: str, frame: str | None, stage: str, dataroot: Path | None) -> Iterator[ShownFrame]:
    """Every key frame of a scene; a bar shows how far it is. Raises UsageError."""
    from rich.progress import track

    from ..current import current_labels, labels_named
    from ..picture import shown_frame
    from ..store.index import read_index
    from .console import ERR

    if frame is not None:
        raise UsageError("--frame is for one picture", found=f"--frame {frame}", fix="leave it out: all are shown")
    product = labels_named(VOXELS.get(stage))
    tokens = current_labels(store, read_index(store), scene, product).attribute("frame_tokens")
    rows = track(range(len(tokens)), "key frames", console=ERR, disable=not ERR.is_terminal, transient=True)
    return (shown_frame(store, scene, row, dataroot, product) for row in rows)


def check_target(path: Path, suffix: str) -> None:
    """Raises UsageError where nothing can be written, before anything is drawn."""
    if path.suffix.lower() != suffix:
        raise UsageError(
            "the file to write has another ending", file=str(path), expected=suffix, fix=f"use {path.stem}{suffix}"
        )
    if not path.absolute().parent.is_dir():
        raise UsageError("the folder to write into is not there", file=str(path.absolute().parent), fix="make it first")
