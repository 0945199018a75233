"""A progress bar with the time left; silent where standard error is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..plan import ScenePlan
from .console import ERR

# Shares of a scene's time, measured on the sample log.
WEIGHTS = {
    "refine-poses": 1.5, "moving-objects": 0.1, "separate": 3.0, "reconstruct": 6.0, "densify": 2.0, "raycast": 4.0,
    "visibility": 4.0, "flow": 0.1, "image-labels": 1.0, "refine-with-images": 4.0, "consistency": 1.0, "import-labels": 0.3,
    "scan-votes": 8.0, "voxnt": 0.5, "clean": 0.3,
    "voxnt-refined": 0.5, "inputs": 1.0,
}  # fmt: skip


@contextmanager
def shown(plans: Sequence[ScenePlan]) -> Generator[Callable[[str, str, float], None]]:
    """Gives a function of scene, stage and the share of it that is done."""
    total = sum(_weight(step.stage.name, plan) for plan in plans for step in plan.to_run)
    done: dict[tuple[str, str], float] = {}
    by_scene = {plan.scene: plan for plan in plans}
    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=ERR, disable=not ERR.is_terminal, transient=True) as bar:
        task = bar.add_task("labels", total=total)

        def update(scene: str, stage: str, share: float) -> None:
            key = (scene, stage)
            done[key] = max(done.get(key, 0.0), share * _weight(stage, by_scene[scene]))
            bar.update(task, completed=sum(done.values()), description=f"{scene} {stage}")

        yield update


def _weight(stage: str, plan: ScenePlan) -> float:
    return WEIGHTS.get(stage, 1.0) * max(len(plan.indexed.tables.timestamps_ns), 1)
