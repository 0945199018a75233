"""A training run: a folder with its parameters, log and checkpoints, and the loop that fills it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ... import __version__
from ..store.durable import replace_file, storage_errors
from . import checkpoint, networks
from .begun import begun, products_of, refuse_another
from .data import Stream, counted_weights, on_device, targets_of
from .learner import Learner, device_of
from .log import Log, Row, refuse_tensorboard, tensorboard
from .meter import Meter
from .settings import TrainSettings
from .validation import validate

LAST, BEST, PARAMETERS = "last.pt", "best.pt", "parameters.json"


@dataclass(frozen=True)
class Heard:
    """What a run tells while it goes on; each may be left alone."""

    row: Callable[[Row], None] = lambda _: None
    """A row of the log."""
    validated: Callable[[Row], None] = lambda _: None
    status: Callable[[str], None] = lambda _: None
    """What it is busy with before and between steps."""


class TrainingRun:
    """Trains in a folder: ``parameters.json``, ``log.csv``, ``validation.csv``, ``last.pt``, ``best.pt``."""

    def __init__(self, store: Path, folder: Path, settings: TrainSettings, *, heard: Heard | None = None) -> None:
        """Goes on from the folder's ``last.pt`` where there is one.

        Raises UsageError for settings that the store or this machine cannot fulfil, and for a folder that holds a run of other
        settings or products; VerificationError for a damaged checkpoint.
        """
        self.folder, self.settings, self.heard = folder, settings, heard or Heard()
        device = device_of(settings.device)
        if settings.tensorboard:
            refuse_tensorboard()
        before = begun(folder / LAST)
        self.targets = targets_of(store, settings)
        self.validated = targets_of(store, settings, validation=True) if settings.validation_every else None
        self.products = products_of(store, settings, [self.targets, *([self.validated] if self.validated else [])])
        if before:
            refuse_another(before, settings, self.products)
        names = self.targets.classes.names
        torch.manual_seed(settings.seed)
        network = networks.network(settings, self.targets.grid, len(names))
        # Options that cannot be are told before anything is counted.
        networks.loss(settings, None, len(names))
        self.class_weights: list[float] | None = before["class_weights"] if before else self._weights(store)
        loss = networks.loss(settings, self.class_weights, len(names))
        self.learner = Learner(network, loss, settings, device)
        self.stream = Stream(self.targets, settings)
        self.best: float | None = None
        self.validated_step = 0
        """After which it was last validated."""
        if before:
            self.learner.load_state_dict(before["learner"])
            self.stream.load_state_dict(before["order"])
            self.best, self.validated_step = before["best"], before["validated_step"]
        self._prepare_folder()

    def train(self, stops: Callable[[], bool] = lambda: False) -> bool:
        """Takes the steps that are left, and tells whether all are taken.

        Once ``stops`` says so no step is begun: the state after the last goes to ``last.pt``, and a validation that was cut short
        is done by the run that goes on. Raises ComputeError where loss or gradient is no number, StorageError.
        """
        settings, learner = self.settings, self.learner
        meter = Meter(self.stream)
        goes_on = self._validate_if_due(stops)
        while goes_on and learner.steps < settings.steps:
            batches = [on_device(next(self.stream), learner.device) for _ in range(settings.accumulate)]
            meter.add(learner.step(batches), sum(len(batch["frame"]) for batch in batches))
            ends, stopped = learner.steps == settings.steps, stops()
            saves = ends or stopped or learner.steps % settings.checkpoint_every == 0
            if saves or self._validation_is_due() or learner.steps % settings.log_every == 0:
                self._log(meter)
            before = self.validated_step
            goes_on = self._validate_if_due(stops) and (ends or not stopped)
            if saves or not goes_on:
                self._save(LAST)
            if saves or self.validated_step != before:
                meter = Meter(self.stream)
        return goes_on

    def state_dict(self) -> dict[str, Any]:
        """A checkpoint's content."""
        return {
            "learner": self.learner.state_dict(),
            "order": self.stream.state_dict(),
            "best": self.best,
            "validated_step": self.validated_step,
            "settings": asdict(self.settings),
            "products": self.products,
            "class_weights": self.class_weights,
            "classes": list(self.targets.classes.names),
            "grid": self.targets.grid.to_json(),
        }

    def _weights(self, store: Path) -> list[float] | None:
        if self.settings.weights == "none":
            return None
        self.heard.status("counting voxels of each class")
        return counted_weights(store, self.settings)

    def _prepare_folder(self) -> None:
        learner, settings = self.learner, self.settings
        record = {
            "settings": asdict(settings), "products": self.products, "class_weights": self.class_weights,
            "classes": self.targets.classes.names, "grid": self.targets.grid.to_json(), "device": str(learner.device),
            "key_frames": len(self.targets), "parameters": sum(p.numel() for p in learner.network.parameters()),
            "versions": {"occ-pipeline": __version__, "torch": torch.__version__},
        }  # fmt: skip
        events = tensorboard(self.folder / "tensorboard") if settings.tensorboard else None
        with storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self.folder / PARAMETERS, json.dumps(record, indent=1) + "\n", self.folder)
        self.log = Log(self.folder / "log.csv", learner.steps, events)
        self.validations = Log(self.folder / "validation.csv", learner.steps, events)

    def _validation_is_due(self) -> bool:
        step, every = self.learner.steps, self.settings.validation_every
        return (
            self.validated is not None
            and step > self.validated_step
            and (step == self.settings.steps or step % every == 0)
        )

    def _validate_if_due(self, stops: Callable[[], bool]) -> bool:
        """False where it was cut short."""
        if self.validated is None or not self._validation_is_due():
            return True
        self.heard.status("validating")
        found = validate(self.learner, self.validated, stops)
        if found is None:
            return False
        row = {"step": self.learner.steps, **found}
        self.validated_step = self.learner.steps
        self.validations.write(row)
        self.heard.validated(row)
        miou = row["miou"]
        if miou is not None and (self.best is None or miou > self.best):
            self.best = float(miou)
            self._save(BEST)
        return True

    def _save(self, name: str) -> None:
        checkpoint.save(self.folder / name, self.state_dict())

    def _log(self, meter: Meter) -> None:
        # Whatever is written comes after this: a bad step is in no checkpoint.
        self.learner.watch.check()
        row = {
            "step": self.learner.steps,
            "epoch": self.stream.epoch,
            **meter.read(),
            "learning_rate": self.learner.rate,
        }
        self.log.write(row)
        self.heard.row(row)
