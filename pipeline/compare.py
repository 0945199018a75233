"""Measures labels against others: ``occ-pipeline compare``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from ..schemas.errors import UsageError
from ..schemas.grid import VoxelGrid
from .compare_bands import KINDS, Bands, Limits
from .compare_counts import LeftOut, Space
from .comparison import BandScore, Comparison, FrameScore
from .judging import WHOLE, Asked, Judged, judge, mask_owner
from .matching import Matched, Pair
from .scores import ClassScore, Score, Tally
from .sides import BODIES

K = TypeVar("K")


def compare(
    matched: Matched, asked: Asked, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> Comparison:
    """Counts voxels over all key frames that both sides have; ratios are made of the sums.

    ``progress`` gets key frames done and key frames in all. Raises UsageError where nothing is left to judge, and what
    :func:`~.judging.judge` raises.
    """
    sums = _Sums(len(matched.taxonomy.classes))
    for done, pair in enumerate(matched.pairs, start=1):
        sums.add(pair, judge(matched, pair, asked))
        progress(done, len(matched.pairs))
    if not sums.space.voxels:
        raise UsageError(
            "no voxel is left to judge", found=f"{sums.left_out.outside:,} outside the mask, {sums.left_out.unknown:,} unknown to the reference",
            fix="choose another --mask, or other labels",
        )  # fmt: skip
    return _comparison(matched, sums, asked)


@dataclass
class _Sums:
    """What is added up over key frames."""

    classes: int
    scenes: dict[str, dict[str, Tally]] = field(default_factory=dict[str, dict[str, Tally]])
    """Scene to kind of body to counts."""
    bands: dict[str, dict[Limits, Tally]] = field(default_factory=dict[str, dict[Limits, Tally]])
    """Kind of band to its limits to counts."""
    space: Space = field(default_factory=Space)
    left_out: LeftOut = field(default_factory=LeftOut)
    frames: list[FrameScore] = field(default_factory=list[FrameScore])

    def add(self, pair: Pair, frame: Judged) -> None:
        """One key frame."""
        self.space += Space.of(frame.state, frame.true)
        self.left_out += frame.left_out
        bands = _bands(frame.grid)
        for kind, part in frame.parts():
            tally = Tally.of(part.predicted, part.true, part.seen, self.classes)
            _add(self.scenes.setdefault(pair.scene, {}), kind, tally)
            if kind != WHOLE:
                continue
            self.frames.append(FrameScore(pair, ClassScore.of(tally.counts[0]).iou))
            for name, band in bands.items():
                numbers = band.numbers[part.matters]
                for number, limits in enumerate(band.limits):
                    mine = numbers == number
                    counted = Tally.of(part.predicted.some(mine), part.true[mine], part.seen[mine], self.classes)
                    _add(self.bands.setdefault(name, {}), limits, counted)

    def total(self, kind: str) -> Tally | None:
        """Over all scenes; None where none tells of the kind."""
        found = [tallies[kind] for tallies in self.scenes.values() if kind in tallies]
        return sum(found, Tally.none(self.classes)) if found else None


def _add(sums: dict[K, Tally], key: K, tally: Tally) -> None:
    before = sums.get(key)
    sums[key] = tally if before is None else before + tally


@lru_cache(maxsize=4)
def _bands(grid: VoxelGrid) -> Mapping[str, Bands]:
    """Of a grid: most stores have one for all scenes."""
    return {name: make(grid) for name, make in KINDS.items()}


def _renamed(matched: Matched) -> tuple[str, ...]:
    """What to know where a log's key frames are matched with those of a format."""
    forms = (matched.labels.form, matched.reference.form)
    return tuple(form.renamed for form in forms if form is not None and form.renamed) if None in forms else ()


def _blind(space: Space) -> tuple[str, ...]:
    """What to know of a reference that does not tell what is free."""
    if space.empty:
        return ()
    return (
        "the reference calls no voxel free: what is predicted beyond its own voxels is not judged, so precision says nothing",
    )


def _comparison(matched: Matched, sums: _Sums, asked: Asked) -> Comparison:
    labels, reference = matched.labels, matched.reference

    def score(tally: Tally) -> Score:
        return Score.of(tally, matched.taxonomy.classes, predicted_only=not reference.exact)

    whole = sums.total(WHOLE)
    assert whole is not None
    owner = None if asked.mask is None else mask_owner(matched, matched.pairs[0], asked.mask)
    return Comparison(
        labels=labels.words,
        reference=reference.words,
        exact=reference.exact,
        mask=None if owner is None else f"{asked.mask} of {owner.words}",
        whole=score(whole),
        kinds={kind: score(tally) for kind in BODIES if (tally := sums.total(kind)) is not None},
        scenes={name: score(tallies[WHOLE]) for name, tallies in sums.scenes.items()},
        bands={
            name: tuple(BandScore(limits, score(tally)) for limits, tally in sorted(tallies.items()))
            for name, tallies in sums.bands.items()
        },
        frames=tuple(sums.frames),
        space=sums.space,
        left_out=sums.left_out,
        products=labels.products,
        fingerprints={name: found for name in sums.scenes if (found := labels.fingerprint(name)) is not None},
        only_in_store=matched.only_in_labels,
        only_in_reference=matched.only_in_reference,
        remarks=tuple(dict.fromkeys((*labels.remarks, *reference.remarks, *_renamed(matched), *_blind(sums.space)))),
    )
