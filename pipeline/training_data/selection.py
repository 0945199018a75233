"""Which key frames of a store are trained on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ...schemas.errors import UsageError
from ..current import how_to_make, one_of
from ..store.index import Index, SceneEntry

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrameOf:
    """One key frame."""

    scene: str
    row: int
    """Its place in the scene, and in every array with a frame axis."""
    token: str
    """The dataset's own name of it."""


def selected(
    index: Index, labels: str, split: str | None = None, scenes: Sequence[str] | None = None, every: int = 1
) -> list[FrameOf]:
    """Key frames of the scenes of a ``split``, of those named, or of both, by scene and time; of each scene, the first and then
    each ``every``-th: 10 is OccLE's tenth by interval sampling.

    ``labels``: name of the product that is read, of sensor frames where no labels are. A scene of the split without it is left out
    with a warning in the log. Raises UsageError for a split or scene that is not there, for a named scene without the product, and
    where nothing is left.
    """
    if every < 1:
        raise UsageError("key frames are taken at an interval of one or more", found=f"every={every}")
    for name in scenes or ():
        _check_named(index, name, labels)
    entries = {name: entry for name, entry in index.scenes.items() if _in_split(entry, split)}
    if split is not None and not entries:
        splits = sorted({entry.split for entry in index.scenes.values() if entry.split})
        raise UsageError(
            "no scene of the store is in this split", found=split,
            expected=one_of(splits) if splits else "no split: the log names none", fix="correct split, or name scenes",
        )  # fmt: skip
    asked = {name: entry for name, entry in entries.items() if scenes is None or name in scenes}
    without = [name for name, entry in asked.items() if labels not in entry.products]
    frames = [
        FrameOf(name, row, entry.frames[row])
        for name, entry in asked.items()
        if labels in entry.products
        for row in range(0, len(entry.frames), every)
    ]
    if not frames:
        raise UsageError(f"no key frame has {labels}", found=f"{len(asked)} scenes without", fix=how_to_make(labels))
    if without:
        logger.warning(
            "%d of %d scenes have no %s and are left out, first %s", len(without), len(asked), labels, without[0]
        )
    return frames


def _in_split(entry: SceneEntry, split: str | None) -> bool:
    return split is None or entry.split == split


def _check_named(index: Index, name: str, labels: str) -> None:
    if name not in index.scenes:
        raise UsageError("no such scene in the store", scene=name, expected=one_of(list(index.scenes)))
    products = index.scenes[name].products
    if labels not in products:
        raise UsageError(
            f"the store has no {labels} of this scene", scene=name, found=", ".join(products) or "nothing",
            fix=how_to_make(labels),
        )  # fmt: skip
