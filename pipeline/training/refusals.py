"""What is refused before a run counts or trains anything."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import torch

from ...schemas.errors import UsageError
from .ranks import Ranks

Cells = tuple[int, int, int]


def refuse_to_compile(device: torch.device) -> None:
    """Raises UsageError where torch.compile lacks what it makes kernels with: without it only the first step would tell."""
    compiler = os.environ.get("CXX", "g++")
    if device.type == "cpu" and shutil.which(compiler) is None:
        raise UsageError(
            "torch.compile needs a C++ compiler", found=f"no {compiler}", fix="install one (apt-get install g++), or leave --compile out"
        )  # fmt: skip
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise UsageError("torch.compile needs Triton on a GPU", fix="pip install triton, or leave --compile out")


def offset_stride(stored: Cells, wanted: Cells) -> int:
    """Of the store's offsets, cells along x, y, z, each so-many-th is one that a network regresses.

    Raises UsageError where the store's are coarser, or of other voxels.
    """
    every = -(-stored[0] // wanted[0])
    if tuple(-(-n // every) for n in stored) != wanted:
        raise UsageError(
            f"the network regresses offsets of {wanted} cells", found=f"{stored} in the store",
            fix="run voxnt with every=1, or leave --offsets out",
        )  # fmt: skip
    return every


def refuse_ranks_apart(ranks: Ranks, last: Path, step: int) -> None:
    """Raises UsageError where ranks would go on after different steps."""
    steps = ranks.gathered(step)
    if len(set(steps)) > 1:
        error = UsageError(
            "processes find different checkpoints", file=str(last), found=f"steps {', '.join(map(str, steps))}",
            fix="choose an --out that all machines see",
        )  # fmt: skip
        ranks.refuse(error)
