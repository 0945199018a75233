"""A network with its optimiser, schedule and moving average: what a step changes, and what a checkpoint keeps."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ...schemas.errors import UsageError
from ...stages.losses.voxdet_loss import VoxDetLoss
from ...stages.networks.outputs import Outputs
from .forward import autocast, logits_of
from .ranks import ALONE, Ranks
from .refusals import offset_stride
from .schedule import share_of_rate
from .settings import TrainSettings
from .watch import Watch


class Learner:
    """Trains a network step by step, with those of the other ranks.

    Batch normalisation: on GPUs over the key frames of all ranks, on CPUs over each rank's own, of which the first one's
    statistics are kept.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: VoxDetLoss,
        settings: TrainSettings,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> None:
        self.settings, self.device, self.ranks = settings, device, ranks
        if ranks.count > 1 and device.type == "cuda":
            network = cast("nn.Module", nn.SyncBatchNorm.convert_sync_batchnorm(network))
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
        self.watch = Watch(device, ranks)
        self._shared = DistributedDataParallel(network) if ranks.count > 1 else None
        module = self._shared or network
        self._forward = cast(
            "Callable[[Mapping[str, Tensor]], Outputs]", torch.compile(module) if settings.compile else module
        )
        self.steps = 0
        """Taken so far."""
        if not ranks.first:
            # The same weights as the first, but other random numbers from here on.
            torch.manual_seed(settings.seed + ranks.rank)

    @property
    def rate(self) -> float:
        """Learning rate of the last step."""
        return float(self.optimiser.param_groups[0]["lr"])

    def step(self, batches: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """One step with the mean gradient of all ranks' ``batches``, unless it is no number: ``watch`` tells.

        Gives the mean of ``loss`` and each of its terms over this rank's, and ``gradient_norm`` before clipping. Raises UsageError
        where several ranks train a network of which the loss does not need every parameter.
        """
        self.network.train()
        self.steps += 1
        settings = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = settings.learning_rate * share_of_rate(self.steps, settings.steps, settings.warm_up)
        found: dict[str, Tensor] = {}
        for number, batch in enumerate(batches, 1):
            with self._unshared(number < len(batches)):
                losses = self._losses(batch)
                (losses["loss"] / len(batches)).backward()
            for name, value in losses.items():
                found[name] = found.get(name, 0) + value.detach() / len(batches)
        self._refuse_unused()
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
        return logits_of(network, batch, self.settings.precision).argmax(dim=1)

    def share_buffers(self) -> None:
        """All ranks take the first one's, so that they judge the same network."""
        for network in (self.network, self.average):
            self.ranks.take_from_first(() if network is None else network.buffers())

    def state_dict(self) -> dict[str, Any]:
        """All that goes on, random numbers of each rank too: tensors and plain values."""
        random = {
            "cpu": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }
        return {
            "step": self.steps,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "random": self.ranks.gathered(random),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where ``state`` stands, bit for bit on the same device."""
        self.steps = int(state["step"])
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        random = state["random"][self.ranks.rank]
        torch.set_rng_state(random["cpu"])
        if self.device.type == "cuda" and random["cuda"] is not None:
            torch.cuda.set_rng_state(random["cuda"], self.device)

    def _unshared(self, wanted: bool) -> contextlib.AbstractContextManager[None]:
        """Where gradients stay with their rank, if ``wanted``: of several batches the last one's backward pass shares them all."""
        return self._shared.no_sync() if self._shared is not None and wanted else contextlib.nullcontext()

    def _refuse_unused(self) -> None:
        if self._shared is None:
            return
        unused = [name for name, p in self.network.named_parameters() if p.requires_grad and p.grad is None]
        if unused:
            error = UsageError(
                "the loss does not depend on some parameters of the network", found=", ".join(unused[:5]),
                expected="a gradient of every parameter, which several processes wait for",
                fix="leave them out, or set requires_grad=False of them; or train in one process",
            )  # fmt: skip
            self.ranks.refuse(error)

    def _losses(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        with autocast(self.device, self.settings.precision):
            outputs = self._forward(batch)
        total, terms = self.loss(outputs, batch["labels"], self._offsets(batch, outputs))
        return {"loss": total, **terms}

    def _offsets(self, batch: Mapping[str, Any], outputs: Outputs) -> Tensor | None:
        """The store's, as coarse as the network's. Raises UsageError where they are coarser, or on other voxels."""
        if "offsets" not in batch or outputs.offsets is None:
            return None
        stored: Tensor = batch["offsets"]
        x, y, z = outputs.offsets.shape[2:]
        every = offset_stride((stored.shape[2], stored.shape[3], stored.shape[4]), (x, y, z))
        return stored[:, :, ::every, ::every, ::every]


def device_of(name: str, ranks: Ranks = ALONE) -> torch.device:
    """The device of this name, of several GPUs each rank its own. Raises UsageError for one that this machine has not."""
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
    if chosen == "cuda":
        chosen = f"cuda:{ranks.local}"
    elif ranks.count > 1 and chosen != "cpu":
        raise UsageError("several processes cannot train on one device", found=name, expected="cuda, cpu or auto", fix="correct --device")  # fmt: skip
    try:
        device = torch.device(chosen)
        torch.empty(1, device=device)
        if device.type == "cuda":
            # Where NCCL and whatever names no device work.
            torch.cuda.set_device(device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            "there is no such device here", found=chosen, expected=f"cpu{', cuda' if torch.cuda.is_available() else ''} or auto",
            fix="correct --device",
        ) from error  # fmt: skip
    return device
