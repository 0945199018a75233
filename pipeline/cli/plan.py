"""``occ-pipeline plan``: what a run would do, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..registry import RECIPES, STAGES, target_named
from . import complete
from . import options as opt
from .console import ERR, OUT, emit, fail, note, warn


def plan(
    target: Annotated[
        str,
        typer.Argument(
            help=f"A stage or recipe: {', '.join([*STAGES, *RECIPES])}, or a recipe's path.",
            autocompletion=complete.targets,
        ),
    ] = "all",
    dataset: opt.Dataset = None,
    dataroot: opt.DataRoot = None,
    release: opt.Release = None,
    labels: opt.Published = None,
    out: opt.Out = None,
    scenes: opt.Scenes = None,
    config: opt.Config = None,
    sets: opt.Sets = None,
    grid: opt.Grid = None,
    workers: opt.Workers = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Show what a run would do, why, and what it would cost in time, memory and bytes; computes nothing."""
    del debug
    recipe = target_named(target)
    from ..backend import choose, loads
    from ..cluster import available_mib, cores
    from ..projection import Rates, project
    from ..session import make_plan, open_store, refuse_an_empty_plan
    from ..store.store import Store
    from .projected import announce, scenes_table
    from .projected import as_json as projection_json
    from .report import reasons
    from .request import Request
    from .run import with_backend
    from .workers import WorkersAsked

    raw = {"--dataroot": dataroot, "--dataset": dataset, "--version": release, "--grid": grid}
    published = opt.published(labels, raw)
    stages = opt.stages_of(config, sets, grid, {}, recipe.values, published, dataset)
    asked = WorkersAsked()
    request = Request(
        recipe.stages, dataset, dataroot, release, out, scenes, asked, stages, as_json, labels=published
    )  # fmt: skip
    wanted, log = request.wanted(), request.open_log()
    path = request.store_path
    Store.check_place(path)
    kept = Store.open(path).identity.back_end if path.exists() else None
    backend: Any = kept or choose(None, warn, loads)
    store = open_store(path, log, backend)
    chosen = [with_backend(stage, backend) for stage in wanted]
    planned = make_plan(store, log, chosen, opt.split_names(scenes), note)
    refuse_an_empty_plan(planned, log)
    result = {
        name: [{"stage": s.stage.name, "reason": s.reason, "why": s.why} for s in p.steps]
        for name, p in planned.plans.items()
    }
    projection = project(planned.plans.values(), Rates.of(path), workers or cores(), log.source.return_bytes)
    if as_json:
        failures = {name: [str(error) for error in errors] for name, errors in planned.failures.items()}
        absent = list(planned.indexed.absent)
        costs = projection_json(projection)
        emit({"store": str(path), "scenes": result, "projection": costs, "failures": failures, "absent": absent})
    else:
        whys = {name: reasons(p) or "nothing: all committed" for name, p in planned.plans.items()}
        OUT.print(scenes_table(projection, whys))
        announce(projection)
        for errors in planned.failures.values():
            for error in errors:
                fail(str(error))
    if planned.failures:
        ERR.print("scenes above fail before anything runs")
        raise typer.Exit(3)
    projection.refuse_unless_it_fits(available_mib())
