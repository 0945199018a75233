"""Key frames of a store without labels, as tensors: what a trained network predicts from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from ...schemas.errors import PipelineError, VerificationError
from ...schemas.grid import VoxelGrid
from ...schemas.sensor_frames import SensorFrames
from ..current import current_product
from ..store.index import read_index
from ..store.reader import StoredProduct
from ..store.store import Store
from .input_sample import Sample, input_sample, tensor
from .scene_targets import check_frames
from .selection import FrameOf, selected
from .sensor_inputs import Float64, ImageForm, SceneInputs, WantedInputs, grid_poses


class InputFrames(Dataset[Sample]):
    """Key frames of a store's current :class:`SensorFrames`, map-style; a scene needs no labels.

    A sample has ``world_SE3_grid``, ``scene``, ``frame`` and what is wanted of points and images, under the keys of
    :class:`~.dataset.OccupancyTargets` and with the same values. Nothing is open until a key frame is asked for, and nothing open
    is pickled.
    """

    def __init__(
        self,
        store: str | Path,
        grid: VoxelGrid,
        *,
        points: bool = True,
        images: ImageForm | None = None,
        image_size: tuple[int, int] | None = None,
        cameras: Sequence[str] | None = None,
        split: str | None = None,
        scenes: Sequence[str] | None = None,
    ) -> None:
        """Reads the store's index, and of its products nothing.

        ``grid``: in whose frame points and poses are given. The others: as :class:`~.dataset.OccupancyTargets`. Raises UsageError
        for what is not there.
        """
        self.wanted = WantedInputs(
            points=points, images=images, size=image_size, cameras=None if cameras is None else tuple(cameras)
        )
        self.grid = grid
        self._store = Store.open(Path(store))
        self._index = read_index(self._store)
        self.frames: list[FrameOf] = selected(self._index, SensorFrames.name, split, scenes)
        self._open: dict[str, tuple[SceneInputs, Float64]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def scenes(self) -> list[str]:
        """Their names, in order."""
        return list(dict.fromkeys(frame.scene for frame in self.frames))

    def stored(self, scene: str) -> StoredProduct:
        """Read access to a scene's sensor frames. Raises UsageError where they are of other key frames than the index."""
        stored = current_product(self._store, self._index, scene, SensorFrames)
        check_frames(stored, scene, self._index.scenes[scene].frames)
        return stored

    def world_SE3_grid(self, scene: str) -> Float64:
        """(K, 4, 4) float64 of a scene's key frames. Raises UsageError where the scene lacks what is wanted."""
        return self._scene(scene)[1]

    def __getitem__(self, index: int) -> Sample:
        """A key frame by its place. Raises VerificationError and UsageError, naming the scene."""
        frame = self.frames[index]
        try:
            inputs, world_SE3_grid = self._scene(frame.scene)
            sample = input_sample(inputs, frame.row, np.eye(4))
        except VerificationError as error:
            error.scene, error.frame = frame.scene, frame.token
            raise
        return {
            "world_SE3_grid": tensor(world_SE3_grid[frame.row]), **sample, "scene": frame.scene, "frame": frame.token
        }  # fmt: skip

    def _scene(self, name: str) -> tuple[SceneInputs, Float64]:
        if name not in self._open:
            try:
                stored = self.stored(name)
                poses = grid_poses(stored, self.grid)
                self._open[name] = SceneInputs(stored, self.wanted, self.grid, poses), poses
            except PipelineError as error:
                error.scene = name
                raise
        return self._open[name]
