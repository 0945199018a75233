"""Labels that can be compared: a store's, a published format's, the exact truth of a simulated log."""

from __future__ import annotations

from pathlib import Path

from ...schemas.errors import UsageError
from ...schemas.occupancy import SurfaceOccupancy
from ..published import FORMATS
from ..store.layout import SUFFIX
from ..store.store import Store
from .published import PublishedLabels
from .side import BODIES, MASKS, Bool, Expected, FrameName, Side, Told, UInt8
from .stored import StoredLabels
from .true import TrueFrame, TrueLabels, TruthLike

TRUTH = "truth"


def side_named(text: str, product: type[SurfaceOccupancy] | None = None, option: str = "--product") -> Side:
    """What a user names: ``NAME.zarr``, ``truth:DIR`` or ``FORMAT:DIR``. Raises UsageError.

    ``product``: which labels of a store, as ``option`` asks for.
    """
    kind, _, place = text.partition(":")
    folder = Path(place).expanduser()
    if kind in (TRUTH, *FORMATS) and place:
        if product is not None:
            raise UsageError(
                f"{option} names labels of a store", found=text, fix=f"leave it out: {kind}:DIR has no others"
            )
        return TrueLabels.of(folder) if kind == TRUTH else PublishedLabels(kind, folder)
    if Path(text).suffix != SUFFIX:
        raise UsageError(
            "no such labels", found=text, expected=f"NAME{SUFFIX}, {TRUTH}:DIR, the folder of a sample log, or FORMAT:DIR, FORMAT one of {', '.join(FORMATS)}",
            fix="name one of these",
        )  # fmt: skip
    return StoredLabels(Store.open(Path(text)), product)


__all__ = [
    "BODIES",
    "MASKS",
    "Bool",
    "Expected",
    "FrameName",
    "PublishedLabels",
    "Side",
    "StoredLabels",
    "Told",
    "TrueFrame",
    "TrueLabels",
    "TruthLike",
    "UInt8",
    "side_named",
]
