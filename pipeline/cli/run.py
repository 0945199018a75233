"""``occ-pipeline run``: one sub-command per stage and group."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ...schemas.errors import PipelineError
from ...schemas.occupancy import VotedOccupancy
from ...stages.scan_votes import ScanVotes
from ...stages.stage import Stage
from ..batch import system_named
from ..parameters import as_json
from ..recipes import Recipe
from ..run_history import typed
from ..shard import Shard
from . import options as opt
from .console import emit, last_line, note, warn
from .recipe_group import recipe_group
from .request import Request
from .workers import Workers, WorkersAsked

if TYPE_CHECKING:
    from ..execute import Outcome
    from ..run_folder import RunFolder
    from ..session import Log, Planned
    from ..store.store import Store


def _command(recipe: Recipe, stage: type[Stage] | None = None) -> Callable[..., None]:
    """A typer command whose options are the common ones and the stage's own parameters."""
    own: Mapping[str, tuple[Any, Any, str]] = opt.stage_options(stage) if stage else {}

    def command(**given: Any) -> None:
        chosen = {
            name: opt.option_value(default, given[f"p_{name}"])
            for name, (_, default, _) in own.items()
            if given[f"p_{name}"] is not None
        }
        raw = {f"--{name}": given[name] for name in ("dataroot", "dataset", "grid")} | {"--version": given["release"]}
        published = opt.published(given["labels"], raw)
        stages = opt.stages_of(
            given["config"], given["sets"], given["grid"], {stage.name: chosen} if stage and chosen else {},
            recipe.values, published, given["dataset"],
        )  # fmt: skip
        system = None if given["cluster"] is None else system_named(given["cluster"])
        asked = WorkersAsked(given["workers"], given["scheduler"], system, given["cluster_config"])
        shard = None if given["shard"] is None else Shard.parse(given["shard"])
        request = Request(
            recipe.stages, given["dataset"], given["dataroot"], given["release"], given["out"],
            given["scenes"], asked, stages, given["as_json"], given["debug"],
            not given["no_memory_check"], shard, published,
        )  # fmt: skip
        raise typer.Exit(run(request))

    common: dict[str, tuple[Any, Any]] = {
        "dataset": (opt.Dataset, None), "dataroot": (opt.DataRoot, None), "release": (opt.Release, None),
        "labels": (opt.Published, None),
        "out": (opt.Out, None), "scenes": (opt.Scenes, None), "workers": (opt.Workers, None),
        "config": (opt.Config, None), "sets": (opt.Sets, None), "grid": (opt.Grid, None),
        "as_json": (opt.Json, False), "debug": (opt.Debug, False),
        "shard": (opt.ShardOption, None), "scheduler": (opt.Scheduler, None), "cluster": (opt.Cluster, None),
        "cluster_config": (opt.ClusterConfig, None), "no_memory_check": (opt.NoMemoryCheck, False),
    }  # fmt: skip
    panel = f"Parameters of {recipe.name}"
    for name, (kind, _, text) in own.items():
        flag = f"--{name.replace('_', '-')}"
        flag = f"{flag}/--no-{flag[2:]}" if kind is bool else flag
        option = typer.Option(flag, help=text, rich_help_panel=panel, show_default=False)
        common[f"p_{name}"] = (Annotated[kind | None, option], None)
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d, annotation=a) for n, (a, d) in common.items()]
    )
    command.__annotations__ = {name: annotation for name, (annotation, _) in common.items()}
    first_line = (stage.__doc__ or "").strip() if stage else recipe.about or "A recipe."
    command.__doc__ = first_line
    return command


app = typer.Typer(
    cls=recipe_group(_command),
    no_args_is_help=True,
    help="Make labels: run a stage and all it needs, or a recipe, on all scenes or some. "
    "A recipe of your own: occ-pipeline run FILE.yaml, or --recipe FILE.yaml.",
)


@dataclass(frozen=True)
class _Made:
    """A run that ended, with what became of it."""

    store: Store
    record: RunFolder
    planned: Planned
    outcome: Outcome
    stages: tuple[str, ...]

    @property
    def failures(self) -> dict[str, list[PipelineError]]:
        """Scenes that failed, before or while running, with the reasons."""
        before: dict[str, list[PipelineError]] = {name: list(errors) for name, errors in self.planned.failures.items()}
        return before | {name: [error] for name, error in self.outcome.failed.items()}


def run(request: Request) -> int:
    """Runs what was asked for; gives the exit code."""
    wanted = request.wanted()
    # Imports what is heavy, Dask, the devkit, the kernels: not before options are known to be good.
    log = request.open_log()
    request.workers.refuse_unshared(request.store_path, log.data_root)
    with ExitStack() as stack:
        made = _make(request, wanted, log, stack)
    _report(request, log, made)
    return 3 if made.failures else 0


