"""What a run tells of ego poses: once, and only where they were changed or could not be."""

from __future__ import annotations

from collections.abc import Iterator

from ...schemas.refined_poses import RefinedPoses
from ..execute import Outcome
from ..session import Planned
from ..store.store import Store
from .console import note, warn

SHOWN = 3
"""Scenes that are named with a reason; a large log has hundreds."""


def tell_poses(store: Store, planned: Planned, outcome: Outcome) -> None:
    """Says which scenes of this run have other poses than the log's, and warns of those whose refinement was refused."""
    found = list(_judged(store, planned, outcome))
    for verdict, what, tell in (
        ("refined", "poses refined", note),
        ("refused", "the log's poses kept, though refinement was tried", warn),
    ):
        scenes = [(scene, reason) for scene, judged, reason in found if judged == verdict]
        for scene, reason in scenes[:SHOWN]:
            tell(f"{scene}: {what}: {reason}")
        if len(scenes) > SHOWN:
            tell(f"and {len(scenes) - SHOWN} more scenes: {what}")


def _judged(store: Store, planned: Planned, outcome: Outcome) -> Iterator[tuple[str, str, str]]:
    """Scene, verdict and reason of every scene whose poses this run judged."""
    for scene, products in sorted(outcome.done.items()):
        ran = {product for step in planned.plans[scene].to_run for product in step.stage.writes}
        if RefinedPoses in ran:
            poses = store.reader(scene, RefinedPoses, products[RefinedPoses])
            yield scene, poses.attribute("verdict"), poses.attribute("reason")
