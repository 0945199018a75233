"""A training run: a folder with its parameters, log and checkpoints, and the loop that fills it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ... import __version__
from ...stages.networks.voxdet import VoxDet
from . import networks
from .begun import begun, products_of, refuse_another
from .data import Stream, counted_weights, on_device, targets_of
from .learner import Learner, device_of
from .log import Row, refuse_tensorboard
from .meter import Meter
from .ranks import ALONE, Ranks
from .records import BEST, LAST, NoRecords, Records
from .refusals import offset_stride, refuse_ranks_apart, refuse_to_compile
from .settings import TrainSettings
from .validation import Validation


@dataclass(frozen=True)
class Heard:
    """What a run tells while it goes on; each may be left alone."""

    row: Callable[[Row], None] = lambda _: None
    """A row of the log."""
    validated: Callable[[Row], None] = lambda _: None
    status: Callable[[str], None] = lambda _: None
    """What it is busy with before and between steps."""


class TrainingRun:
    """Trains in a folder, which the first of several ranks alone writes (:class:`~.records.Records`)."""

    def __init__(
        self,
        store: Path,
        folder: Path,
        settings: TrainSettings,
        *,
        heard: Heard | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        """Goes on from the folder's ``last.pt`` where there is one.

        Raises UsageError for settings that the store or this machine cannot fulfil, and for a folder that holds a run of other
        settings or products; VerificationError for a damaged checkpoint.
        """
        self.settings, self.heard, self.ranks = settings, heard or Heard(), ranks
        with ranks.together():
            device = device_of(settings.device, ranks)
            if settings.compile:
                refuse_to_compile(device)
            if settings.tensorboard:
                refuse_tensorboard()
            before = begun(folder / LAST)
            self.targets = targets_of(store, settings)
            judged = targets_of(store, settings, validation=True) if settings.validation_every else None
            self.products = products_of(store, settings, [self.targets, *([judged] if judged else [])])
            if before:
                refuse_another(before, settings, self.products, ranks.count)
            classes = len(self.targets.classes.names)
            torch.manual_seed(settings.seed)
            network = networks.network(settings, self.targets.grid, classes)
            # Options that cannot be are told before anything is counted.
            networks.loss(settings, None, classes)
            stored = self.targets.offset_shape
            if stored and isinstance(network, VoxDet) and network.config.regression:
                offset_stride(stored, network.config.offset_shape)
        refuse_ranks_apart(ranks, folder / LAST, before["learner"]["step"] if before else 0)
        self.class_weights: list[float] | None = before["class_weights"] if before else self._weights(store)
        loss = networks.loss(settings, self.class_weights, classes)
        with ranks.together():
            self.stream = Stream(self.targets, settings, ranks)
        self.learner = Learner(network, loss, settings, device, ranks)
        self.validation = Validation(judged, settings, ranks) if judged else None
        self.best: float | None = None
        self.validated_step = 0
        """After which it was last validated."""
        if before:
            self.learner.load_state_dict(before["learner"])
            self.stream.load_state_dict(before["order"])
            self.best, self.validated_step = before["best"], before["validated_step"]
        with ranks.together():
            self.records = self._records(folder) if ranks.first else NoRecords()

    def train(self, stops: Callable[[], bool] = lambda: False) -> bool:
        """Takes the steps that are left, and tells whether all are taken.

        Once ``stops`` says so no step is begun: the state after the last goes to ``last.pt``, and a validation that was cut short
        is done by the run that goes on. Raises ComputeError where loss or gradient is no number, StorageError.
        """
        settings, learner, ranks = self.settings, self.learner, self.ranks
        meter = Meter(self.stream, ranks)

        def ranks_stop() -> bool:
            return ranks.any(stops())

        goes_on = self._validate_if_due(ranks_stop)
        while goes_on and learner.steps < settings.steps:
            batches = [on_device(next(self.stream), learner.device) for _ in range(settings.accumulate)]
            meter.add(learner.step(batches), sum(len(batch["frame"]) for batch in batches))
            ends, stopped = learner.steps == settings.steps, ranks_stop()
            saves = ends or stopped or learner.steps % settings.checkpoint_every == 0
            if saves or self._validation_is_due() or learner.steps % settings.log_every == 0:
                self._log(meter)
            before = self.validated_step
            goes_on = self._validate_if_due(ranks_stop) and (ends or not stopped)
            if saves or not goes_on:
                self._save(LAST)
            if saves or self.validated_step != before:
                meter = Meter(self.stream, ranks)
        return goes_on

    def state_dict(self) -> dict[str, Any]:
        """A checkpoint's content."""
        return {
            "learner": self.learner.state_dict(),
            "order": self.stream.state_dict(),
            "best": self.best,
            "validated_step": self.validated_step,
            "settings": asdict(self.settings),
            "ranks": self.ranks.count,
            "products": self.products,
            "class_weights": self.class_weights,
            "classes": list(self.targets.classes.names),
            "grid": self.targets.grid.to_json(),
        }

    def _weights(self, store: Path) -> list[float] | None:
        if self.settings.weights == "none":
            return None
        self.heard.status("counting voxels of each class")
        return counted_weights(store, self.settings, self.ranks)

    def _records(self, folder: Path) -> Records:
        learner = self.learner
        record = {
            "settings": asdict(self.settings), "products": self.products, "class_weights": self.class_weights,
            "classes": self.targets.classes.names, "grid": self.targets.grid.to_json(), "device": str(learner.device),
            "processes": self.ranks.count, "key_frames": len(self.targets),
            "parameters": sum(p.numel() for p in learner.network.parameters()),
            "versions": {"occ-pipeline": __version__, "torch": torch.__version__},
        }  # fmt: skip
        return Records(folder, record, learner.steps, events=self.settings.tensorboard)

    def _validation_is_due(self) -> bool:
        step, every = self.learner.steps, self.settings.validation_every
        return (
            self.validation is not None
            and step > self.validated_step
            and (step == self.settings.steps or step % every == 0)
        )

    def _validate_if_due(self, stops: Callable[[], bool]) -> bool:
        """False where it was cut short."""
        if self.validation is None or not self._validation_is_due():
            return True
        self.heard.status("validating")
        found = self.validation(self.learner, stops)
        if found is None:
            return False
        row = {"step": self.learner.steps, **found}
        self.validated_step = self.learner.steps
        with self.ranks.together():
            self.records.validation(row)
        self.heard.validated(row)
        miou = row["miou"]
        if miou is not None and (self.best is None or miou > self.best):
            self.best = float(miou)
            self._save(BEST)
        return True

    def _save(self, name: str) -> None:
        state = self.state_dict()
        with self.ranks.together():
            self.records.save(name, state)

    def _log(self, meter: Meter) -> None:
        # Whatever is written comes after this: a bad step is in no checkpoint.
        self.learner.watch.check()
        row = {
            "step": self.learner.steps,
            "epoch": self.stream.epoch,
            **meter.read(),
            "learning_rate": self.learner.rate,
        }
        with self.ranks.together():
            self.records.row(row)
        self.heard.row(row)
