"""What a stage sees of a scene, read from the store and the log when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..schemas.cameras import CameraTables
from ..schemas.moving_objects import MovingObjects, with_moving_objects
from ..schemas.product import Array, InMemory, Product, ProductReader, load
from ..schemas.reference_labels import ReferenceLabels
from ..schemas.refined_poses import RefinedPoses, refined_cameras, refined_tables
from ..schemas.scene import SceneTables, SweepPoints
from ..schemas.taxonomy import TAXONOMIES
from .sources import STORED_FORMATS, read_image, read_image_labels, read_sweep
from .spill import SpillFile
from .store.store import Store

_SMALL_BYTES = 4 << 20


@dataclass(frozen=True)
class SceneAddress:
    """Where a scene's log and products lie: small, picklable, hashable."""

    store: Store
    data_root: Path
    scene: str
    fingerprints: tuple[tuple[type[Product], str], ...]
    """Products that may be read, with their fingerprints."""


class StoredScene:
    """A scene whose products come from the store, and whose sweeps and 2D labels come from the data root.

    Where :class:`RefinedPoses` may be read, poses, boxes and cameras are refined by them; where :class:`MovingObjects` may be,
    their tracks stand after the log's own.
    """

    def __init__(self, address: SceneAddress) -> None:
        self._address = address
        self._fingerprints: Mapping[type[Product], str] = dict(address.fingerprints)
        self._readers: dict[type[Product], ProductReader] = {}

    @property
    def tables(self) -> SceneTables:
        """Poses, key frames, tracks."""
        return self._tables

    @cached_property
    def _tables(self) -> SceneTables:
        tables = load(SceneTables, self.product(SceneTables))
        if self._refined is not None:
            tables = refined_tables(tables, self._refined)
        if MovingObjects in self._fingerprints:
            tables = with_moving_objects(tables, load(MovingObjects, self.product(MovingObjects)))
        return tables

    @cached_property
    def _refined(self) -> RefinedPoses | None:
        """Refined poses, for a stage that reads them."""
        return load(RefinedPoses, self.product(RefinedPoses)) if RefinedPoses in self._fingerprints else None

    def sweep(self, index: int) -> SweepPoints:
        """One sweep's points. Raises InputError if its files are not what they should be."""
        return read_sweep(self._address.data_root, self.tables, index)

    def image_labels(self, folder: str, frame: int, camera: int) -> NDArray[np.uint8]:
        """One image's 2D labels. Raises InputError if their file is not what it should be."""
        classes = len(TAXONOMIES[self.tables.taxonomy].classes)
        return read_image_labels(self._address.data_root, self.product(CameraTables), folder, frame, camera, classes)

    def image(self, frame: int, camera: int) -> bytes:
        """A key frame's encoded image. Raises InputError if its file is not what it should be."""
        return read_image(self._address.data_root, self.product(CameraTables), frame, camera)

    def reference_labels(self, frame: int) -> ReferenceLabels:
        """A key frame's published voxel labels. Raises InputError if their file is not what it should be."""
        return STORED_FORMATS[self.tables.dataset].read(self._address.data_root, self.tables, frame)

    def product(self, product: type[Product]) -> ProductReader:
        """Read access to a committed product of this scene."""
        if product not in self._readers:
            stored = self._address.store.reader(self._address.scene, product, self._fingerprints[product])
            kept = _KeepsSmallArrays(stored)
            self._readers[product] = self._cameras(kept) if product is CameraTables else kept
        return self._readers[product]

    def spill(self, dtype: str, row: tuple[int, ...] = ()) -> SpillFile:
        """Room on the store's disk for rows that are made before they are written."""
        return SpillFile(self._address.store.scratch(self._address.scene), dtype, row)

    def _cameras(self, logged: ProductReader) -> ProductReader:
        if self._refined is None:
            return logged
        return InMemory(refined_cameras(load(CameraTables, logged), self.tables, self._refined))


class _KeepsSmallArrays:
    """A reader that reads a small array once: offsets and boxes are asked for again and again."""

    def __init__(self, reader: ProductReader) -> None:
        self._reader = reader
        self._kept: dict[str, Array] = {}

    def read(self, name: str) -> Array:
        if name in self._kept:
            return self._kept[name]
        value: Array = np.asarray(self._reader.read(name))
        if value.nbytes <= _SMALL_BYTES:
            value.setflags(write=False)
            self._kept[name] = value
        return value

    def rows(self, name: str, start: int, stop: int) -> Array:
        return self._reader.rows(name, start, stop)

    def attribute(self, name: str) -> Any:
        return self._reader.attribute(name)


@lru_cache(maxsize=2)
def open_scene(address: SceneAddress) -> StoredScene:
    """The scene at an address; a process keeps the last two open."""
    return StoredScene(address)
