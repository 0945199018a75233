"""A key frame's points, images and calibration, in the frame of the grid that its labels are on."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import UsageError, VerificationError
from ...schemas.grid import VoxelGrid
from ..checking import unknown
from ..store.reader import StoredProduct

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]
ImageForm = Literal["encoded", "decoded"]
POSE_TOLERANCE = 1e-6
"""Metres, and parts of rotations: the poses of labels and of inputs come from the same tables, or do not."""


@dataclass(frozen=True, kw_only=True)
class WantedInputs:
    """What is read of :class:`SensorFrames`. Raises UsageError for a size without decoded images."""

    points: bool = False
    images: ImageForm | None = None
    size: tuple[int, int] | None = None
    """Height and width that images are brought to, pixels; None for their own."""
    cameras: tuple[str, ...] | None = None
    """Names of cameras, in the order they are wanted in; None for all."""

    def __post_init__(self) -> None:
        if self.images not in (None, "encoded", "decoded"):
            raise unknown("form of images", str(self.images), ("encoded", "decoded"))
        if self.size is not None and (self.images != "decoded" or len(self.size) != 2 or min(self.size) < 1):
            raise UsageError(
                "image_size is the height and width of decoded images", found=f"{self.size} with images={self.images!r}",
                fix="use images='decoded', image_size=(HEIGHT, WIDTH)",
            )  # fmt: skip

    @property
    def any(self) -> bool:
        """Whether anything is."""
        return self.points or self.images is not None


@dataclass(frozen=True)
class CameraFrame:
    """What M cameras see of one key frame. One without an image there has a pose by which nothing lies ahead of it."""

    files: list[bytes]
    """(M) JPEG or PNG, empty where there is none."""
    camera_SE3_grid: Float64
    """(M, 4, 4) float64; where there is no image, zeros but for the last 1."""
    intrinsics: Float64
    """(M, 3, 3) float64, of images as they are in the log; where there is none, one pixel."""
    sizes: list[tuple[int, int]]
    """(M) width and height in the log."""


class SceneInputs:
    """Reads a scene's :class:`SensorFrames`. Raises UsageError for cameras that it has not, or poses that are not the labels'."""

    def __init__(self, stored: StoredProduct, wanted: WantedInputs, grid: VoxelGrid, world_SE3_grid: Float64) -> None:
        self.wanted = wanted
        self._stored, self._grid = stored, grid
        self._world_SE3_grid = world_SE3_grid
        self._ego_SE3_lidar: Float64 = stored.read("ego_SE3_lidar")
        self._check_poses(grid_poses(stored, grid))
        self._point_offsets = stored.read("point_offsets")
        self._image_offsets = stored.read("image_offsets")
        names: list[str] = stored.attribute("cameras")
        self.names = names if wanted.cameras is None else list(wanted.cameras)
        for name in self.names:
            if name not in names:
                raise unknown("camera of the scene", name, names)
        self._chosen, self._cameras = [names.index(name) for name in self.names], len(names)
        if wanted.images is not None:
            self._read_calibration()

    def points(self, row: int, grid_SE3_flipped: Float64) -> Float32:
        """(N, 5) float32: x, y, z in metres of the (mirrored) grid's frame, intensity 0 to 1, seconds from the key frame."""
        start, stop = self._point_offsets[row : row + 2].tolist()
        found = np.empty((stop - start, 5), dtype=np.float32)
        xyz = self._stored.rows("points", start, stop)
        # Mirroring is its own inverse.
        flipped_SE3_lidar = grid_SE3_flipped @ (self._ego_SE3_lidar[row] if self._grid.frame == "ego" else np.eye(4))
        if not np.array_equal(flipped_SE3_lidar, np.eye(4)):
            matrix = flipped_SE3_lidar.astype(np.float32)
            xyz = xyz @ matrix[:3, :3].T + matrix[:3, 3]
        found[:, :3] = xyz
        # 0 where the log has no intensity at all.
        found[:, 3] = self._stored.rows("intensity", start, stop) / max(self._stored.attribute("intensity_most"), 1.0)
        found[:, 4] = self._stored.rows("time_s", start, stop)
        return found

    def cameras(self, row: int, grid_SE3_flipped: Float64) -> CameraFrame:
        """The wanted cameras of a key frame."""
        bounds = self._image_offsets[row * self._cameras : (row + 1) * self._cameras + 1]
        content = self._stored.rows("image_bytes", int(bounds[0]), int(bounds[-1])).tobytes()
        starts = (bounds - bounds[0]).tolist()
        files = [content[starts[c] : starts[c + 1]] for c in self._chosen]
        camera_SE3_grid = np.zeros((len(files), 4, 4))
        camera_SE3_grid[:, 3, 3] = 1.0
        intrinsics = np.tile(np.eye(3), (len(files), 1, 1))
        there = [m for m, file in enumerate(files) if file]
        chosen = [self._chosen[m] for m in there]
        camera_SE3_world = np.linalg.inv(self._world_SE3_camera[row, chosen])
        camera_SE3_grid[there] = camera_SE3_world @ self._world_SE3_grid[row] @ grid_SE3_flipped
        intrinsics[there] = self._intrinsics[row, chosen]
        return CameraFrame(files, camera_SE3_grid, intrinsics, [self._sizes[c] for c in self._chosen])

    def _read_calibration(self) -> None:
        if not self._stored.shape("image_bytes")[0]:
            raise UsageError(
                "the store's sensor_frames hold no images", found=f"{self._cameras} cameras",
                fix="run occ-pipeline run inputs --set inputs.images=true on a log that has them",
            )  # fmt: skip
        ego: Float64 = self._stored.read("camera_world_SE3_ego")
        mounting: Float64 = self._stored.read("ego_SE3_camera")
        self._world_SE3_camera: Float64 = np.matmul(ego, mounting)
        self._intrinsics: Float64 = self._stored.read("intrinsics")
        self._sizes: list[tuple[int, int]] = [(w, h) for w, h in self._stored.attribute("image_sizes")]

    def _check_poses(self, own: Float64) -> None:
        apart = np.abs(own - self._world_SE3_grid).max(initial=0.0)
        if apart > POSE_TOLERANCE:
            raise UsageError(
                "sensor_frames have other poses than the labels", found=f"up to {apart:.3g} m apart",
                fix="run occ-pipeline run inputs with the parameters of refine-poses that the labels were made with",
            )  # fmt: skip


