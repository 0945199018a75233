"""``occ-pipeline stats``: class counts, loss weights, and how long the runs of each class are along each axis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...schemas.errors import UsageError
from . import options as opt
from .console import ERR, OUT, emit, last_line, warn

if TYPE_CHECKING:
    from ..label_statistics import ChosenLabels, LabelStatistics

PICTURE = "scales.png"


def stats(
    store: opt.StorePath,
    scenes: opt.Scenes = None,
    product: opt.Labels = None,
    classes: Annotated[
        str | None,
        typer.Option(help="Classes whose scales are drawn as plain counts too, separated by commas. Default: car."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the files. Default: NAME-stats in this folder; none with --json."),
    ] = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Count voxels by class, weigh the classes for a loss, and measure instance scales: a table, CSV files and a picture."""
    del debug
    from ..current import labels_named
    from ..label_statistics import chosen_labels, label_statistics
    from ..label_statistics_files import to_json
    from ..label_statistics_table import statistics_table
    from ..store.store import Store

    folder = _folder(out or Path(f"{store.resolve().stem}-stats")) if out is not None or not as_json else None
    chosen = chosen_labels(Store.open(store), opt.split_names(scenes), labels_named(product))
    wanted = _wanted(chosen, opt.split_names(classes))
    if len(chosen.products) > 1:
        warn(f"labels of several products are added up: {', '.join(chosen.products)}; --product chooses one")
    with ERR.status("") as spinner:
        found = label_statistics(chosen, lambda scene: spinner.update(f"counting voxels of {scene}"))
        picture = _write(found, wanted, folder) if folder is not None else None
    if as_json:
        emit({**to_json(found), "folder": None if folder is None else str(folder)})
        return
    OUT.print(statistics_table(found))
    last_line(str(picture))


def _folder(path: Path) -> Path:
    """Raises UsageError where it cannot be made, before anything is counted."""
    if path.exists() and not path.is_dir():
        raise UsageError("the files need a folder", file=str(path), found="a file", fix="choose another --out")
    if not path.absolute().parent.is_dir():
        raise UsageError("the folder to write into is not there", file=str(path.absolute().parent), fix="make it first")
    return path


def _wanted(chosen: ChosenLabels, names: list[str] | None) -> list[str] | None:
    """The classes asked for. Raises UsageError for one that the taxonomy lacks."""
    from ..checking import unknown

    for name in names or ():
        if name not in chosen.names:
            raise unknown("class", name, chosen.names)
    return names


def _write(found: LabelStatistics, classes: list[str] | None, folder: Path) -> Path:
    """All files; the picture's path."""
    from ..label_statistics_files import write_tables
    from ..picture.statistics import draw_statistics
    from ..store.durable import storage_errors

    default = [row.name for row in found.rows if row.name == "car" and row.voxels]
    picture = draw_statistics(found, default if classes is None else classes)
    with storage_errors(folder.absolute()):
        folder.mkdir(exist_ok=True)
        write_tables(folder, found)
        (folder / PICTURE).write_bytes(picture)
    return folder / PICTURE
