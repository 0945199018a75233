"""What a run was begun with: where it goes on, settings and products must be the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...schemas.errors import UsageError
from ...schemas.sensor_frames import SensorFrames
from ..checking import checked
from ..current import how_to_make
from ..store.index import read_index
from ..store.store import Store
from ..targets import OccupancyTargets
from . import checkpoint
from .settings import TrainSettings

Products = dict[str, dict[str, str]]
"""Scene to product to fingerprint."""


def products_of(store: Path, settings: TrainSettings, targets: list[OccupancyTargets]) -> Products:
    """Scene to product to fingerprint of what is read. Raises UsageError for a scene without a product."""
    index = read_index(Store.open(store))
    found: Products = {}
    for number, each in enumerate(targets):
        offsets = [settings.offsets] if settings.offsets and number == 0 else []
        for scene in dict.fromkeys(frame.scene for frame in each.frames):
            there = index.scenes[scene].products
            for name in (settings.labels, SensorFrames.name, *offsets):
                if name not in there:
                    raise UsageError(
                        f"the store has no {name} of this scene", file=str(store), scene=scene, found=", ".join(there) or "nothing",
                        fix=how_to_make(name),
                    )  # fmt: skip
                found.setdefault(scene, {})[name] = there[name]
    return found


def begun(last: Path) -> dict[str, Any] | None:
    """The checkpoint to go on from, None where there is none. Raises VerificationError for a damaged one."""
    return checkpoint.load(last) if last.exists() else None


def refuse_another(before: dict[str, Any], settings: TrainSettings, products: Products, ranks: int) -> None:
    """Raises UsageError where the checkpoint ``before`` is of other settings or ``ranks``, or was made from other products."""
    then = checked(TrainSettings, before["settings"], "train", "see: occ-pipeline train --help")
    if names := settings.differences(then):
        raise UsageError(
            "the run began with other settings",
            found=", ".join(f"{name}={getattr(settings, name)!r}" for name in names),
            expected=", ".join(f"{name}={getattr(then, name)!r}" for name in names),
            fix="give the same, or choose another --out",
        )
    if before["ranks"] != ranks:
        raise UsageError(
            "the run began with another number of processes", found=f"{ranks}", expected=f"{before['ranks']}",
            fix="start as many (torchrun --nproc-per-node), or choose another --out",
        )  # fmt: skip
    # Scenes to validate on may come and go; which are trained on is in the settings, and how many key frames in the order.
    then_read: Products = before["products"]
    changed = [scene for scene in then_read if products.get(scene, then_read[scene]) != then_read[scene]]
    if changed:
        raise UsageError(
            "the store's products are others than the run began with", scene=changed[0], found=f"{len(changed)} scenes changed",
            fix="choose another --out to begin anew",
        )  # fmt: skip
