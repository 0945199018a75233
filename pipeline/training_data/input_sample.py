"""What a sample has of a key frame's points and images, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...schemas.errors import UsageError
from .sensor_inputs import CameraFrame, Float64, SceneInputs, WantedInputs, decoded, scaled

Sample = dict[str, Any]


def input_sample(inputs: SceneInputs, row: int, grid_SE3_flipped: Float64) -> Sample:
    """What is wanted of a key frame's points and images, under the keys of :class:`~.dataset.OccupancyTargets`.

    ``grid_SE3_flipped`` (4, 4) float64: from the mirrored grid's frame. Raises UsageError where images have no size in common,
    VerificationError for damaged files.
    """
    sample: Sample = {}
    if inputs.wanted.points:
        sample["points"] = tensor(inputs.points(row, grid_SE3_flipped))
    if inputs.wanted.images is not None:
        sample |= _images(inputs.cameras(row, grid_SE3_flipped), inputs.wanted)
    return sample


def tensor(array: NDArray[Any]) -> Tensor:
    """The array's values, which it shares where it may."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def _images(seen: CameraFrame, wanted: WantedInputs) -> Sample:
    """What a sample has of its cameras. Raises UsageError where images have no size in common."""
    there = np.array([bool(file) for file in seen.files])
    sample: Sample = {
        "image_there": tensor(there),
        "camera_SE3_grid": tensor(seen.camera_SE3_grid.astype(np.float32)),
    }
    intrinsics = seen.intrinsics
    if wanted.images == "encoded":
        sample["image_bytes"] = tensor(np.frombuffer(b"".join(seen.files), dtype=np.uint8))
        sample["image_byte_counts"] = torch.tensor([len(file) for file in seen.files], dtype=torch.int64)
    else:
        size = wanted.size or _common(seen.sizes)
        sample["images"] = tensor(np.stack([decoded(file, size) for file in seen.files]))
        intrinsics = scaled(intrinsics, seen.sizes, size)
    return sample | {"intrinsics": tensor(intrinsics.astype(np.float32))}


def _common(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Height and width of all cameras' images."""
    if len(set(sizes)) != 1:
        raise UsageError(
            "cameras have images of different sizes", found=", ".join(f"{w} x {h}" for w, h in sorted(set(sizes))) or "none",
            fix="give image_size=(HEIGHT, WIDTH), or name cameras of one size",
        )  # fmt: skip
    wide, high = sizes[0]
    return high, wide
