"""Which images of a scene this copy of the dataset holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...schemas.errors import InputError
from .files import DataRoot


def present_images(
    data_root: Path, scene: str, files: Sequence[Sequence[str]]
) -> tuple[list[list[str]], tuple[str, ...]]:
    """The file names, empty for images that are not there; and a warning that counts these. Looks at sizes alone."""
    root = DataRoot(data_root)
    asked, lost = 0, list[str]()
    kept: list[list[str]] = []
    for frame in files:
        kept.append([])
        for name in frame:
            reason = _reason(root, name) if name else ""
            kept[-1].append("" if reason else name)
            asked += bool(name)
            lost += [f"{name} {reason}"] if reason else []
    if not lost:
        return kept, ()
    return kept, (f"scene {scene}: {len(lost)} of {asked} images are missing, first {lost[0]}",)


def _reason(root: DataRoot, name: str) -> str:
    """Why an image cannot be used, empty where it can."""
    try:
        size = root.size(name)
    except InputError as error:
        return f"({error.what})"
    if size is None:
        return "(no such file)"
    return "" if size else "(0 bytes)"
