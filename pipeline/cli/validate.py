"""``occ-pipeline validate``: every product against its schema, every file against its manifest."""

from __future__ import annotations

import typer

from ...schemas.errors import UsageError
from . import options as opt
from .console import ERR, emit, fail, note, say


def validate(
    store: opt.StorePath,
    scenes: opt.Scenes = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Check what products hold against what is declared of them, and all files as verify does; exit code 6 if wrong."""
    del debug
    from ..registry import PRODUCTS
    from ..store.index import index_errors
    from ..store.store import Store
    from ..store.validate import Validation

    opened = Store.open(store)
    wanted = opt.split_names(scenes)
    known = opened.scenes()
    for name in wanted or ():
        if name not in known:
            raise UsageError("no such scene in the store", scene=name, expected=f"one of {', '.join(known[:8])}")
    with ERR.status("") as spinner:
        work = Validation(opened, PRODUCTS, spinner.update)
        errors = list(work.errors(wanted)) + index_errors(opened)
    if as_json:
        emit({
            "store": str(opened.path),
            "checked": work.checked,
            "unknown": sorted(work.unknown),
            "errors": [dict(vars(error)) for error in errors],
        })  # fmt: skip
    else:
        for error in errors:
            fail(str(error))
        if work.unknown:
            note(f"not declared by this version, so that files alone were checked: {', '.join(sorted(work.unknown))}")
        if not errors:
            say(f"{work.checked} products hold what is declared of them; every file is as its manifest says")
    if errors:
        raise typer.Exit(6)
