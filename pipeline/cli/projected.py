"""Projections of time, memory and bytes in words and tables, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from .console import note

if TYPE_CHECKING:
    from ..projection import Projection, Totals
    from ..run_folder import RunFolder


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever a person would say."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    """Bytes in the largest unit that leaves a number above one."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= scale:
            return f"{count / scale:.{0 if count >= 10 * scale else 1}f} {unit}"
    return f"{count / 1e3:.0f} kB"


def in_words(totals: Totals) -> str:
    """``27 s, 0.64 GiB in a worker, 25 MB written``."""
    return f"{duration(totals.seconds)}, {totals.peak_mib / 1024:.2f} GiB in a worker, {size(totals.written_bytes)} written"


def scenes_table(projection: Projection, scenes: dict[str, str]) -> Table:
    """Per scene with something to run: what of it and why, and what it costs if run alone."""
    table = Table()
    for column, justify in (("scene", "left"), ("to run, and why", "left"), ("time", "right"), ("written", "right")):
        table.add_column(
            column, justify="right" if justify == "right" else "left", no_wrap=column in ("time", "written")
        )
    for scene, why in scenes.items():
        totals = projection.totals([scene])
        nothing = totals.seconds == 0
        table.add_row(
            scene, why, "-" if nothing else duration(totals.seconds), "-" if nothing else size(totals.written_bytes)
        )
    return table


def announce(projection: Projection) -> None:
    """Says what is to come and what that rests on."""
    if projection.steps:
        workers = f"{projection.workers} worker{'s' if projection.workers > 1 else ''}"
        note(f"projected with {workers}: {in_words(projection.totals())}")
        note(f"  from {projection.rates.basis}")


def compare(projection: Projection, run: RunFolder) -> None:
    """Keeps what the run took beside what was projected, and says both."""
    from ..projection import FILE

    if not projection.steps:
        return
    record, measured = projection.record(run.events(), run.seconds)
    if record["stages"]:
        run.keep(FILE, record)
        note(f"projected {in_words(projection.totals())}")
        note(f"     took {in_words(measured)}")


def as_json(projection: Projection) -> dict[str, Any]:
    """The projection for programs: in all, by scene, and what it rests on."""
    scenes = sorted({scene for scene, _ in projection.steps})
    return {
        "workers": projection.workers,
        "basis": projection.rates.basis,
        **projection.totals().to_json(),
        "scenes": {scene: projection.totals([scene]).to_json() for scene in scenes},
    }
