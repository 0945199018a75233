"""One scene's training targets, read from the store key frame by key frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import UsageError
from ...schemas.grid import VoxelGrid
from ...schemas.sensor_frames import SensorFrames
from ..current import current_product, grid_of, how_to_make
from ..store.index import Index
from ..store.reader import StoredProduct
from ..store.store import Store
from .sensor_inputs import SceneInputs
from .wanted import Wanted


class SceneTargets:
    """Reads a scene's current products. Raises UsageError where one is missing, or not made from the labels read beside it."""

    def __init__(self, store: Store, index: Index, scene: str, wanted: Wanted) -> None:
        self._arrays = wanted.arrays
        self._labels = current_product(store, index, scene, wanted.labels)
        self._offsets = current_product(store, index, scene, wanted.offsets) if wanted.offsets else None
        inputs = current_product(store, index, scene, SensorFrames) if wanted.inputs.any else None
        for product in filter(None, (self._labels, self._offsets, inputs)):
            check_frames(product, scene, index.scenes[scene].frames)
        if self._offsets is not None:
            _check_made_from(self._offsets, self._labels, scene)
        self.grid: VoxelGrid = grid_of(self._labels)
        self.world_SE3_grid: NDArray[np.float64] = self._labels.read("world_SE3_grid")
        try:
            self.inputs = SceneInputs(inputs, wanted.inputs, self.grid, self.world_SE3_grid) if inputs else None
        except UsageError as error:
            error.scene = scene
            raise

    @property
    def every(self) -> int:
        """Voxels between samples of the offsets, 1 where there are none."""
        return 1 if self._offsets is None else self._offsets.attribute("every")

    def voxels(self, row: int) -> dict[str, NDArray[np.uint8]]:
        """Arrays (X, Y, Z) uint8 of a key frame's labels, by name. Raises VerificationError for damaged files."""
        return {name: self._labels.rows(name, row, row + 1)[0] for name in self._arrays}

    def offsets(self, row: int) -> NDArray[np.uint16] | None:
        """(6, X, Y, Z) uint16, None where none are wanted. Raises VerificationError for damaged files."""
        return None if self._offsets is None else self._offsets.rows("offsets", row, row + 1)[0]


def check_frames(product: StoredProduct, scene: str, frames: Sequence[str]) -> None:
    """Raises UsageError where a product is of other key frames than ``frames``, the index's."""
    found = product.attribute("frame_tokens")
    if found != list(frames):
        raise UsageError(
            f"{product.product.name} is of other key frames than the store's index", scene=scene,
            found=f"{len(found)} key frames", expected=f"{len(frames)} key frames", fix=f"{how_to_make(product.product.name)} again",
        )  # fmt: skip


def _check_made_from(made: StoredProduct, labels: StoredProduct, scene: str) -> None:
    """Raises UsageError unless a product was made from these labels, or from what these were made from."""
    name = made.attribute("labels")
    known = {**labels.manifest.provenance.inputs, labels.product.name: labels.manifest.fingerprint}
    found = made.manifest.provenance.inputs.get(name)
    if found is None or known.get(name) != found:
        raise UsageError(
            f"{made.product.name} were not made from these {labels.product.name}", scene=scene,
            found=f"made from {name} {(found or 'unknown')[:16]}",
            expected=f"{labels.product.name} {labels.manifest.fingerprint[:16]}",
            fix=f"run the stage that makes {made.product.name} with product={labels.product.name}",
        )  # fmt: skip
