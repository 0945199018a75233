"""What ``occ-pipeline compare`` found, as tables for a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from .compare_bands import limits_words
from .compare_counts import LeftOut, Space
from .comparison import Comparison
from .scores import ClassScore


def table(comparison: Comparison) -> Table:
    """Classes with the worst IoU first, then the kinds of body, then the whole."""
    whole = comparison.whole
    said = f"{comparison.labels} against {comparison.reference}"
    result = _table(f"{said}: {whole.frames} key frames of {len(comparison.scenes)} scenes", comparison)
    for name, score in sorted(whole.per_class.items(), key=lambda item: _worst_first(item[1])):
        _add(result, comparison, name, score, None)
    result.add_section()
    for name, part in comparison.kinds.items():
        _add(result, comparison, name, part.occupancy, part.miou)
    result.add_section()
    _add(result, comparison, "all", whole.occupancy, whole.miou, style="bold")
    result.caption = "; ".join(_caption(comparison)) or None
    return result


def bands_table(comparison: Comparison, kind: str) -> Table:
    """By distance or by height, from near and low on."""
    title = {"distance": "by horizontal distance from the grid's origin", "height": "by height in the grid's frame"}
    result = _table(title[kind], comparison)
    for band in comparison.bands[kind]:
        _add(result, comparison, limits_words(band.limits), band.score.occupancy, band.score.miou)
    return result


def _table(title: str, comparison: Comparison) -> Table:
    result = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    result.add_column("", no_wrap=True)
    # Of labels, all that is true is to be found.
    numbers = ("predicted", "true", "seen") if comparison.exact else ("predicted", "true")
    for heading in ("IoU", "mIoU", "precision", "recall", *numbers):
        # Rich would rather cut the short columns than the long: a figure must never lose its digits.
        result.add_column(heading, justify="right", no_wrap=True, min_width=max(len(heading), 5))
    return result


def _caption(comparison: Comparison) -> list[str]:
    said = [_space(comparison.space)] if comparison.space.free else []
    if comparison.mask is not None:
        said.append(f"inside the mask {comparison.mask}")
    said += _left_out(comparison.left_out, exact=comparison.exact)
    sides = ((comparison.labels, comparison.only_in_store), (comparison.reference, comparison.only_in_reference))
    alone = [f"{sum(map(len, frames.values()))} only in {side}" for side, frames in sides if frames]
    if alone:
        said.append(f"key frames not compared: {', '.join(alone)}")
    return [*said, *comparison.remarks]


def _left_out(left_out: LeftOut, *, exact: bool) -> list[str]:
    """``voxels left out: 12 k outside the mask, 3,000 unknown to the reference``."""
    judged = left_out.unlabelled_judged
    reasons = (
        (left_out.outside, "outside the mask"), (left_out.unknown, "unknown to the reference"),
        (0 if judged else left_out.unlabelled, "without a class there"),
    )  # fmt: skip
    told = ", ".join(f"{_count(number)} {reason}" for number, reason in reasons if number)
    said = [f"voxels left out: {told}"] if told else []
    # What a truth gives no class is none of the classes: to predict one there is an error.
    if judged and left_out.unlabelled and not exact:
        said.append(f"{_count(left_out.unlabelled)} without a class in the reference are judged as occupied alone")
    return said


def _space(space: Space) -> str:
    """``called free and free: 0.998; unknown: 0.77 of all``."""
    return (
        f"called free and free: {space.free_right / space.free:.4f}; unknown: {space.unknown / space.voxels:.2f} of all"
    )


def _worst_first(score: ClassScore) -> tuple[bool, float]:
    """Classes without anything to judge come last."""
    return score.iou is None, score.iou or 0.0


def _add(
    result: Table, comparison: Comparison, name: str, score: ClassScore, miou: float | None, style: str | None = None
) -> None:
    ratios = (_ratio(score.iou), _ratio(miou), _ratio(score.precision), _ratio(score.recall))
    numbers = (score.predicted, score.true, score.seen)
    counts = (_count(n) for n in (numbers if comparison.exact else numbers[:2]))
    result.add_row(name.replace("_", " "), *ratios, *counts, style=style)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _count(number: int) -> str:
    """Short enough for eight columns in a narrow terminal; the JSON has every digit."""
    if number < 10_000:
        return f"{number:,}"
    if number < 1_000_000:
        return f"{number / 1e3:,.0f} k"
    return f"{number / 1e6:,.1f} M" if number < 10_000_000 else f"{number / 1e6:,.0f} M"
