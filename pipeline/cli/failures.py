"""``occ-pipeline failures`` and ``logs``: which scenes failed, why, and all that is known of one."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ...schemas.errors import UsageError
from . import options as opt
from .console import OUT, emit, note, say

if TYPE_CHECKING:
    from ..run_history import Failure, Run


def failures(store: opt.StorePath, as_json: opt.Json = False, debug: opt.Debug = False) -> None:
    """Show which scenes failed and why: reasons counted, then scene by scene. Next: logs STORE SCENE."""
    del debug
    from ..run_history import open_failures, runs
    from ..store.store import Store

    history = runs(Store.open(store).path)
    found = open_failures(history)
    if as_json:
        emit({"store": str(store), "failures": [vars(failure) for failure in found.values()]})
        return
    if not found:
        note("no scene's last run failed")
        return
    OUT.print(reasons_table(list(found.values())))
    table = Table()
    table.add_column("scene", no_wrap=True)
    table.add_column("what is wrong", overflow="fold")
    for name, failure in sorted(found.items()):
        table.add_row(name, escape(failure.error))
    OUT.print(table)
    note(f"all that is known of one: occ-pipeline logs {store} {min(found)}")
    note(f"to go on once it is mended: {_last(history, found).command}")


def reasons_table(found: list[Failure]) -> Table:
    """Reasons with the number of scenes they failed, the most frequent first."""
    table = Table(title="scenes without labels, by reason")
    table.add_column("scenes", justify="right")
    table.add_column("reason")
    for reason, count in Counter(failure.reason for failure in found).most_common():
        table.add_row(str(count), reason)
    return table


def _last(history: list[Run], found: dict[str, Failure]) -> Run:
    names = {failure.run for failure in found.values()}
    return next(run for run in reversed(history) if run.path.name in names)


def logs(
    store: opt.StorePath,
    scene: Annotated[str, typer.Argument(help="The scene.", metavar="SCENE")],
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Show all that runs have told of a scene: what ran, how long, and the traceback of a failure."""
    del debug
    from ..run_history import runs
    from ..store.store import Store

    told = {run: _told(run, scene) for run in runs(Store.open(store).path)}
    if not any(told.values()):
        known = sorted(
            {str(e["scene"]) for run in told for e in _events(run.path, None)}
            | {f.scene for r in told for f in r.failures}
        )
        raise UsageError(
            "no run tells of this scene",
            scene=scene,
            found=", ".join(known[:8]) or "no run at all",
            fix="see: occ-pipeline status",
        )
    if as_json:
        emit(
            {"scene": scene, "runs": {run.path.name: _events(run.path, scene) for run, lines in told.items() if lines}}
        )
        return
    for run, lines in told.items():
        if lines:
            say(f"{run.path.name}{'' if run.ended else ' (stopped, or still running)'}: {run.command}")
            for line in lines:
                say(line)


def _told(run: Run, scene: str) -> list[str]:
    """What a run tells of a scene: its tasks, and why it failed."""
    lines = [f"  {line}" for line in _lines(_events(run.path, scene))]
    trace = run.path / "failures" / f"{scene}.txt"
    if trace.exists():
        return [*lines, trace.read_text(encoding="utf-8").rstrip()]
    # What fails before anything runs leaves no traceback.
    return lines + [f"  FAILED before anything ran: {f.error}" for f in run.failures if f.scene == scene]


def _events(folder: Path, scene: str | None) -> list[dict[str, object]]:
    path = folder / "events.jsonl"
    if not path.exists():
        return []
    events = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}"))
    return [event for event in events if scene is None or event.get("scene") == scene]


def _lines(events: list[dict[str, object]]) -> list[str]:
    return [
        f"{e['at_s']:>8} s  {e['stage']} {e['part']}: "
        + (f"{e['seconds']} s, {e['peak_mib']} MiB" if e["event"] == "done" else f"FAILED: {e['error']}")
        for e in events
    ]
