"""Batches of a store's key frames on the device, without end, and what is counted of the key frames before."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ...schemas.errors import UsageError
from ...stages.losses.classification import class_weights
from ..signals import heed_parent_alone, signals_are_for_us
from ..targets import FrameOrder, OccupancyTargets, collate
from .ranks import Ranks
from .settings import TrainSettings

Batch = dict[str, Any]


def targets_of(store: Path, settings: TrainSettings, *, validation: bool = False) -> OccupancyTargets:
    """Key frames to train on, or to validate on: those are not mirrored. Raises UsageError for what the store has not."""
    split, scenes = (
        (settings.validation_split, settings.validation_scenes) if validation else (settings.split, settings.scenes)
    )
    sees, images = settings.input, settings.input != "lidar"
    try:
        return OccupancyTargets(
            store, settings.labels, offsets=None if validation else settings.offsets, points=sees != "camera",
            images="decoded" if images else None, image_size=settings.image_size if images else None,
            cameras=settings.cameras if images else None, split=None if scenes else split, scenes=scenes,
            every=settings.every, unknown=settings.unknown, unlabelled=settings.unlabelled, observed=settings.observed,
            flips="" if validation else settings.flips or "", seed=settings.seed,
        )  # fmt: skip
    except UsageError as error:
        if validation and not scenes and error.found == split:
            error.fix = (
                "validate on others by --validation-split or --validation-scenes, or never: --validation-every 0"
            )
        raise


def counted_weights(store: Path, settings: TrainSettings, ranks: Ranks) -> list[float]:
    """Weight of each training class from the voxels that are trained on: the loss ignores what is not counted.

    O(voxels), shared among ``ranks``.
    """
    targets = OccupancyTargets(
        store, settings.labels, split=None if settings.scenes else settings.split, scenes=settings.scenes,
        every=settings.every, unknown=settings.unknown, unlabelled=settings.unlabelled, observed=settings.observed,
    )  # fmt: skip
    counts = torch.zeros(256, dtype=torch.int64)
    with ranks.together():
        for place in range(ranks.rank, len(targets), ranks.count):
            counts += torch.bincount(targets[place]["labels"].flatten(), minlength=256)
    voxels = cast("list[int]", ranks.summed(counts).tolist())
    return class_weights(voxels[: len(targets.classes.names)])


def loader(targets: OccupancyTargets, settings: TrainSettings, order: Sequence[int] | FrameOrder) -> DataLoader[Batch]:
    """Batches of key frames in this order, the last one as small as it comes."""
    return DataLoader(
        targets, batch_size=settings.batch, sampler=order, collate_fn=collate, num_workers=settings.workers,
        multiprocessing_context="spawn" if settings.workers else None, persistent_workers=settings.workers > 0,
        worker_init_fn=_prepare_worker,
        # Its own, since the loader draws from it: the network's random numbers must not depend on it.
        generator=torch.Generator().manual_seed(settings.seed), pin_memory=torch.cuda.is_available(),
    )  # fmt: skip


def _prepare_worker(number: int) -> None:
    del number
    heed_parent_alone()


def begun(batches: DataLoader[Batch]) -> Iterator[Batch]:
    """Its batches, by workers that end when this process says so, and by no signal that is sent to all processes."""
    with signals_are_for_us(signal.SIGTERM):
        return iter(batches)


def on_device(batch: Batch, device: torch.device) -> Batch:
    """The same with its tensors there."""
    return {
        name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
        for name, value in batch.items()
    }


class Stream:
    """This rank's batches of epoch after epoch. ``waited_s`` adds up the seconds spent waiting for them."""

    def __init__(self, targets: OccupancyTargets, settings: TrainSettings, ranks: Ranks) -> None:
        self._order = FrameOrder(targets, seed=settings.seed, rank=ranks.rank, ranks=ranks.count)
        self._loader = loader(targets, settings, self._order)
        self._taken = 0
        self._batches: Iterator[Batch] = self._endless()
        self.waited_s = 0.0

    def __next__(self) -> Batch:
        start = time.perf_counter()
        batch = next(self._batches)
        self.waited_s += time.perf_counter() - start
        self._taken += len(batch["frame"])
        return batch

    @property
    def epoch(self) -> int:
        """The epoch of the last batch, from 0."""
        return int(self.state_dict()["epoch"])

    def state_dict(self) -> dict[str, int | bool]:
        """Where the epoch stands after the last batch that was given out."""
        return self._order.state_dict(self._taken)

    def load_state_dict(self, state: dict[str, int | bool]) -> None:
        """Goes on there; before the first batch alone. Raises UsageError for the state of another order."""
        self._order.load_state_dict(state)
        self._taken = int(self._order.state_dict()["taken"])

    def _endless(self) -> Iterator[Batch]:
        while True:
            yield from begun(self._loader)
            self._taken = 0
