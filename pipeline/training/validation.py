"""How well a network labels key frames that it is not trained on."""

from __future__ import annotations

from collections.abc import Callable

from ...stages.confusion import Confusion
from ..targets import OccupancyTargets
from .data import begun, loader, on_device
from .learner import Learner
from .log import Row


def places(frames: int, most: int) -> list[int]:
    """At most ``most`` of ``frames`` places, spread evenly; all for 0."""
    count = min(most, frames) if most else frames
    return [i * frames // count for i in range(count)]


def validate(learner: Learner, targets: OccupancyTargets, stops: Callable[[], bool] = lambda: False) -> Row | None:
    """IoU of occupied voxels, mIoU, precision, recall, and IoU of each class, over all voxels that are not ignored.

    None once ``stops``, which is asked before each batch, says so.
    """
    names = targets.classes.names
    confusion = Confusion(len(names))
    for batch in begun(loader(targets, learner.settings, places(len(targets), learner.settings.validation_frames))):
        if stops():
            return None
        there = on_device(batch, learner.device)
        confusion.add(learner.predict(there), there["labels"])
    found = confusion.ratios()
    return {
        "iou": found.iou, "miou": found.miou, "precision": found.precision, "recall": found.recall, "voxels": found.voxels,
        **{f"iou_{name}": iou for name, iou in zip(names, found.per_class, strict=True)},
    }  # fmt: skip
