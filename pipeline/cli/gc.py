"""``occ-pipeline gc``: what a store could do without, listed first, deleted when told to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..checking import unknown
from . import options as opt
from .console import OUT, emit, note

if TYPE_CHECKING:
    from ..garbage import Garbage
    from ..store.store import Store

_DAY_S = 86_400


def gc(
    store: opt.StorePath,
    delete: Annotated[bool, typer.Option("--delete", help="Delete what is listed; without it nothing goes.")] = False,
    keep: Annotated[str | None, typer.Option(help="Products of which every setting stays, by commas.")] = None,
    product: Annotated[str | None, typer.Option(help="Only these products, by commas.")] = None,
    older_than: Annotated[float, typer.Option(min=0, help="Only what is older than so many days.")] = 0.0,
    newer: Annotated[
        bool, typer.Option("--newer", help="Also what no finished run uses yet, or is newer than the current product.")
    ] = False,
    runs_older_than: Annotated[
        float | None, typer.Option(min=0, help="Also records of runs older than so many days.")
    ] = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """List products of earlier settings, old tables and leftovers, with sizes and why; --delete frees the space."""
    del debug
    from ..garbage import delete as remove
    from ..store.lock import run_lock
    from ..store.store import Store

    opened = Store.open(store)

    def find(*, idle: bool) -> tuple[list[Garbage], list[Garbage]]:
        only = opt.split_names(product)
        found = _find(opened, opt.split_names(keep) or [], only, runs_older_than, idle=idle)
        chosen = [
            item
            for item in found
            if (only is None or item.product in only) and max(time.time() - item.modified_s, 0.0) >= older_than * _DAY_S
        ]
        going = [item for item in chosen if newer or item.kind != "newer"]
        return going, [item for item in chosen if item not in going]

    if delete:
        with run_lock(opened.path):
            going, staying = find(idle=True)
            remove(opened, going)
    else:
        going, staying = find(idle=not _runs(opened))
    if as_json:
        emit(_json(opened, going, staying, deleted=delete))
        return
    _show(going, staying, deleted=delete)


def _find(
    store: Store, keep: Sequence[str], only: Sequence[str] | None, runs_older_than: float | None, *, idle: bool
) -> list[Garbage]:
    from ..garbage import leftovers, old_runs, unnamed
    from ..registry import PRODUCTS

    for name in (*keep, *(only or ())):
        if name not in PRODUCTS:
            raise unknown("product", name, PRODUCTS)
    if not idle:
        note("a run is under way: what lies beside the store is its own and not listed")
    found = unnamed(store, keep) + (leftovers(store) if idle else [])
    return found + (old_runs(store, runs_older_than) if runs_older_than is not None else [])


def _runs(store: Store) -> bool:
    """Whether a run is under way, as far as can be told without taking the lock."""
    from ..store.lock import Holder

    holder = Holder.read(store.folders.holder)
    return holder is not None and not holder.owner.is_dead


def _json(store: Store, going: Sequence[Garbage], staying: Sequence[Garbage], *, deleted: bool) -> dict[str, Any]:
    def listed(items: Sequence[Garbage]) -> list[dict[str, Any]]:
        beside = store.path.parent
        return [{**vars(item), "path": item.path.relative_to(beside).as_posix()} for item in items]

    total = sum(item.bytes for item in going)
    return {
        "store": str(store.path),
        "deleted": deleted,
        "bytes": total,
        "garbage": listed(going),
        "kept": listed(staying),
    }


def _show(going: Sequence[Garbage], staying: Sequence[Garbage], *, deleted: bool) -> None:
    if going:
        OUT.print(_table(going))
    if staying:
        OUT.print(_table(staying, title="kept; --newer lists these above"))
    total = _size(sum(item.bytes for item in going))
    if not going:
        note("nothing to delete" + ("" if not staying else " without --newer"))
    elif deleted:
        note(f"deleted: {total}")
    else:
        note(f"{total} could go; the same command with --delete frees them, --keep PRODUCT keeps some")


def _table(items: Sequence[Garbage], title: str | None = None) -> Table:
    """Scenes that have the same to say share a row."""
    rows: dict[tuple[str, str, str], list[Garbage]] = {}
    for item in items:
        rows.setdefault((item.kind, item.product, item.why), []).append(item)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("what", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("days", justify="right", no_wrap=True)
    table.add_column("why")
    for (kind, product, why), alike in rows.items():
        scenes = sorted({item.scene for item in alike if item.scene})
        where = scenes[0] if len(scenes) == 1 else f"{len(scenes)} scenes" if scenes else f"{len(alike)} entries"
        days = (time.time() - min(item.modified_s for item in alike)) / _DAY_S
        size = _size(sum(item.bytes for item in alike))
        table.add_row(f"{product} {where}".strip(), kind, size, f"{days:.0f}", why)
    return table


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
