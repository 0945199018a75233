"""Every n-th scene: how several machines share one job without a scheduler."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..schemas.errors import UsageError

_TEXT = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True)
class Shard:
    """The ``number``-th of ``count`` shards, counted from one."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise UsageError(
                "no such shard", found=str(self), expected=f"a number from 1 to {max(self.count, 1)}, as in 1/4",
                fix="correct --shard; SLURM's array tasks count from 0 unless --array says 1-N",
            )  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Shard:
        """From ``i/n``. Raises UsageError."""
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise UsageError("--shard cannot be read", found=text, expected="i/n, as in 1/4 for the first of four")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def name(self) -> str:
        """For file names."""
        return f"{self.number}-of-{self.count}"

    def of(self, scenes: Sequence[str]) -> list[str]:
        """This shard's scenes: every ``count``-th of all, sorted by name."""
        return sorted(scenes)[self.number - 1 :: self.count]
