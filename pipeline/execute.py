"""Runs plans on a Dask client: parts side by side, one writer per product, a bounded number of scenes in flight."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..schemas.errors import ComputeError, PipelineError, StorageError
from ..schemas.product import Product
from ..schemas.scene import SceneTables
from ..stages.stage import Part
from .plan import ScenePlan, Step
from .run_folder import RunFolder
from .scene_view import SceneAddress
from .store.index import update_index
from .store.store import Store
from .tasks import Receipt, list_parts, run_assembly, run_part


@dataclass(frozen=True)
class Call:
    """A function of :mod:`tasks` with its arguments."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    step: Step
    label: str
    cost: float = 0.0


Batch = Generator[list[Call], list[Any], None]


@dataclass
class Outcome:
    """What became of a run."""

    done: dict[str, dict[type[Product], str]] = field(default_factory=dict[str, dict[type[Product], str]])
    """Scene to the fingerprints of its current products."""
    failed: dict[str, PipelineError] = field(default_factory=dict[str, PipelineError])


Progress = Callable[[str, str, float], None]
"""Called with scene, stage and the share of the stage that is done."""


def execute(
    client: Any,
    store: Store,
    data_root: Path,
    plans: Sequence[ScenePlan],
    run: RunFolder,
    workers: int,
    progress: Progress,
) -> Outcome:
    """Runs all steps that are not done. A scene that fails is a value in the outcome; the others go on.

    Raises StorageError where the disk fails: no scene could be kept then.
    """
    outcome = Outcome()
    waiting = sorted(plans, key=lambda plan: -len(plan.indexed.tables.timestamps_ns))
    running: dict[str, _Scene] = {}
    dask: Any = client
    futures: Any = None
    # Without a client there is nothing to compute: every scene is only finished.
    if client is not None:
        from distributed import as_completed

        futures = as_completed(loop=dask.loop)
    owners: dict[Any, str] = {}

    def submit(scene: str, calls: list[Call]) -> None:
        longest_first = sorted(calls, key=lambda call: -call.cost)
        for order, call in enumerate(longest_first):
            future = dask.submit(call.function, *call.args, pure=False, priority=-order)
            owners[future] = scene
            running[scene].pending[future] = call
            futures.add(future)

    def start() -> None:
        while waiting and len(running) < workers + 1:
            plan = waiting.pop(0)
            job = _scene_job(store, data_root, plan)
            running[plan.scene] = _Scene(plan, job)
            calls = next(job, None)
            if calls is None:
                _finish(store, running.pop(plan.scene), outcome)
            else:
                running[plan.scene].order = [call.label for call in calls]
                submit(plan.scene, calls)

    start()
    while running:
        future: Any = next(futures)
        scene = running.get(owners.pop(future, ""))
        if scene is None:
            continue
        call = scene.pending.pop(future)
        value, error = _answer(future)
        if error is not None:
            problem = _as_problem(error, call)
            if isinstance(problem, StorageError):
                raise problem
            run.event("failed", scene=scene.plan.scene, stage=call.step.stage.name, part=call.label, error=str(problem))
            run.failure(scene.plan.scene, f"{problem}\n\n{''.join(traceback.format_exception(error))}")
            outcome.failed[scene.plan.scene] = problem
            for other in scene.pending:
                other.cancel()
            running.pop(scene.plan.scene)
        else:
            if isinstance(value, Receipt):
                run.event(
                    "done", scene=scene.plan.scene, stage=call.step.stage.name, part=call.label, seconds=value.seconds,
                    peak_mib=value.peak_mib,
                    **({"counts": dict(value.counts), "bytes": value.written_bytes} if value.counts else {}),
                )  # fmt: skip
            scene.results[call.label] = value
            progress(scene.plan.scene, call.step.stage.name, len(scene.results) / max(len(scene.order), 1))
            if not scene.pending:
                calls = scene.advance()
                if calls is None:
                    running.pop(scene.plan.scene)
                    _finish(store, scene, outcome)
                else:
                    submit(scene.plan.scene, calls)
        future.release()
        start()
    return outcome


@dataclass
class _Scene:
    """A scene in flight: its job waits for the results of the calls it asked for."""

    plan: ScenePlan
    job: Batch
    pending: dict[Any, Call] = field(default_factory=dict[Any, Call])
    results: dict[str, Any] = field(default_factory=dict[str, Any])
    order: list[str] = field(default_factory=list[str])

    def advance(self) -> list[Call] | None:
        """Hands results back in the order they were asked for; gives the next calls, None at the end."""
        results = [self.results[label] for label in self.order]
        self.results = {}
        try:
            calls = self.job.send(results)
        except StopIteration:
            return None
        self.order = [call.label for call in calls]
        return calls


def _scene_job(store: Store, data_root: Path, plan: ScenePlan) -> Batch:
    """Yields the calls that can run side by side, and takes their results."""
    known = plan.indexed.products
    for step in plan.steps:
        if step.reason != "done":
            reads = {product: known[product] for product in (SceneTables, *step.stage.reads())}
            address = SceneAddress(store, data_root, plan.scene, tuple(reads.items()))
            job = f"{step.stage.name}-{next(iter(step.fingerprints.values()))[:16]}"
            parts: list[Part] = (yield [Call(list_parts, (address, step.stage), step, "parts")])[0]
            yield [Call(run_part, (address, step.stage, part, job), step, part.key, part.cost) for part in parts] or [
                Call(list_parts, (address, step.stage), step, "parts")
            ]
            provenances = {product.name: p for product, p in step.provenances.items()}
            args = (address, step.stage, parts, job, provenances, plan.indexed.warnings_for([step.stage]))
            yield [Call(run_assembly, args, step, "assembly")]
        known |= step.fingerprints


def _finish(store: Store, scene: _Scene, outcome: Outcome) -> None:
    """A scene's products become the current ones as soon as it is complete."""
    products = scene.plan.indexed.products
    for step in scene.plan.steps:
        products |= step.fingerprints
    update_index(store, {scene.plan.scene: products})
    outcome.done[scene.plan.scene] = products


def _answer(future: Any) -> tuple[Any, BaseException | None]:
    """What a call gave or raised. A receipt can die with its worker after the call ended: asking for it may fail too."""
    error: BaseException | None = future.exception()
    if error is not None:
        return None, error
    try:
        return future.result(), None
    except Exception as lost:  # noqa: BLE001  whatever a worker raises is the scene's problem, not the run's
        return None, lost


def _as_problem(error: BaseException, call: Call) -> PipelineError:
    """The error as one a user can act on, with scene and stage filled in."""
    from distributed import KilledWorker

    if isinstance(error, PipelineError):
        error.scene = error.scene or call.step.scene
        error.frame = error.frame or (
            f"{call.step.stage.name} {call.label}" if isinstance(error, ComputeError) else None
        )
        return error
    if isinstance(error, KilledWorker):
        found, fix = "its worker process died each time", "look for lack of memory; run with fewer --workers"
    else:
        found, fix = (
            f"{type(error).__name__}: {error}",
            "this is a defect of occ-pipeline: please report it with the traceback",
        )
    return ComputeError(
        "a stage failed", scene=call.step.scene, frame=f"{call.step.stage.name} {call.label}", found=found, fix=fix
    )


def summary(outcome: Outcome) -> Mapping[str, int]:
    """Counts of scenes."""
    return {"done": len(outcome.done), "failed": len(outcome.failed)}
