"""``occ-pipeline status`` and ``verify``: what is in a store, whether it is intact."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from ..graph import INDEXED
from . import options as opt
from .console import OUT, emit, fail, note, say
from .failures import reasons_table


def status(
    store: opt.StorePath,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Show how many scenes have which product, scene by scene, and why others have none."""
    del debug
    from ..run_history import open_failures, runs
    from ..store.index import read_index
    from ..store.store import Store

    opened = Store.open(store)
    index = read_index(opened)
    failed = open_failures(runs(opened.path))
    unfinished = sorted(set(opened.scenes()) - set(index.scenes) - set(failed))
    found = {name for entry in index.scenes.values() for name in entry.products}
    names = sorted(found - {product.name for product in INDEXED})
    if as_json:
        scenes = {
            name: {"frames": len(entry.frames), "products": {n: f[:16] for n, f in entry.products.items()}}
            for name, entry in index.scenes.items()
        }
        identity = {"dataset": opened.identity.dataset, "synthetic": opened.identity.synthetic}
        reasons = {name: failure.error for name, failure in failed.items()}
        emit({"store": str(opened.path), **identity, "scenes": scenes, "failed": reasons, "unfinished": unfinished})
        return
    kind = " (simulated)" if opened.identity.synthetic else ""
    table = Table(title=f"{opened.path.name}: {opened.identity.dataset}{kind}")
    table.add_column("scene", no_wrap=True)
    table.add_column("key frames", justify="right")
    for name in names:
        table.add_column(name.replace("_", " "), min_width=8)
    for name, entry in index.scenes.items():
        table.add_row(name, str(len(entry.frames)), *(entry.products.get(n, "-")[:8] for n in names))
    table.add_section()
    frames = sum(len(entry.frames) for entry in index.scenes.values())
    counts = [sum(n in entry.products for entry in index.scenes.values()) for n in names]
    table.add_row(f"{len(index.scenes)} scenes", str(frames), *(f"{count} scenes" for count in counts))
    OUT.print(table)
    if failed:
        OUT.print(reasons_table(list(failed.values())))
        note(f"scene by scene: occ-pipeline failures {store}")
    if unfinished:
        note(f"not finished: {', '.join(unfinished)}")


def verify(
    store: opt.StorePath,
    quick: Annotated[bool, typer.Option("--quick", help="Sizes only, not contents.")] = False,
    debug: opt.Debug = False,
) -> None:
    """Check every committed file of a store against its manifest; exit code 6 if wrong."""
    del debug
    from ..store.index import index_errors
    from ..store.store import Store

    opened = Store.open(store)
    errors = opened.verify(deep=not quick) + index_errors(opened)
    for error in errors:
        fail(str(error))
    if errors:
        raise typer.Exit(6)
    say("every committed file is as its manifest says")
    if opened.scenes() and not opened.folders.index.exists():
        note("but the store has no index, so no scene counts as finished: run again, what is committed stays")
