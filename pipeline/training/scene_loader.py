"""Batches of one scene's key frames after the other, in order, read by processes that stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from ...schemas.errors import PipelineError
from ..targets import InputFrames, collate
from ..training_data.input_sample import Sample
from .data import Batch


class SceneLoader:
    """Reads a scene when it is asked for. What cannot be read is raised as it was, and the next scene can be read all the same."""

    def __init__(self, frames: InputFrames, batch: int, workers: int) -> None:
        """``batch``: key frames, at most, of one scene. ``workers``: processes, 0 for none but this."""
        self._batches = _SceneBatches(frames, batch)
        self._loader: DataLoader[Batch] = DataLoader(
            cast("Dataset[Batch]", _Answers(frames)), batch_sampler=self._batches, collate_fn=_collated, num_workers=workers,
            multiprocessing_context="spawn" if workers else None, persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
        )  # fmt: skip

    def batches(self, scene: str) -> Iterator[Batch]:
        """Collated batches of a scene. Raises what reading it raised."""
        self._batches.scene = scene
        for found in self._loader:
            if isinstance(found, PipelineError):
                raise found
            yield found


class _SceneBatches(Sampler[list[int]]):
    """Places of the key frames of ``scene``."""

    def __init__(self, frames: InputFrames, batch: int) -> None:
        self._frames, self._batch = frames, batch
        self.scene = ""

    def __iter__(self) -> Iterator[list[int]]:
        places = [place for place, frame in enumerate(self._frames.frames) if frame.scene == self.scene]
        for start in range(0, len(places), self._batch):
            yield places[start : start + self._batch]


class _Answers(Dataset["Sample | PipelineError"]):
    """Errors as values: torch would make one line of a worker's error and its traceback."""

    def __init__(self, frames: InputFrames) -> None:
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample | PipelineError:
        try:
            return self._frames[index]
        except PipelineError as error:
            return error


def _collated(samples: Sequence[Sample | PipelineError]) -> Batch | PipelineError:
    read: list[Sample] = []
    for sample in samples:
        if isinstance(sample, PipelineError):
            return sample
        read.append(sample)
    try:
        return collate(read)
    except PipelineError as error:
        return error
