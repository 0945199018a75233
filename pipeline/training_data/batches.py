"""The iterable form: whole batches, the same ones in the same order for any number of workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from .collation import collate
from .dataset import Draw, OccupancyTargets
from .order import FrameOrder


class OccupancyBatches(IterableDataset[dict[str, Any]]):
    """Collated batches of an epoch's key frames, for ``DataLoader(batches, batch_size=None, num_workers=...)``.

    Worker w of W makes batches w, w + W, ..., which the loader takes in turn.
    """

    def __init__(self, targets: OccupancyTargets, order: FrameOrder, batch: int, *, whole: bool = False) -> None:
        """``batch``: key frames of one batch. ``whole``: whether a smaller one at the end is left out."""
        self._targets, self._order, self._batch, self._whole = targets, order, batch, whole
        # Shared memory, since workers that stay from epoch to epoch have a copy of all else.
        self._begin: torch.Tensor = torch.zeros(2, dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int, taken: int = 0) -> None:
        """The epoch that the next iterations make, without its first ``taken`` batches; without this, all make the first."""
        self._begin[0], self._begin[1] = epoch, taken

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self._order) // self._batch if self._whole else -(-len(self._order) // self._batch)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        epoch, taken = int(self._begin[0]), int(self._begin[1])
        places = self._order.order(epoch)
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for number in range(taken + first, len(self), step):
            chosen = places[number * self._batch : (number + 1) * self._batch]
            yield collate([self._targets[Draw(place, epoch)] for place in chosen])
