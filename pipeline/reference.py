"""What labels are measured against: the kinds of reference that ``compare`` understands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..schemas.errors import UsageError
from ..schemas.grid import VoxelGrid

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


class TrueFrame(Protocol):
    """What is true in one key frame; (X, Y, Z) each. Class ids are uint8, 255 where there is no surface; ``seen`` is bool."""

    @property
    def semantics(self) -> UInt8: ...
    @property
    def static(self) -> UInt8: ...
    @property
    def rigid(self) -> UInt8: ...
    @property
    def deforming(self) -> UInt8: ...
    @property
    def seen(self) -> Bool: ...
    @property
    def seen_static(self) -> Bool: ...
    @property
    def seen_rigid(self) -> Bool: ...
    @property
    def seen_deforming(self) -> Bool: ...


class TruthLike(Protocol):
    """A reference that knows what is true, as the sample log's does."""

    @property
    def scenes(self) -> Sequence[str]:
        """Names of its scenes."""
        ...

    def frame_tokens(self, scene: str, /) -> Sequence[str]:
        """Key frames of a scene, in order of time."""
        ...

    def frame(self, scene: str, token: str, grid: VoxelGrid, /) -> TrueFrame:
        """What is true in a key frame, on any grid."""
        ...


def parse_reference(text: str) -> Path:
    """The folder that ``truth:DIR`` names: a sample log, with its truth beside it.

    Raises UsageError for other kinds of reference, and for a folder that is not there.
    """
    kind, colon, place = text.partition(":")
    if kind != "truth" or not colon or not place:
        raise UsageError("no such reference", found=text, expected="truth:DIR, the folder of a sample log")
    if not Path(place).is_dir():
        raise UsageError(
            "the reference is not there", file=place, found="no such folder", fix="make it with occ-pipeline sample"
        )
    return Path(place)
