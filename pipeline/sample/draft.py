"""A folder that is written whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ...schemas.errors import StorageError, UsageError


def refuse_unfit(out: Path, scenes: int, seconds: float, seed: int) -> None:
    """Raises UsageError if the numbers of a sample log make no sense or its folder is in use."""
    if scenes < 1 or seconds < 0.5 or seed < 0:
        found = f"{scenes} scenes, {seconds} seconds, seed {seed}"
        raise UsageError("a sample log cannot be made", found=found, expected="at least 1 scene, 0.5 seconds, seed 0")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("the folder for the sample log is in use", file=str(out), fix="name another one, or remove it")


@contextmanager
def drafted(out: Path) -> Generator[Path]:
    """A folder beside ``out`` to write into, which takes its place at the end. Raises StorageError if it cannot be written."""
    draft = out.with_name(f".{out.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield draft
        if out.exists():
            out.rmdir()
        os.rename(draft, out)  # noqa: PTH104 - the plain system call is what makes the log appear whole
    except OSError as error:
        raise StorageError(
            "the sample log cannot be written", file=str(out), found=str(error), fix="free space or name another folder"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
