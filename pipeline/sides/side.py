"""The contract of labels that can be compared: what they say of a key frame, as the judged and as the judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import VoxelGrid
from ...schemas.occupancy import Body, State
from ...schemas.taxonomy import NO_LABEL
from ..scores import UNCLASSED
from ..sources import LabelSource

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
FrameName = tuple[str, str]
"""Scene and key frame."""
MASKS: Mapping[str, str] = MappingProxyType(
    {
        "lidar": "what the LiDAR observed",
        "camera": "what a camera observed",
        "boxes": "the boxes of tracked objects",
    }
)
"""Names of the masks that voxels can be judged inside of, and what lies there."""
BODIES: Mapping[str, Body] = MappingProxyType(
    {"static": Body.STATIC, "moving_rigid": Body.RIGID, "deforming": Body.DEFORMING}
)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What labels say of one key frame; (X, Y, Z) each."""

    state: UInt8
    """uint8: :class:`State`."""
    semantics: UInt8
    """uint8: class id where occupied, 255 where it has none, and of no meaning elsewhere."""
    body: UInt8 | None
    """uint8 :class:`Body`; None where the labels do not tell what moves."""
    inside: Bool | None = None
    """bool: the mask that was asked for; None where none was."""

    def mapped(self, ids: UInt8) -> Told:
        """With other class ids: ``ids`` (256,) uint8 by the present ones."""
        return replace(self, semantics=ids[self.semantics])


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a reference wants of one key frame; (X, Y, Z) each."""

    true: UInt8
    """uint8: class id where occupied, :data:`UNCLASSED` where it has none, 255 where nothing is."""
    seen: Bool
    """bool: what is missed if it is not predicted, a part of what is occupied."""
    known: Bool | None = None
    """bool: where the reference knows what is there; None for everywhere."""
    kinds: Mapping[str, tuple[UInt8, Bool]] = field(default_factory=dict[str, tuple[UInt8, Bool]])
    """The first two by kind of body, keys as :data:`BODIES`; empty where the reference does not tell what moves."""
    inside: Bool | None = None
    """bool: the mask that was asked for; None where none was."""

    @classmethod
    def of(cls, told: Told) -> Expected:
        """From labels: they are as good as a truth where they know anything."""
        occupied = told.state == State.OCCUPIED
        classes = np.where(told.semantics == NO_LABEL, np.uint8(UNCLASSED), told.semantics)
        true = np.where(occupied, classes, np.uint8(NO_LABEL))
        kinds: dict[str, tuple[UInt8, Bool]] = {}
        for name, body in BODIES.items() if told.body is not None else ():
            mine = occupied & (told.body == body)
            kinds[name] = (np.where(mine, true, np.uint8(NO_LABEL)), mine)
        known = told.state != State.UNKNOWN
        return cls(true=true, seen=occupied, known=known, kinds=kinds, inside=told.inside)

    def mapped(self, ids: UInt8) -> Expected:
        """With other class ids: ``ids`` (256,) uint8 by the present ones."""
        table = np.where(ids == NO_LABEL, np.uint8(UNCLASSED), ids)
        table[NO_LABEL] = NO_LABEL
        kinds = {name: (table[true], seen) for name, (true, seen) in self.kinds.items()}
        return replace(self, true=table[self.true], kinds=kinds)


class Side(Protocol):
    """Voxel labels of scenes, wherever they come from."""

    @property
    def words(self) -> str:
        """What they are called in a sentence: ``carved_occupancy of labels.zarr``."""
        ...

    @property
    def products(self) -> tuple[str, ...]:
        """What kinds of labels they are: products' names, a format's."""
        ...

    @property
    def taxonomy(self) -> str:
        """Name of the taxonomy of their class ids."""
        ...

    @property
    def form(self) -> type[LabelSource] | None:
        """The published format that their key frames are named by; None for a log's own names."""
        ...

    @property
    def exact(self) -> bool:
        """Whether they tell what of the truth any sweep saw: as a reference, nothing else is missed where it is not predicted."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know of the figures."""
        ...

    @property
    def scenes(self) -> Sequence[str]: ...

    def tokens(self, scene: str) -> Sequence[str]:
        """Key frames of a scene, in order of time. Raises InputError."""
        ...

    def names_in(self, form: type[LabelSource], scene: str) -> Sequence[FrameName]:
        """The same key frames as files of a published format name them. Raises UsageError, InputError."""
        ...

    def grid(self, scene: str) -> VoxelGrid | None:
        """None where they can be had on any."""
        ...

    def masks(self, scene: str) -> Sequence[str]:
        """Names of the masks there are, of :data:`MASKS`."""
        ...

    def fingerprint(self, scene: str) -> str | None:
        """Of a store's product, its first 16 digits."""
        ...

    def told(self, scene: str, row: int, grid: VoxelGrid, mask: str | None) -> Told:
        """What they say of a key frame. ``mask``: one of :meth:`masks`. Raises InputError, VerificationError."""
        ...

    def expected(self, scene: str, row: int, grid: VoxelGrid, mask: str | None) -> Expected:
        """What they want of it, as a reference."""
        ...

    def grid_SE3_ego(self, scene: str, row: int) -> NDArray[np.float64] | None:
        """(4, 4) float64: where the ego vehicle stands; None where that is not told."""
        ...
