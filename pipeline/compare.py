"""Measures a store's labels against a reference: ``occ-pipeline compare``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from ..schemas.errors import UsageError
from ..schemas.occupancy import Body, State, SurfaceOccupancy
from ..schemas.product import ProductReader
from ..schemas.taxonomy import NO_LABEL, TAXONOMIES
from .comparison import Comparison, table
from .current import current_labels, first_labels, grid_of, one_of, refuse_unnamed
from .reference import TrueFrame, TruthLike, parse_reference
from .scores import Predicted, Score, Space, Tally
from .store.index import read_index
from .store.reader import StoredProduct
from .store.store import Store

__all__ = ["Comparison", "TrueFrame", "TruthLike", "compare_with_truth", "parse_reference", "table"]

_WHOLE = "whole"
_KINDS = ("static", "moving_rigid", "deforming")
_Tokens = Mapping[str, Sequence[str]]
"""Scene to its key frames."""


def compare_with_truth(
    store: Store,
    truth: TruthLike,
    scenes: Collection[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    product: type[SurfaceOccupancy] | None = None,
) -> Comparison:
    """Counts voxels over all key frames that both sides have; ratios are made of the sums.

    ``product``: which voxel labels; None for the most refined of each scene. ``scenes``: None for all of either side. ``progress`` gets key frames done and key frames in all. Raises UsageError for
    a scene that neither side has, and when no key frame is common; VerificationError for a damaged store.
    """
    readers = _readers(store, product)
    known = sorted({*readers, *truth.scenes})
    for name in scenes or ():
        if name not in known:
            raise UsageError("no such scene", scene=name, expected=one_of(known), fix="correct --scenes")
    wanted = [name for name in known if scenes is None or name in scenes]
    stored = {name: list(readers[name].attribute("frame_tokens")) for name in wanted if name in readers}
    true = {name: list(truth.frame_tokens(name)) for name in wanted if name in truth.scenes}
    common = [(name, token) for name, tokens in stored.items() for token in tokens if token in true.get(name, ())]
    if not common:
        raise UsageError(
            "the store and the reference have no key frame in common",
            found=f"{_counted(stored)} in the store, {_counted(true)} in the reference",
            fix="compare with the log that the store was made from",
        )
    classes = TAXONOMIES[store.identity.taxonomy].classes
    tallies: dict[str, dict[str, Tally]] = {}
    space = Space()
    for done, (name, token) in enumerate(common, start=1):
        facts = truth.frame(name, token, grid_of(readers[name]))
        row = stored[name].index(token)
        frame = _tallies(readers[name], row, facts, len(classes))
        space += Space.of(readers[name].rows("state", row, row + 1)[0], facts.semantics)
        before = tallies.get(name)
        tallies[name] = {kind: before[kind] + new for kind, new in frame.items()} if before else frame
        if progress is not None:
            progress(done, len(common))
    sums = {kind: sum((of[kind] for of in tallies.values()), Tally.none(len(classes))) for kind in (_WHOLE, *_KINDS)}
    return Comparison(
        whole=Score.of(sums[_WHOLE], classes),
        kinds={kind: Score.of(sums[kind], classes) for kind in _KINDS},
        space=space,
        fingerprints={name: readers[name].manifest.fingerprint[:16] for name in tallies},
        products=tuple(sorted({readers[name].product.name for name in tallies})),
        scenes={name: Score.of(of[_WHOLE], classes) for name, of in tallies.items()},
        only_in_store=_without(stored, true),
        only_in_reference=_without(true, stored),
    )


def _readers(store: Store, product: type[SurfaceOccupancy] | None) -> dict[str, StoredProduct]:
    """Current labels of every scene that has some."""
    index = read_index(store)
    found = {
        name: current_labels(store, index, name, product)
        for name, entry in index.scenes.items()
        if (product or first_labels(entry.products) or SurfaceOccupancy).name in entry.products
    }
    if not found and product is None:
        refuse_unnamed(index)
    return found


def _tallies(labels: ProductReader, row: int, true: TrueFrame, classes: int) -> dict[str, Tally]:
    """Of one key frame: the whole, and each kind of body."""
    state, semantics, body = (labels.rows(name, row, row + 1)[0] for name in ("state", "semantics", "body"))
    occupied = state == State.OCCUPIED
    parts = (
        (_WHOLE, None, true.semantics, true.seen),
        ("static", Body.STATIC, true.static, true.seen_static),
        ("moving_rigid", Body.RIGID, true.rigid, true.seen_rigid),
        ("deforming", Body.DEFORMING, true.deforming, true.seen_deforming),
    )
    result: dict[str, Tally] = {}
    for name, kind, true_classes, seen in parts:
        claimed = occupied if kind is None else occupied & (body == kind)
        # Empty space is most of a grid, and counts nowhere.
        matters = claimed | (true_classes != NO_LABEL)
        predicted = Predicted(
            occupied=occupied[matters],
            claimed=claimed[matters],
            classes=np.where(occupied, semantics, np.uint8(NO_LABEL))[matters],
        )
        result[name] = Tally.of(predicted, true_classes[matters], seen[matters], classes)
    return result


def _without(one: _Tokens, other: _Tokens) -> dict[str, tuple[str, ...]]:
    """Key frames of one side that the other lacks, by scene."""
    lacking = {name: tuple(t for t in tokens if t not in other.get(name, ())) for name, tokens in one.items()}
    return {name: tokens for name, tokens in lacking.items() if tokens}


def _counted(tokens: _Tokens) -> str:
    """``41 key frames of scene-0001``."""
    return f"{sum(map(len, tokens.values()))} key frames of {', '.join(tokens) or 'no scene'}"
