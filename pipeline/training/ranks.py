"""Processes that train one network together, one a GPU, as torchrun starts them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import NoReturn, TypeVar, cast

import torch
from torch import Tensor, distributed

from ...schemas.errors import ComputeError, PipelineError, UsageError

T = TypeVar("T")
_NEEDED = ("RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; alone by default. What is asked of one is asked of all, in the same order."""

    rank: int = 0
    count: int = 1
    local: int = 0
    """Rank among those of this machine."""

    @property
    def first(self) -> bool:
        """Whether it is the one that writes and tells."""
        return self.rank == 0

    def gathered(self, value: T) -> list[T]:
        """Every rank's value, which can be pickled."""
        if self.count == 1:
            return [value]
        found = cast("list[T]", [None] * self.count)
        distributed.all_gather_object(found, value)
        return found

    def summed(self, values: Tensor) -> Tensor:
        """The sum over ranks of tensors of one shape and dtype, on the CPU: exact for integers."""
        total = values.cpu().clone()
        if self.count > 1:
            distributed.all_reduce(total)
        return total

    def any(self, here: bool) -> bool:
        """Whether it is so on some rank."""
        return here if self.count == 1 else bool(self.summed(torch.tensor(int(here))))

    def take_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Overwrites them with those of rank 0."""
        for tensor in tensors if self.count > 1 else ():
            distributed.broadcast(tensor, 0)

    def refuse(self, error: PipelineError) -> NoReturn:
        """Ends all ranks, of which the first raises ``error`` and the others are silent."""
        if self.first:
            raise error
        raise SystemExit(2)

    @contextlib.contextmanager
    def together(self) -> Generator[None]:
        """A body that works on all ranks or on none: the first error of any of them is that of all. It asks nothing of other ranks."""
        here: PipelineError | None = None
        try:
            yield
        except PipelineError as error:
            if self.count == 1:
                raise
            here = error
        for error in self.gathered(here) if self.count > 1 else ():
            if error is not None:
                self.refuse(error)


ALONE = Ranks()


@contextlib.contextmanager
def joined() -> Generator[Ranks]:
    """The ranks that the environment speaks of, as torchrun sets it; this process alone where it does not.

    Raises UsageError where it does not say enough, ComputeError where another process ended in the midst of it.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    missing = [name for name in _NEEDED if name not in os.environ]
    if missing:
        raise UsageError(
            "the environment does not say how to find the other processes", found=f"WORLD_SIZE={count}, no {missing[0]}",
            fix="start them with torchrun, or unset WORLD_SIZE to train in this process alone",
        )  # fmt: skip
    # What is on the CPU, as signals and counts of voxels, must not wait for a GPU.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks(distributed.get_rank(), count, int(os.environ.get("LOCAL_RANK", "0")))
    except RuntimeError as error:
        # What gloo raises has no type of its own.
        if not isinstance(error, distributed.DistError) and "gloo" not in str(error):
            raise
        raise ComputeError(
            "another process of this run has ended", found=str(error).splitlines()[0],
            fix="see what it says; the same command goes on after the last checkpoint",
        ) from error  # fmt: skip
    # Only in peace: it may wait for others.
    distributed.destroy_process_group()
