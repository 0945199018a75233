"""What a run says at its end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from ...schemas.errors import PipelineError
from ..execute import Outcome
from ..plan import ScenePlan
from ..session import Planned, frames
from .console import ERR, fail, note


def run_json(
    store: Path, planned: Planned, outcome: Outcome, failures: Mapping[str, list[PipelineError]], record: Path
) -> dict[str, Any]:
    """The run as one JSON object."""
    scenes: dict[str, Any] = {}
    for name, plan in planned.plans.items():
        scenes[name] = {
            "status": "done" if name in outcome.done else "failed",
            "frames": frames(plan.indexed.tables),
            "ran": {step.stage.name: step.why for step in plan.to_run} if name in outcome.done else {},
            "products": {p.name: fingerprint[:16] for p, fingerprint in outcome.done.get(name, {}).items()},
        }
    for name, errors in failures.items():
        scenes[name] = {**scenes.get(name, {}), "status": "failed", "errors": [str(error) for error in errors]}
    return {"store": str(store), "run": str(record), "scenes": scenes, "absent": list(planned.indexed.absent)}


def reasons(plan: ScenePlan) -> str:
    """Stages that ran and why, each reason once."""
    stages: dict[str, list[str]] = {}
    for step in plan.to_run:
        stages.setdefault(step.why, []).append(step.stage.name)
    return "; ".join(f"{', '.join(names)} ({why})" for why, names in stages.items())


def run_table(planned: Planned, outcome: Outcome, failures: Mapping[str, list[PipelineError]], synthetic: bool) -> None:
    """The run as a table, failures below it one line each."""
    table = Table(title="simulated log" if synthetic else None, title_style="bold yellow")
    for column, justify in (("scene", "left"), ("status", "left"), ("key frames", "right"), ("ran", "left")):
        table.add_column(column, justify="right" if justify == "right" else "left")
    for name, plan in planned.plans.items():
        ran = reasons(plan) or "nothing: all committed"
        done = name in outcome.done
        status = "[green]done[/]" if done else "[red]failed[/]"
        table.add_row(name, status, str(frames(plan.indexed.tables)), ran if done else "")
    for name in failures:
        if name not in planned.plans:
            table.add_row(name, "[red]failed[/]", "", "")
    ERR.print(table)
    if planned.indexed.absent:
        note(f"not in this copy of the dataset: {len(planned.indexed.absent)} scenes")
    for errors in failures.values():
        for error in errors:
            fail(str(error))
