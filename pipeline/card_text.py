"""The data card as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def markdown(card: Mapping[str, Any]) -> str:
    """What :func:`~.card.card` tells, for people."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: Mapping[str, Any]) -> Iterator[str]:
    source = card["source"]
    simulated = " layout, simulated" if card["synthetic"] else ""
    yield f"# {card['store']}"
    yield ""
    if card["synthetic"]:
        yield "**SYNTHETIC: made from simulated logs. Not a recording of any real place.**"
        yield ""
    yield from _table(
        ("", ""),
        [
            ("source", f"{source['dataset']} {', '.join(source['releases'])}{simulated}"),
            ("licence of the source", source["licence"]),
            ("scenes", f"{card['scenes']:,} ({', '.join(f'{name}: {n}' for name, n in card['splits'].items())})"),
            ("key frames", f"{card['key_frames']:,}"),
            ("classes", card["taxonomy"]),
            ("size", f"{card['bytes'] / 2**20:,.1f} MiB in current products"),
        ],
    )
    for labels in card["labels"]:
        yield from _labels(labels)
    yield from ("", "## Unknown", "", card["unknown"])
    yield from ("", "## Quality", "")
    yield from _quality(card["quality"])
    yield from _settings(card["settings"])
    yield from ("", "## Versions", "")
    versions = card["versions"]
    libraries = [(name, ", ".join(found)) for name, found in versions["libraries"].items()]
    written = ("occ-pipeline (this card)", versions["occ-pipeline"])
    yield from _table(("", ""), [written, ("surfaces by", versions["back end"]), *libraries])


def _labels(labels: Mapping[str, Any]) -> Iterator[str]:
    grid, counts = labels["grid"], labels["counts"]
    shape, corner = " x ".join(map(str, grid["shape"])), ", ".join(f"{n:g}" for n in grid["min_m"])
    yield from ("", f"## Labels: {shape} voxels of {grid['voxel_m']:g} m", "")
    yield f"Lower corner ({corner}) m in the {grid['frame']} frame; {_many(labels['key_frames'], 'key frame')} of {_many(labels['scenes'], 'scene')}."
    occupied = counts["states"]["occupied"]
    whole = sum(counts["states"].values())
    yield ""
    yield from _table(("state", "voxels", "share"), _shares(counts["states"], whole))
    yield ""
    yield from _table(("body", "voxels", "of occupied"), _shares(counts["bodies"], occupied))
    yield ""
    present = {name: n for name, n in sorted(counts["classes"].items(), key=lambda item: -item[1]) if n}
    yield from _table(("class", "voxels", "of occupied"), _shares(present, occupied))
    absent = [name for name, n in counts["classes"].items() if not n]
    if absent:
        yield from ("", f"No voxel: {', '.join(absent)}.")


def _quality(quality: Mapping[str, Any] | None) -> Iterator[str]:
    if quality is None:
        yield "None measured."
        return
    yield f"Against {quality.get('reference', 'a reference')}, {quality['frames']:,} key frames."
    yield ""
    kinds = [name for name in ("static", "moving_rigid", "deforming") if name in quality]
    rows = [(name.replace("_", " "), _ratio(quality[name]["iou"]), _ratio(quality[name]["miou"])) for name in kinds]
    yield from _table(("", "IoU", "mIoU"), [("all", _ratio(quality["iou"]), _ratio(quality["miou"])), *rows])
    yield ""
    scores = sorted(quality["per_class"].items(), key=lambda item: (item[1]["iou"] is None, item[1]["iou"] or 0.0))
    yield from _table(
        ("class", "IoU", "precision", "recall"),
        [(name, _ratio(s["iou"]), _ratio(s["precision"]), _ratio(s["recall"])) for name, s in scores],
    )


def _settings(settings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for stage in settings:
        yield from ("", f"## Settings of {stage['stage']} ({_many(stage['scenes'], 'scene')})", "")
        rows = [(f"`{name}`", _plain(p["value"]), p["help"]) for name, p in stage["parameters"].items()]
        yield from _table(("parameter", "value", "what it is"), rows)


def _shares(counts: Mapping[str, int], whole: int) -> list[tuple[str, str, str]]:
    return [(name, f"{n:,}", f"{100 * n / whole:.2f} %" if whole else "") for name, n in counts.items()]


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heading)} |"
    yield "|" + "---|" * len(heading)
    for row in rows:
        yield f"| {' | '.join(' '.join(str(cell).split()).replace('|', chr(92) + '|') for cell in row)} |"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items())  # type: ignore[reportUnknownVariableType]
    return str(value)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
