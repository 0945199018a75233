"""Checkpoints: written whole or not at all, and read without running code that is in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch

from ...schemas.errors import UsageError, VerificationError
from ..store.durable import replace, storage_errors

FORMAT = 2


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Writes beside ``path``, fsync, rename, fsync of the folder: a crash leaves the old file. Raises StorageError."""
    with storage_errors(path):
        replace(path, lambda stream: torch.save({"format": FORMAT, **state}, stream), path.parent)


def load(path: Path) -> dict[str, Any]:
    """A checkpoint's content, on the CPU; tensors and plain values alone are read (``weights_only``).

    Raises UsageError where there is none, VerificationError for a file that is none or of another format.
    """
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UsageError("no such checkpoint", file=str(path), fix="correct the path") from error
    except Exception as error:  # torch's readers raise whatever a damaged file leads them to
        raise VerificationError(
            "the checkpoint cannot be read", file=str(path), found=type(error).__name__,
            expected="a checkpoint of occ-pipeline train", fix="remove it and begin anew, or take best.pt",
        ) from error  # fmt: skip
    content = cast("dict[str, Any]", state) if isinstance(state, dict) else {}
    found = content.get("format")
    if found != FORMAT:
        raise VerificationError(
            "the checkpoint has another format", file=str(path), found=str(found), expected=str(FORMAT),
            fix="use the version that wrote it",
        )  # fmt: skip
    return content
