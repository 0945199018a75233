"""``occ-pipeline doctor``: whether a run would work on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from . import options as opt
from .console import OUT, emit, fail, note

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


def doctor(
    out: Annotated[Path, typer.Option(help="Where the store is or will be.")] = Path("nuscenes.zarr"),
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Check libraries, cores, memory and disk, with the line that installs what is missing; exit code 3 if a run would fail."""
    del debug
    from ..doctor import examine

    findings = examine(out.absolute())
    problems = [finding for finding in findings if finding.grade == "problem"]
    if as_json:
        emit({"ok": not problems, "findings": [vars(finding) for finding in findings]})
    else:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("", no_wrap=True)
        table.add_column("", no_wrap=True)
        table.add_column("found", overflow="fold")
        for finding in findings:
            fix = f"\n-> {escape(finding.fix)}" if finding.fix else ""
            grade = f"[{_COLOURS[finding.grade]}]{finding.grade}[/]"
            table.add_row(finding.name, grade, escape(finding.found) + fix)
        OUT.print(table)
        if problems:
            fail(f"a run would fail here: {', '.join(finding.name for finding in problems)}; see -> above")
        else:
            note("a run would work here: occ-pipeline run densify")
    if problems:
        raise typer.Exit(3)
