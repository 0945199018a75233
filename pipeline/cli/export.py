"""``occ-pipeline export``: labels in a format that existing trainers read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..checking import unknown
from . import options as opt
from .console import ERR, emit, last_line, note

FORMATS = ("occ3d", "surroundocc", "openoccupancy", "openocc", "semantickitti", "monoscene", "sscbench-kitti360")
"""Keys of ``exports.EXPORTS``, known without importing numpy."""


def export(
    store: opt.StorePath,
    form: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")],
    out: Annotated[Path, typer.Option(help="Folder that a trainer is pointed at, made if it is not there.")],
    scenes: opt.Scenes = None,
    product: opt.Labels = None,
    dataroot: Annotated[
        Path | None,
        typer.Option(help="The raw log, or the published labels taken over, for a format that holds scans' voxels."),
    ] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Write labels of a simulated log too.")] = False,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Write labels in a published format, in the place of the published ones."""
    del debug
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    from ..current import labels_named
    from ..export import export as write
    from ..exports import EXPORTS
    from ..store.store import Store

    chosen = EXPORTS[form]
    with ERR.status("") as spinner:
        found = write(
            Store.open(store), chosen, out, scenes=opt.split_names(scenes), product=labels_named(product),
            data_root=dataroot, synthetic=synthetic, progress=spinner.update,
        )  # fmt: skip
    if as_json:
        emit({"folder": str(out), "format": form, **vars(found), "convention": chosen.convention})
        return
    note(f"{found.frames} key frames of {found.scenes} scenes in the format {form}")
    note(f"{chosen.convention}; {found.unknown} voxels are unknown, {found.unlabelled} without a class")
    last_line(str(out))
