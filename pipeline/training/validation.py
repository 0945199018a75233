"""How well a network labels key frames that it is not trained on."""

from __future__ import annotations

from collections.abc import Callable

from ...stages.confusion import Confusion
from ..targets import OccupancyTargets
from .data import begun, loader, on_device
from .learner import Learner
from .log import Row
from .ranks import Ranks
from .settings import TrainSettings


def places(frames: int, most: int) -> list[int]:
    """At most ``most`` of ``frames`` places, spread evenly; all for 0."""
    count = min(most, frames) if most else frames
    return [i * frames // count for i in range(count)]


class Validation:
    """Judges a network on the same key frames again and again, which ranks share out; processes that read them stay."""

    def __init__(self, targets: OccupancyTargets, settings: TrainSettings, ranks: Ranks) -> None:
        self.targets, self._ranks = targets, ranks
        chosen = places(len(targets), settings.validation_frames)
        self._batches = loader(targets, settings, chosen[ranks.rank :: ranks.count])
        # Of the rank that has most: all ask as often whether to stop.
        self._rounds = -(-len(chosen[:: ranks.count]) // settings.batch)

    def __call__(self, learner: Learner, stops: Callable[[], bool]) -> Row | None:
        """IoU of occupied voxels, mIoU, precision, recall, and IoU of each class, over all voxels that are not ignored.

        None once ``stops``, which is asked before each batch, says so.
        """
        names = self.targets.classes.names
        confusion = Confusion(len(names))
        learner.share_buffers()
        batches = begun(self._batches)
        for _ in range(self._rounds):
            if stops():
                return None
            batch = next(batches, None)
            if batch is not None:
                there = on_device(batch, learner.device)
                confusion.add(learner.predict(there), there["labels"])
        confusion.counts = self._ranks.summed(confusion.counts)
        found = confusion.ratios()
        return {
            "iou": found.iou, "miou": found.miou, "precision": found.precision, "recall": found.recall, "voxels": found.voxels,
            **{f"iou_{name}": iou for name, iou in zip(names, found.per_class, strict=True)},
        }  # fmt: skip
