"""A store's labels, to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import VoxelGrid
from ...schemas.object_clouds import ObjectClouds
from ...schemas.occupancy import CarvedOccupancy, PredictedOccupancy, ReferenceOccupancy, SurfaceOccupancy
from ...schemas.scene import SceneTables
from ...stages.boxed_voxels import in_boxes
from ..current import chosen_scenes, current_labels, current_product, grid_of, tables_behind
from ..sources import STORED_FORMATS, LabelSource
from ..store.index import read_index
from ..store.reader import StoredProduct
from ..store.store import Store
from .side import Bool, Expected, FrameName, Told


class StoredLabels:
    """The current voxel labels of every scene that has some: one product's, or the most refined of each. A :class:`Side`."""

    def __init__(self, store: Store, product: type[SurfaceOccupancy] | None = None) -> None:
        """Raises UsageError where no scene has labels, VerificationError for a damaged store."""
        self._store, self._index = store, read_index(store)
        self._labels = {
            name: current_labels(store, self._index, name, product)
            for name in chosen_scenes(store, self._index, None, product)
        }
        # A process may hold many scenes, and pairs of frames come scene by scene.
        self._tables = lru_cache(maxsize=1)(self._read_tables)

    @property
    def words(self) -> str:
        return f"{', '.join(self.products)} of {self._store.path.name}"

    @property
    def products(self) -> tuple[str, ...]:
        return tuple(sorted({labels.product.name for labels in self._labels.values()}))

    @property
    def taxonomy(self) -> str:
        return self._store.identity.taxonomy

    @property
    def form(self) -> type[LabelSource] | None:
        return STORED_FORMATS.get(self._store.identity.dataset)

    @property
    def exact(self) -> bool:
        return False

    @property
    def remarks(self) -> tuple[str, ...]:
        return ()

    @property
    def scenes(self) -> Sequence[str]:
        return tuple(self._labels)

    def tokens(self, scene: str) -> Sequence[str]:
        return self._labels[scene].attribute("frame_tokens")

    def names_in(self, form: type[LabelSource], scene: str) -> Sequence[FrameName]:
        tables = self._tables(scene)
        return [form.frame_name(tables, tables.frame_tokens.index(token)) for token in self.tokens(scene)]

    def grid(self, scene: str) -> VoxelGrid | None:
        return grid_of(self._labels[scene])

    def masks(self, scene: str) -> Sequence[str]:
        labels = self._labels[scene].product
        boxes = ("boxes",) if ObjectClouds.name in self._index.scenes[scene].products else ()
        if issubclass(labels, ReferenceOccupancy):
            return self.form.masks if self.form is not None else ()
        # A network's masks are of all voxels: nothing observed them.
        observed = issubclass(labels, CarvedOccupancy) and not issubclass(labels, PredictedOccupancy)
        return ("lidar", "camera", *boxes) if observed else boxes

    def fingerprint(self, scene: str) -> str | None:
        return self._labels[scene].manifest.fingerprint[:16]

    def told(self, scene: str, row: int, grid: VoxelGrid, mask: str | None) -> Told:
        del grid
        labels = self._labels[scene]
        state, semantics, body = (labels.rows(name, row, row + 1)[0] for name in ("state", "semantics", "body"))
        # What was taken over does not tell what moves, nor does a network.
        moves = not issubclass(labels.product, (ReferenceOccupancy, PredictedOccupancy))
        inside = None if mask is None else self._inside(labels, scene, row, mask)
        return Told(state=state, semantics=semantics, body=body if moves else None, inside=inside)

    def expected(self, scene: str, row: int, grid: VoxelGrid, mask: str | None) -> Expected:
        return Expected.of(self.told(scene, row, grid, mask))

    def grid_SE3_ego(self, scene: str, row: int) -> NDArray[np.float64] | None:
        tables, labels = self._tables(scene), self._labels[scene]
        sweep = int(tables.key_sweeps[tables.frame_tokens.index(self.tokens(scene)[row])])
        world_SE3_grid: NDArray[np.float64] = labels.rows("world_SE3_grid", row, row + 1)[0]
        return np.linalg.inv(world_SE3_grid) @ tables.world_SE3_ego[sweep]

    def _inside(self, labels: StoredProduct, scene: str, row: int, mask: str) -> Bool:
        if mask != "boxes":
            return labels.rows(f"mask_{mask}", row, row + 1)[0] == 1
        clouds = current_product(self._store, self._index, scene, ObjectClouds)
        frame = self._tables(scene).frame_tokens.index(self.tokens(scene)[row])
        pose = labels.rows("world_SE3_grid", row, row + 1)[0]
        return in_boxes(clouds, grid_of(labels), pose, frame, 0.0, parked=True)

    def _read_tables(self, scene: str) -> SceneTables:
        return tables_behind(self._store, self._index, scene, self._labels[scene])
