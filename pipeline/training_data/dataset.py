"""Key frames of a store as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch.utils.data import Dataset

from ...schemas.errors import UsageError, VerificationError
from ...schemas.grid import VoxelGrid
from ...schemas.occupancy import OccupancyName
from ..checking import unknown as no_such
from ..store.index import read_index
from ..store.store import Store
from .classes import TrainingClasses, Unknown, Unlabelled
from .flips import AXES, Flip
from .input_sample import Sample, input_sample, tensor
from .scene_targets import SceneTargets
from .selection import FrameOf, selected
from .sensor_inputs import ImageForm, WantedInputs
from .wanted import Wanted


class Draw(NamedTuple):
    """A key frame as a sampler draws it: its place in the dataset, and the epoch that its augmentation is drawn for."""

    place: int
    epoch: int


class OccupancyTargets(Dataset[Sample]):
    """Key frames of a store's current products, map-style.

    A sample has, on a grid of X x Y x Z voxels indexed [x, y, z], and of M cameras:

    | key | shape, dtype | what |
    |---|---|---|
    | ``labels`` | (X, Y, Z) uint8 | :class:`TrainingClasses`: 0 free, then classes, 255 ignored |
    | ``state`` | (X, Y, Z) uint8 | 0 unknown, 1 free, 2 occupied |
    | each of ``arrays``, ``observed`` | (X, Y, Z) uint8 | as the labels' product has it: ``mask_camera``, ``body``, ... |
    | ``offsets`` | (6, X, Y, Z) int16 | voxels to the ends of each voxel's run: x+, x-, y+, y-, z+, z-; coarser where they are sampled |
    | ``world_SE3_grid`` | (4, 4) float64 | pose of the grid's frame, metres |
    | ``points`` | (N, 5) float32 | x, y, z in metres of the grid's frame, intensity in 0..1, seconds from the key frame |
    | ``images`` | (M, 3, H, W) float32 | red, green, blue in 0..1; zeros where there is none |
    | ``image_bytes``, ``image_byte_counts`` | (L,) uint8, (M,) int64 | in the place of ``images``: JPEG or PNG files, one behind the other |
    | ``image_there`` | (M,) bool | whether the camera has an image of this key frame |
    | ``camera_SE3_grid`` | (M, 4, 4) float32 | from the grid's frame to each camera's; nothing lies ahead where there is no image |
    | ``intrinsics`` | (M, 3, 3) float32 | camera coordinates to pixels of the images as they are given |
    | ``scene``, ``frame`` | str | names of the scene and key frame |

    A mirrored grid's ``world_SE3_grid`` and ``camera_SE3_grid`` lead from the mirrored frame: :class:`~.flips.Flip`.
    Nothing is open until a key frame is asked for, and nothing open is pickled. Every file's digest is checked when a process
    first reads it, its size each time.
    """

    def __init__(
        self,
        store: str | Path,
        labels: OccupancyName = "carved_occupancy",
        *,
        offsets: str | None = None,
        arrays: Sequence[str] = (),
        points: bool = False,
        images: ImageForm | None = None,
        image_size: tuple[int, int] | None = None,
        cameras: Sequence[str] | None = None,
        split: str | None = None,
        scenes: Sequence[str] | None = None,
        every: int = 1,
        unknown: Unknown = "ignored",
        unlabelled: Unlabelled = "ignored",
        observed: str | None = None,
        flips: Sequence[str] = "",
        seed: int = 0,
    ) -> None:
        """Reads the store's index, and of its products nothing.

        ``labels``: name of the product of voxel labels. ``offsets``: ``instance_offsets`` or ``refined_offsets``. ``points``,
        ``images``, ``image_size``, ``cameras``: as :class:`WantedInputs`, which stage ``inputs`` makes. ``split``, ``scenes``,
        ``every``: as :func:`~.selection.selected`. ``unknown``, ``unlabelled``: as :class:`TrainingClasses`. ``observed``: a mask
        of the labels, outside which all is ignored. ``flips``: ``"x"``, ``"y"`` or ``"xy"``, each drawn for every key frame and
        epoch from ``seed``. Raises UsageError for what is not there.
        """
        for axis in flips:
            if axis not in AXES:
                raise no_such("axis to flip", axis, AXES)
        inputs = WantedInputs(
            points=points, images=images, size=image_size, cameras=None if cameras is None else tuple(cameras)
        )
        self._wanted = Wanted.of(labels, (*arrays, *([observed] if observed else ())), offsets, inputs)
        self._store = Store.open(Path(store))
        self._index = read_index(self._store)
        self.classes = TrainingClasses(taxonomy=self._store.identity.taxonomy, unknown=unknown, unlabelled=unlabelled)
        self.frames: list[FrameOf] = selected(self._index, labels, split, scenes, every)
        self._observed, self._flips, self._seed = observed, tuple(flips), seed
        self._open: dict[str, SceneTargets] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def grid(self) -> VoxelGrid:
        """The grid of all key frames."""
        return self._scene(self.frames[0].scene).grid

    @property
    def offset_shape(self) -> tuple[int, int, int] | None:
        """Cells along x, y, z that the first scene has offsets of; None where none are wanted."""
        if self._wanted.offsets is None:
            return None
        first = self._scene(self.frames[0].scene)
        x, y, z = (-(-n // first.every) for n in first.grid.shape)
        return (x, y, z)

    def __getitem__(self, index: int | Draw) -> Sample:
        """A key frame by its place; a :class:`Draw` says the epoch too, which is 0 otherwise.

        Raises VerificationError naming scene, key frame and file where the store is damaged, UsageError where products of a
        scene do not fit each other.
        """
        place, epoch = index if isinstance(index, Draw) else (index, 0)
        frame = self.frames[place]
        try:
            return self._sample(frame, Flip.drawn(self._flips, self._seed, epoch, place))
        except VerificationError as error:
            error.scene, error.frame = frame.scene, frame.token
            raise

    def _sample(self, frame: FrameOf, flip: Flip) -> Sample:
        scene = self._scene(frame.scene)
        voxels = scene.voxels(frame.row)
        observed = None if self._observed is None else voxels[self._observed]
        voxels["labels"] = self.classes.ids(voxels["state"], voxels.pop("semantics"), observed)
        sample: Sample = {name: tensor(flip.voxels(values)) for name, values in voxels.items()}
        offsets = scene.offsets(frame.row)
        if offsets is not None:
            # No run is as long as an int16 can count, and torch hardly knows uint16.
            sample["offsets"] = tensor(flip.offsets(offsets).view(np.int16))
        grid_SE3_flipped = flip.grid_SE3_flipped(scene.grid)
        sample["world_SE3_grid"] = tensor(scene.world_SE3_grid[frame.row] @ grid_SE3_flipped)
        if scene.inputs is not None:
            sample |= input_sample(scene.inputs, frame.row, grid_SE3_flipped)
        return {**sample, "scene": frame.scene, "frame": frame.token}

    def _scene(self, name: str) -> SceneTargets:
        if name not in self._open:
            scene = SceneTargets(self._store, self._index, name, self._wanted)
            if name != self.frames[0].scene and scene.grid != self.grid:
                raise UsageError(
                    "scenes have labels on different grids", scene=name, found=scene.grid.words,
                    expected=f"{self.grid.words}, as scene {self.frames[0].scene}",
                    fix="run the stages again with --grid, or name scenes of one grid",
                )  # fmt: skip
            if self._flips and scene.every != 1:
                raise UsageError(
                    "offsets of some voxels alone cannot be mirrored", scene=name, found=f"every {scene.every}th",
                    expected="offsets of every voxel", fix="use flips='', or run voxnt with every=1",
                )  # fmt: skip
            self._open[name] = scene
        return self._open[name]
