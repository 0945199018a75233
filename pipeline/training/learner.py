"""A network with its optimiser, schedule and moving average: what a step changes, and what a checkpoint keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ...schemas.errors import UsageError
from ...stages.losses.voxdet_loss import VoxDetLoss
from ...stages.networks.outputs import Outputs
from .schedule import share_of_rate
from .settings import TrainSettings
from .watch import Watch


class Learner:
    """Trains a network step by step."""

    def __init__(self, network: nn.Module, loss: VoxDetLoss, settings: TrainSettings, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.network, self.loss = network.to(device), loss.to(device)
        self.average = (
            AveragedModel(network, multi_avg_fn=cast("Any", get_ema_multi_avg_fn(settings.average)), use_buffers=True)
            if settings.average
            else None
        )
        self.optimiser = torch.optim.AdamW(
            network.parameters(), settings.learning_rate, betas=settings.betas, weight_decay=settings.weight_decay,
            # The one that leaves a step out on the device itself, by found_inf.
            fused=True,
        )  # fmt: skip
        self.watch = Watch(device)
        self._forward = cast(
            "Callable[[Mapping[str, Tensor]], Outputs]", torch.compile(network) if settings.compile else network
        )
        self.steps = 0
        """Taken so far."""

    @property
    def rate(self) -> float:
        """Learning rate of the last step."""
        return float(self.optimiser.param_groups[0]["lr"])

    def step(self, batches: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """One step with the mean gradient of ``batches``, unless it is no number: ``watch`` tells.

        Gives the mean of ``loss`` and each of its terms over them, and ``gradient_norm`` before clipping.
        """
        self.network.train()
        self.steps += 1
        settings = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = settings.learning_rate * share_of_rate(self.steps, settings.steps, settings.warm_up)
        found: dict[str, Tensor] = {}
        for batch in batches:
            losses = self._losses(batch)
            (losses["loss"] / len(batches)).backward()
            for name, value in losses.items():
                found[name] = found.get(name, 0) + value.detach() / len(batches)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip or math.inf)
        self.watch.add(self.steps, found["loss"], norm, batches)
        cast("Any", self.optimiser).found_inf = self.watch.bad
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update_parameters(self.network)
        return found | {"gradient_norm": norm}

    def predict(self, batch: Mapping[str, Any]) -> Tensor:
        """(B, X, Y, Z) int64: classes by the moving average where there is one, else by the network."""
        network = self.network if self.average is None else self.average.module
        network.eval()
        with torch.no_grad(), self._autocast():
            outputs: Outputs = network(batch)
        return outputs.logits.argmax(dim=1)

    def state_dict(self) -> dict[str, Any]:
        """All that goes on, random numbers too: tensors and plain values."""
        return {
            "step": self.steps,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where ``state`` stands, bit for bit on the same device."""
        self.steps = int(state["step"])
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda" and state["random_cuda"] is not None:
            torch.cuda.set_rng_state(state["random_cuda"], self.device)

    def _losses(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        with self._autocast():
            outputs = self._forward(batch)
        total, terms = self.loss(outputs, batch["labels"], self._offsets(batch, outputs))
        return {"loss": total, **terms}

    def _offsets(self, batch: Mapping[str, Any], outputs: Outputs) -> Tensor | None:
        """The store's, as coarse as the network's. Raises UsageError where they are coarser, or on other voxels."""
        if "offsets" not in batch or outputs.offsets is None:
            return None
        offsets: Tensor = batch["offsets"]
        wanted = outputs.offsets.shape[2:]
        stride = max(1, offsets.shape[2] // wanted[0])
        offsets = offsets[:, :, ::stride, ::stride, ::stride]
        if offsets.shape[2:] != wanted:
            raise UsageError(
                f"the network regresses offsets of {tuple(wanted)} cells", found=f"{tuple(batch['offsets'].shape[2:])} in the store",
                fix="run voxnt with every=1, or leave --offsets out",
            )  # fmt: skip
        return offsets

    def _autocast(self) -> torch.autocast:
        enabled = self.settings.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)


def device_of(name: str) -> torch.device:
    """The device of this name. Raises UsageError for one that this machine has not."""
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
    try:
        device = torch.device(chosen)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            "there is no such device here", found=name, expected=f"cpu{', cuda' if torch.cuda.is_available() else ''} or auto",
            fix="correct --device",
        ) from error  # fmt: skip
    return device
