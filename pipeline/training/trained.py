"""A trained network, as a checkpoint holds it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...schemas.errors import UsageError, VerificationError
from ...schemas.grid import VoxelGrid
from ..checking import adapter, checked
from . import checkpoint, networks
from .records import BEST, LAST
from .settings import TrainSettings

_OF_AVERAGE = "module."
"""What names of weights begin with in the state of torch's ``AveragedModel``."""


@dataclass(frozen=True)
class Trained:
    """What is needed of a checkpoint to predict."""

    settings: TrainSettings
    grid: VoxelGrid
    """Of the labels that it was trained on, and of its predictions."""
    classes: tuple[str, ...]
    """Names of the network's classes, free space first."""
    weights: Mapping[str, Tensor]
    """By name: the moving average's where there is one, since those are what was validated; else the network's own."""
    step: int
    """Of the training run."""

    @classmethod
    def load(cls, path: Path) -> Trained:
        """Reads a checkpoint. Raises UsageError where there is none, VerificationError for a damaged one."""
        content = checkpoint.load(path)
        try:
            learner = content["learner"]
            weights: dict[str, Tensor] = learner["network"]
            if learner["average"] is not None:
                average: dict[str, Tensor] = learner["average"]
                named = {name.removeprefix(_OF_AVERAGE): value for name, value in average.items()}
                weights = {name: named[name] for name in weights}
            settings, grid = content["settings"], VoxelGrid.from_json(content["grid"])
            classes, step = tuple(content["classes"]), int(learner["step"])
        except (KeyError, TypeError, ValueError) as error:
            raise VerificationError(
                "the checkpoint does not hold what a network is made from", file=str(path), found=f"{type(error).__name__}: {error}",
                expected="a checkpoint of occ-pipeline train", fix="use the version that wrote it",
            ) from error  # fmt: skip
        checked_ = checked(TrainSettings, settings, "train", "use the version that wrote the checkpoint")
        return cls(checked_, grid, classes, weights, step)

    def network(self) -> nn.Module:
        """The network with its weights, on the CPU, in evaluation mode. Raises UsageError where it cannot be made."""
        made = networks.network(self.settings, self.grid, len(self.classes))
        try:
            made.load_state_dict(dict(self.weights))
        except RuntimeError as error:
            raise UsageError(
                f"the checkpoint's weights are not those of network {self.settings.network}",
                found=str(error).partition("\n")[2].strip().partition("\n")[0], fix="use the code that it was trained with",
            ) from error  # fmt: skip
        return made.eval()

    @property
    def parameters(self) -> dict[str, Any]:
        """All that decides predictions but what is read and the libraries, as JSON values: the weights by :func:`digest`."""
        settings = adapter(TrainSettings).dump_python(self.settings, mode="json")
        named = ("network", "network_options", "input", "image_size", "cameras", "precision")
        return {
            "weights": digest(self.weights), "classes": list(self.classes), "grid": self.grid.to_json(),
            **{name: settings[name] for name in named},
        }  # fmt: skip


def checkpoint_of(folder: Path) -> Path:
    """A run's best checkpoint, else its last one. Raises UsageError where it has none."""
    for name in (BEST, LAST):
        if (folder / name).is_file():
            return folder / name
    there = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else None
    raise UsageError(
        "the training run has no checkpoint", file=str(folder),
        found="no such folder" if there is None else ", ".join(there[:6]) or "an empty folder", expected=f"{BEST} or {LAST}",
        fix="run occ-pipeline train first, or name a run with --run FOLDER, a checkpoint with --checkpoint FILE",
    )  # fmt: skip


def digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256, as hex digits, of names, types, shapes and values."""
    found = hashlib.sha256()
    for name, value in sorted(weights.items()):
        found.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        found.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()
