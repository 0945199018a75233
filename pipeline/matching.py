"""Key frames that two sides have in common, whatever each calls them, and whether their voxels can be compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..schemas.errors import UsageError
from ..schemas.grid import VoxelGrid
from ..schemas.taxonomy import TAXONOMIES, Taxonomy
from .current import one_of
from .exports.sscbench import CLASS_IDS
from .sides import FrameName, Side, UInt8
from .sources import LabelSource

FrameRow = tuple[str, int]
"""Scene, and row among its key frames."""
Tokens = Mapping[str, tuple[str, ...]]
"""Scene to key frames."""


@dataclass(frozen=True)
class Pair:
    """One key frame: scene, token and row among the scene's key frames, of both sides."""

    scene: str
    token: str
    row: int
    reference_scene: str
    reference_row: int


@dataclass(frozen=True)
class Matched:
    """What of two sides can be compared."""

    labels: Side
    reference: Side
    pairs: tuple[Pair, ...]
    """Sorted by scene, then in order of time."""
    only_in_labels: Tokens
    """By the side's own names."""
    only_in_reference: Tokens
    taxonomy: Taxonomy
    """The reference's, unless its classes are those that are mapped."""
    maps: tuple[UInt8 | None, UInt8 | None]
    """(256,) uint8 class ids of the taxonomy by those of the labels, and of the reference; None where they are the same."""

    def grid(self, pair: Pair) -> VoxelGrid:
        """Of both. Raises UsageError where they differ, naming both, and where neither side has one."""
        mine, other = self.labels.grid(pair.scene), self.reference.grid(pair.reference_scene)
        grid = mine or other
        assert grid is not None
        if mine is not None and other is not None and mine != other:
            raise _other_grids(self.labels, self.reference, [mine], [other], pair.scene)
        return grid


def match(labels: Side, reference: Side, scenes: Collection[str] | None = None) -> Matched:
    """Finds common key frames. ``scenes``: by the names of either side, None for all.

    Raises UsageError for a scene that neither side has, for classes that cannot be mapped and grids that differ, and where there
    is nothing in common; InputError for what is broken.
    """
    taxonomy, maps = _one_taxonomy(labels, reference)
    known = sorted({*labels.scenes, *reference.scenes})
    for name in scenes or ():
        if name not in known:
            raise UsageError("no such scene", scene=name, expected=one_of(known), fix="correct --scenes")
    _refuse_other_grids(labels, reference)
    form = reference.form or labels.form
    mine, others = _chosen(labels, form, scenes), _chosen(reference, form, scenes)
    places = {key: (name, row) for name, keys in others.items() for row, key in enumerate(keys)}
    pairs = [
        Pair(name, labels.tokens(name)[row], row, *places[key])
        for name, keys in mine.items() for row, key in enumerate(keys) if key in places
    ]  # fmt: skip
    if not pairs:
        raise UsageError(
            "the two have no key frame in common",
            found=f"{_counted(mine)} in {labels.words}, {_counted(others)} in {reference.words}",
            fix="compare labels of the same log",
        )
    here, there = {(p.scene, p.row) for p in pairs}, {(p.reference_scene, p.reference_row) for p in pairs}
    return Matched(
        labels, reference, tuple(pairs), _without(labels, mine, here, scenes), _without(reference, others, there, scenes),
        taxonomy, maps,
    )  # fmt: skip


Names = Mapping[str, Sequence[FrameName]]
"""A side's scene to what its key frames are matched by."""


def _chosen(side: Side, form: type[LabelSource] | None, scenes: Collection[str] | None) -> Names:
    """Names of a side's key frames by its scenes, sorted; ``form``: the published format that names them."""
    # Where drives stand for scenes on one side, the other's names choose.
    foreign = form is not None and scenes is not None and not set(scenes) & set(side.scenes)
    chosen = [name for name in sorted(side.scenes) if scenes is None or foreign or name in scenes]
    if form is None:
        return {name: [(name, token) for token in side.tokens(name)] for name in chosen}
    return {name: side.names_in(form, name) for name in chosen}


def _one_taxonomy(labels: Side, reference: Side) -> tuple[Taxonomy, tuple[UInt8 | None, UInt8 | None]]:
    one, other = labels.taxonomy, reference.taxonomy
    if one == other:
        return TAXONOMIES[one], (None, None)
    if (one, other) in CLASS_IDS:
        return TAXONOMIES[other], (CLASS_IDS[one, other], None)
    if (other, one) in CLASS_IDS:
        return TAXONOMIES[one], (None, CLASS_IDS[other, one])
    raise UsageError(
        "the two have classes that nothing maps to each other", found=f"{one} of {labels.words}",
        expected=f"{other}, as {reference.words}", fix="compare labels of the same dataset",
    )  # fmt: skip


def _refuse_other_grids(labels: Side, reference: Side) -> None:
    """Raises UsageError where no scene of one side has a grid of the other: names would not match either."""
    one, other = ({side.grid(name) for name in side.scenes} for side in (labels, reference))
    if one == {None} and other == {None}:
        raise UsageError(
            "a truth has no grid of its own", found=f"{labels.words} on both sides", expected="labels on a grid on one of them",
            fix="compare the truth with a store, or with published labels",
        )  # fmt: skip
    if one and other and None not in one | other and not one & other:
        raise _other_grids(labels, reference, one, other)


def _other_grids(
    labels: Side, reference: Side, mine: Collection[VoxelGrid | None], others: Collection[VoxelGrid | None],
    scene: str | None = None,
) -> UsageError:  # fmt: skip
    one, other = (" and ".join(sorted(grid.words for grid in grids if grid)) for grids in (mine, others))
    # Published labels lie where they lie.
    fixed = next(grid.text for grid in (mine if labels.form is not None else others) if grid)
    return UsageError(
        "the two lie on different grids", scene=scene, found=f"{one} of {labels.words}",
        expected=f"{other}, as {reference.words}", fix=f"make the others on that grid too, as occ-pipeline run visibility --grid {fixed}",
    )  # fmt: skip


def _without(side: Side, names: Names, matched: Collection[FrameRow], scenes: Collection[str] | None) -> Tokens:
    """Key frames of one side that the other lacks, by scene: of the scenes chosen, or met where the other's names chose."""
    met = {name for name, _ in matched}
    asked = [name for name in names if scenes is None or name in scenes or name in met]
    lacking = {
        name: tuple(token for row, token in enumerate(side.tokens(name)) if (name, row) not in matched)
        for name in asked
    }  # fmt: skip
    return {name: tokens for name, tokens in lacking.items() if tokens}


def _counted(names: Names) -> str:
    """``41 key frames of scene-0001``."""
    return f"{sum(map(len, names.values()))} key frames of {', '.join(list(names)[:6]) or 'no scene'}"
