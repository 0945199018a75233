"""``occ-pipeline status``, ``compare`` and ``verify``: what is in a store, how good it is, whether it is intact."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from ...schemas.scene import SceneTables
from . import options as opt
from .console import OUT, emit, fail, note


def status(
    store: opt.StorePath,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Show which products of which scenes are in a store."""
    del debug
    from ..store.index import read_index
    from ..store.store import Store

    opened = Store.open(store)
    index = read_index(opened)
    names = sorted({SceneTables.name} | {name for entry in index.scenes.values() for name in entry.products})
    unfinished = sorted(set(opened.scenes()) - set(index.scenes))
    if as_json:
        scenes = {
            name: {"frames": len(entry.frames), "products": {n: f[:16] for n, f in entry.products.items()}}
            for name, entry in index.scenes.items()
        }
        identity = {"dataset": opened.identity.dataset, "synthetic": opened.identity.synthetic}
        emit({"store": str(opened.path), **identity, "scenes": scenes, "unfinished": unfinished})
        return
    kind = " (simulated)" if opened.identity.synthetic else ""
    table = Table(title=f"{opened.path.name}: {opened.identity.dataset}{kind}")
    table.add_column("scene", no_wrap=True)
    table.add_column("key frames", justify="right")
    names.remove(SceneTables.name)
    for name in names:
        table.add_column(name.replace("_", " "), no_wrap=False, min_width=8)
    for name, entry in index.scenes.items():
        table.add_row(name, str(len(entry.frames)), *(entry.products.get(n, "-")[:8] for n in names))
    OUT.print(table)
    if unfinished:
        note(f"not finished: {', '.join(unfinished)}")


def compare(
    store: opt.StorePath,
    reference: Annotated[str, typer.Option(help="truth:DIR, the folder of a sample log.")],
    scenes: opt.Scenes = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Measure labels against a reference: IoU, mIoU, per class, static and moving apart."""
    del debug
    from ..compare import compare_with_truth, parse_reference, table
    from ..sample import Truth
    from ..store.store import Store

    truth = Truth.open(parse_reference(reference))
    found = compare_with_truth(Store.open(store), truth, opt.split_names(scenes))
    if as_json:
        emit(found.to_json())
    else:
        OUT.print(table(found))


def verify(
    store: opt.StorePath,
    quick: Annotated[bool, typer.Option("--quick", help="Sizes only, not contents.")] = False,
    debug: opt.Debug = False,
) -> None:
    """Check every committed file of a store against its manifest."""
    del debug
    from ..store.store import Store

    errors = Store.open(store).verify(deep=not quick)
    for error in errors:
        fail(str(error))
    if errors:
        raise typer.Exit(6)
    note("every committed file is as its manifest says")
