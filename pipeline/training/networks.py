"""The network and the loss that a run's settings name."""

from __future__ import annotations

import importlib
from typing import Any

from torch import nn

from ...schemas.errors import UsageError
from ...schemas.grid import VoxelGrid
from ...stages.losses.voxdet_loss import LossConfig, VoxDetLoss
from ...stages.networks.config import VoxDetConfig
from ...stages.networks.voxdet import VoxDet
from ..checking import checked, unknown
from .settings import TrainSettings

HELP = "see VoxDetConfig in stages/networks/config.py and LossConfig in stages/losses/voxdet_loss.py"


def network(settings: TrainSettings, grid: VoxelGrid, classes: int) -> nn.Module:
    """VoxDet, or the class that ``settings.network`` names. Raises UsageError for what cannot be made."""
    options = settings.network_options
    if settings.network != "voxdet":
        return _foreign(settings.network, grid=grid, classes=classes, **options)
    fixed = {"input": settings.input, "grid": grid, "classes": classes}
    return VoxDet(checked(VoxDetConfig, _free(options, fixed, "network"), "network", HELP, fixed))


def loss(settings: TrainSettings, class_weights: list[float] | None, classes: int) -> VoxDetLoss:
    """VoxDet's loss. Raises UsageError for options that cannot be."""
    fixed = {"classes": classes, "class_weights": class_weights and tuple(class_weights)}
    return VoxDetLoss(checked(LossConfig, _free(settings.loss_options, fixed, "loss"), "loss", HELP, fixed))


def _free(options: dict[str, Any], fixed: dict[str, Any], what: str) -> dict[str, Any]:
    for name in options:
        if name in fixed:
            raise UsageError(
                f"{what}.{name} is given by the store and the settings", found=f"--set {what}.{name}", fix="leave it out"
            )  # fmt: skip
    return options


def _foreign(name: str, **options: Any) -> nn.Module:
    module, _, kind = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), kind, None)
    except ImportError as error:
        raise UsageError(
            f"the network's module {module!r} cannot be imported", found=str(error),
            fix="install it, or set PYTHONPATH to the folder it lies in",
        ) from error  # fmt: skip
    if found is None:
        raise unknown(f"class in {module}", kind, [n for n in vars(importlib.import_module(module)) if n[0] != "_"])
    try:
        made = found(**options)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"network {name} cannot be made", found=str(error), expected=f"a class that takes {', '.join(options)}",
            fix="correct it, or --set network.NAME=VALUE",
        ) from error  # fmt: skip
    if not isinstance(made, nn.Module):
        raise UsageError(
            f"network {name} is no torch module", found=type(made).__name__, expected="a subclass of torch.nn.Module"
        )
    return made
