"""The order in which key frames are trained on: from a seed, shared out among ranks, and to be taken up in the middle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from torch.utils.data import Sampler

from ...schemas.errors import UsageError
from .dataset import Draw, OccupancyTargets


class FrameOrder(Sampler[Draw]):
    """Draws the key frames of an epoch, each once over all ranks; every iteration is the next epoch.

    The order depends on seed and epoch alone: not on workers, and of ranks each takes every ``ranks``-th of the same order. With
    ``even`` the order is cut so that all ranks have as many, which gradients that wait for each other need: up to ``ranks`` - 1
    key frames are left out, other ones in each epoch where the order is shuffled.
    """

    def __init__(
        self,
        targets: OccupancyTargets,
        *,
        seed: int = 0,
        shuffle: bool = True,
        rank: int = 0,
        ranks: int = 1,
        even: bool = True,
    ) -> None:
        """``rank``: 0 to ``ranks`` - 1. Raises UsageError for another, and where ranks would have nothing."""
        if not 0 <= rank < ranks:
            raise UsageError(
                "no such rank", found=f"rank {rank} of {ranks}", expected=f"0 to {ranks - 1}", fix="correct it"
            )
        if even and len(targets) < ranks:
            raise UsageError(
                "there are fewer key frames than ranks", found=f"{len(targets)} for {ranks}", fix="use fewer ranks, or even=False"
            )  # fmt: skip
        self._frames, self._seed, self._shuffle = len(targets), seed, shuffle
        self._rank, self._ranks, self._even = rank, ranks, even
        self._epoch, self._drawn = 0, 0
        self._next = (0, 0)

    def __len__(self) -> int:
        """Key frames that this rank has in a whole epoch."""
        shared = self._frames - self._frames % self._ranks if self._even else self._frames
        return len(range(self._rank, shared, self._ranks))

    def order(self, epoch: int) -> list[int]:
        """Places of this rank's key frames in an epoch."""
        random = np.random.default_rng((self._seed, epoch))
        places = random.permutation(self._frames) if self._shuffle else np.arange(self._frames)
        return places[self._rank :: self._ranks][: len(self)].tolist()

    def __iter__(self) -> Iterator[Draw]:
        self._epoch, self._drawn = self._next
        self._next = (self._epoch + 1, 0)
        return self._draws(self._epoch, self._drawn)

    def _draws(self, epoch: int, taken: int) -> Iterator[Draw]:
        for drawn, place in enumerate(self.order(epoch)[taken:], taken + 1):
            self._drawn = drawn
            yield Draw(place, epoch)

    def state_dict(self, taken: int | None = None) -> dict[str, int | bool]:
        """Where an epoch stands, the same for all ranks, as JSON values.

        ``taken``: this rank's key frames of the epoch that were trained on. None for all that were drawn, which is more where
        workers read ahead.
        """
        return {"epoch": self._epoch, "taken": self._drawn if taken is None else taken, **self._identity}

    def load_state_dict(self, state: Mapping[str, int | bool]) -> None:
        """The next iteration goes on where ``state`` stands. Raises UsageError for that of another order."""
        identity = {name: state.get(name) for name in self._identity}
        if identity != self._identity:
            raise UsageError(
                "the state is of another order of key frames", found=f"{identity}", expected=f"{self._identity}",
                fix="use the store, selection, seed and ranks that it was saved with, or begin anew",
            )  # fmt: skip
        epoch, taken = int(state["epoch"]), int(state["taken"])
        self._next = (epoch, taken) if taken < len(self) else (epoch + 1, 0)
        self._epoch, self._drawn = self._next

    @property
    def _identity(self) -> dict[str, int | bool]:
        return {
            "frames": self._frames, "seed": self._seed, "shuffle": self._shuffle, "ranks": self._ranks, "even": self._even
        }  # fmt: skip
