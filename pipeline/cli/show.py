"""``occ-pipeline show``: a picture of a frame's labels beside its points."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...schemas.errors import UsageError
from . import complete
from . import options as opt
from .console import last_line


def show(
    store: opt.StorePath,
    scene: Annotated[
        str | None, typer.Option(help="Scene. Default: the first.", autocompletion=complete.scenes)
    ] = None,
    frame: Annotated[str | None, typer.Option(help="Key frame: number or token. Default: the middle one.")] = None,
    dataroot: Annotated[Path | None, typer.Option(help="The raw log, to draw the frame's own scan.")] = None,
    out: Annotated[Path | None, typer.Option(help="PNG to write. Default: SCENE-FRAME.png in this folder.")] = None,
    debug: opt.Debug = False,
) -> None:
    """Draw a key frame: its points, its labels from above, at an angle and in two slices."""
    del debug
    from ..picture import draw_stored_frame
    from ..store.index import read_index
    from ..store.store import Store

    opened = Store.open(store)
    known = sorted(read_index(opened).scenes)
    if not known:
        raise UsageError("the store holds no finished scene", file=str(store), fix="run occ-pipeline run densify first")
    scene = scene or known[0]
    number = int(frame) if frame is not None and frame.isdigit() and len(frame) < 8 else frame
    picture = draw_stored_frame(opened, scene, number, dataroot)
    path = out or Path(f"{scene}-{frame if frame is not None else 'middle'}.png")
    picture.save(path)
    last_line(str(path))