def _make(request: Request, wanted: list[Stage], log: Log, stack: ExitStack) -> _Made:
    """Holds the store, plans, and runs what the plan says."""
    from ..cluster import available_mib
    from ..projection import Rates, project
    from ..run_folder import RunFolder
    from ..run_history import OUTCOME, outcome_record
    from ..session import make_plan, open_store, refuse_an_empty_plan
    from ..store.lock import run_lock
    from ..store.store import Store
    from .progress import shown
    from .projected import announce, compare

    path, shard = request.store_path, request.shard
    Store.check_place(path)
    stack.enter_context(run_lock(path, None if shard is None else shard.name))
    workers = Workers(stack, request.workers, path, log)
    before = Store.open(path) if path.exists() and any(path.iterdir()) else None
    if before is None or request.workers.scheduler is not None:
        workers.start()
        log.source.prepare()
    backend: Any = before.identity.back_end if before else workers.backend(None)
    store = open_store(path, log, backend)
    store.clean_leftovers(alone=shard is None)
    record = RunFolder(path, "" if shard is None else f".{shard.name}")
    stages = [with_backend(stage, backend) for stage in wanted]
    scenes = opt.split_names(request.scenes)
    if shard is not None:
        scenes = shard.of(scenes or log.source.scene_names())
        note(f"shard {shard}: {len(scenes)} scenes")
    planned = make_plan(store, log, stages, scenes, note)
    refuse_an_empty_plan(planned, log)
    parameters = {stage.name: as_json(stage) for stage in stages}
    record.begin({"parameters": parameters, "data_root": log.data_root, "scenes": sorted(planned.plans)})
    for scene in planned.indexed.scenes.values():
        for text in scene.warnings_for(stages):
            warn(f"{text}; the scene does without")
    projection = project(planned.plans.values(), Rates.of(path), workers.count, log.source.return_bytes)
    announce(projection)
    todo = [plan for plan in planned.plans.values() if plan.to_run]
    # Asking for the machine's memory loads Dask.
    if todo and request.memory_check and request.workers.here:
        projection.refuse_unless_it_fits(available_mib())
    if before is not None and any(step.stage.name == "reconstruct" for plan in todo for step in plan.to_run):
        workers.backend(backend)
    plans = list(planned.plans.values())
    outcome = _execute(workers, store, log.data_root, plans, record, bool(todo), shown)
    made = _Made(store, record, planned, outcome, tuple(stage.name for stage in stages))
    # What parts left behind: cancelled ones may have ended after their scene.
    store.clean_leftovers(alone=shard is None)
    record.keep(OUTCOME, outcome_record(list(outcome.done), made.failures, record.path.name))
    compare(projection, record)
    return made


def _report(request: Request, log: Log, made: _Made) -> None:
    """Says what became of the run: one JSON object, or a table and, last, the path of a picture."""
    from .pose_notes import tell_poses
    from .report import run_json, run_table

    if request.as_json:
        emit(run_json(made.store.path, made.planned, made.outcome, made.failures, made.record.path))
    else:
        run_table(made.planned, made.outcome, made.failures, log.synthetic)
    tell_poses(made.store, made.planned, made.outcome)
    if made.failures:
        _details(request.store_path, made.record.path / "failures", request.debug)
    ours = {"densify", "import-labels"} & set(made.stages)
    if made.outcome.done and (ours or ScanVotes.name in made.stages) and not request.as_json:
        from ..picture import draw_frame, shown_frame

        scene = min(made.outcome.done)
        picture = made.record.path / f"{scene}.png"
        show = f"{request.store_path} --scene {scene}" + ("" if ours else f" --stage {ScanVotes.name}")
        note(f"labels: {made.store.path}; next: occ-pipeline show {show}, or status")
        dataroot, product = None if request.labels else log.data_root, None if ours else VotedOccupancy
        draw_frame(shown_frame(made.store, scene, None, dataroot, product)).save(picture)
        last_line(str(picture))


def _details(store: Path, folder: Path, debug: bool) -> None:
    """How to learn more of what failed, or the tracebacks themselves, and how to go on."""
    for path in sorted(folder.glob("*.txt")) if debug else ():
        note(path.read_text(encoding="utf-8"))
    note(f"to see more: occ-pipeline failures {store}; occ-pipeline logs {store} SCENE")
    note(f"to go on once it is mended: {typed(sys.argv)}")


def _execute(
    workers: Workers, store: Any, data_root: Path, plans: list[Any], record: Any, busy: bool, shown: Any
) -> Any:
    from ..execute import execute

    if not busy:
        every = "every product asked for is committed with these parameters and files"
        note(f"nothing to do: {every if plans else 'no scene is left to make'}")
        return execute(None, store, data_root, plans, record, 1, _silent)
    client = workers.client()
    with shown(plans) as progress:
        return execute(client, store, data_root, plans, record, workers.count, progress)


def _silent(scene: str, stage: str, share: float) -> None:
    del scene, stage, share


def with_backend(stage: Stage, backend: Literal["open3d", "pymeshlab"]) -> Stage:
    """The stage with the back end that the store keeps, where it has one."""
    from ...stages.reconstruct import Reconstruct

    return replace(stage, backend=backend) if isinstance(stage, Reconstruct) else stage