def grid_poses(stored: StoredProduct, grid: VoxelGrid) -> Float64:
    """``world_SE3_grid`` (K, 4, 4) float64 of all key frames, from a scene's :class:`SensorFrames`."""
    world_SE3_ego: Float64 = stored.read("world_SE3_ego")
    return world_SE3_ego if grid.frame == "ego" else world_SE3_ego @ stored.read("ego_SE3_lidar")


def decoded(file: bytes, size: tuple[int, int]) -> Float32:
    """(3, height, width) float32, 0 to 1, of an encoded image, brought to ``size``, height and width; zeros of an empty file.

    Raises VerificationError for bytes that are no image: the store has none such.
    """
    if not file:
        return np.zeros((3, *size), dtype=np.float32)
    from PIL import Image

    high, wide = size
    try:
        with Image.open(io.BytesIO(file), formats=("JPEG", "PNG")) as image:
            # A JPEG is decoded at the half, quarter or eighth that is still no smaller than what is wanted.
            image.draft("RGB", (wide, high))
            colours = image.convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise VerificationError("a stored image cannot be decoded", found=str(error), fix="run inputs again") from error
    if colours.size != (wide, high):
        colours = colours.resize((wide, high), Image.Resampling.BILINEAR)
    values = np.asarray(colours, dtype=np.uint8).transpose(2, 0, 1)
    return np.divide(values, np.float32(255), dtype=np.float32)


def scaled(intrinsics: Float64, sizes: Sequence[tuple[int, int]], size: tuple[int, int]) -> Float64:
    """Intrinsics (M, 3, 3) of images that are brought from their ``sizes``, width and height, to ``size``, height and width.

    Pixel (i, j) covers [i, i + 1) x [j, j + 1), so nothing but the scale changes.
    """
    factors = np.array([(size[1] / wide, size[0] / high, 1.0) for wide, high in sizes]).reshape(-1, 3, 1)
    return intrinsics * factors
