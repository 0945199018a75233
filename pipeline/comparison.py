"""The result of measuring a store's labels, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from .scores import ClassScore, Score, Space


@dataclass(frozen=True)
class Comparison:
    """A store's labels against a reference's."""

    whole: Score
    kinds: Mapping[str, Score]
    """By kind of body, ``static``, ``moving_rigid``, ``deforming``."""
    scenes: Mapping[str, Score]
    space: Space
    products: tuple[str, ...]
    """Which voxel labels were judged."""
    fingerprints: Mapping[str, str]
    """Scene to the fingerprint of its labels that were judged."""
    only_in_store: Mapping[str, tuple[str, ...]]
    """Scene to the key frames that the reference lacks."""
    only_in_reference: Mapping[str, tuple[str, ...]]
    """Scene to the key frames that have no labels."""

    def to_json(self) -> dict[str, Any]:
        """One object: the whole's ratios at its top, then ``scenes``, the kinds, and frames that could not be compared."""
        scenes = {
            name: {"iou": score.occupancy.iou, "miou": score.miou, "frames": score.frames}
            for name, score in self.scenes.items()
        }
        kinds = {name: score.to_json() for name, score in self.kinds.items()}
        return {
            **self.whole.to_json(),
            "scenes": scenes,
            **kinds,
            "space": self.space.to_json(),
            "products": list(self.products),
            "fingerprints": dict(self.fingerprints),
            "only_in_store": {name: list(tokens) for name, tokens in self.only_in_store.items()},
            "only_in_reference": {name: list(tokens) for name, tokens in self.only_in_reference.items()},
        }


def table(comparison: Comparison) -> Table:
    """The ratios for a terminal: classes with the worst IoU first, then the kinds of body, then the whole."""
    whole = comparison.whole
    title = f"{', '.join(comparison.products)}: {whole.frames} key frames of {len(comparison.scenes)} scenes"
    result = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    result.add_column("", no_wrap=True)
    for heading in ("IoU", "mIoU", "precision", "recall", "predicted", "true", "seen"):
        # Rich would rather cut the short columns than the long: a figure must never lose its digits.
        result.add_column(heading, justify="right", no_wrap=True, min_width=max(len(heading), 5))
    for name, score in sorted(whole.per_class.items(), key=lambda item: _worst_first(item[1])):
        _add(result, name, score, None)
    result.add_section()
    for name, part in comparison.kinds.items():
        _add(result, name, part.occupancy, part.miou)
    result.add_section()
    _add(result, "all", whole.occupancy, whole.miou, style="bold")
    left_out = [
        f"{sum(map(len, frames.values()))} only in the {side}"
        for side, frames in (("store", comparison.only_in_store), ("reference", comparison.only_in_reference))
        if frames
    ]
    said = [_space(comparison.space)] if comparison.space.free else []
    if left_out:
        said.append(f"key frames not compared: {', '.join(left_out)}")
    result.caption = "; ".join(said) or None
    return result


def _space(space: Space) -> str:
    """``called free and free: 0.998; unknown: 0.77 of all``."""
    return (
        f"called free and free: {space.free_right / space.free:.4f}; unknown: {space.unknown / space.voxels:.2f} of all"
    )


def _worst_first(score: ClassScore) -> tuple[bool, float]:
    """Classes without anything to judge come last."""
    return score.iou is None, score.iou or 0.0


def _add(result: Table, name: str, score: ClassScore, miou: float | None, style: str | None = None) -> None:
    ratios = (_ratio(score.iou), _ratio(miou), _ratio(score.precision), _ratio(score.recall))
    counts = (_count(n) for n in (score.predicted, score.true, score.seen))
    result.add_row(name.replace("_", " "), *ratios, *counts, style=style)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _count(number: int) -> str:
    """Short enough for eight columns in a narrow terminal; the JSON has every digit."""
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1e3:,.0f} k" if number < 10_000_000 else f"{number / 1e6:,.0f} M"
