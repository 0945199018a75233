"""Samples of one batch, side by side: what differs in length from frame to frame one behind the other, with counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils import data

from ...schemas.errors import UsageError

RAGGED = {"points": "point_counts", "image_bytes": None}
"""Keys that are joined, and the key that tells how many rows each frame has; bytes of images have counts of their own."""


def collate(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A batch of B samples of :class:`~.dataset.OccupancyTargets`: every key with B in front, but for these.

    | key | shape, dtype | what |
    |---|---|---|
    | ``points`` | (N, 5) float32 | of all frames, frame after frame |
    | ``point_counts`` | (B,) int64 | how many of ``points`` each frame has |
    | ``image_bytes`` | (L,) uint8 | files of all frames; ``image_byte_counts`` (B, M) tells their lengths |
    | ``scene``, ``frame`` | lists of B str | names |

    Raises UsageError where frames do not fit side by side.
    """
    batch: dict[str, Any] = {}
    for key, first in samples[0].items():
        values = [sample[key] for sample in samples]
        if not isinstance(first, torch.Tensor):
            batch[key] = values
        elif key in RAGGED:
            batch[key] = torch.cat(values)
            if counts := RAGGED[key]:
                batch[counts] = torch.tensor([len(value) for value in values], dtype=torch.int64)
        else:
            batch[key] = _stacked(key, values, samples)
    return batch


def _stacked(key: str, values: list[torch.Tensor], samples: Sequence[dict[str, Any]]) -> torch.Tensor:
    for value, sample in zip(values, samples, strict=True):
        if value.shape != values[0].shape:
            raise UsageError(
                f"{key} of a batch's frames differ in shape", scene=sample["scene"], frame=sample["frame"],
                found=f"{tuple(value.shape)}", expected=f"{tuple(values[0].shape)}, as scene {samples[0]['scene']}",
                fix="name cameras that all scenes have, and give image_size" if key.startswith(("image", "cam", "intr"))
                else "name scenes of one grid",
            )  # fmt: skip
    # Torch's own: in a worker it stacks straight into memory that is shared with the trainer.
    return data.default_collate(values)
