"""The cameras of a scene's key frames: when each took its image, from where, and onto which pixel a point falls.

A camera's frame is x right, y down, z ahead. Pixel (i, j), column and row, covers [i, i + 1) x [j, j + 1) of the image plane:
its middle is at (i + 0.5, j + 0.5), and a projected point (u, v) lies in column floor(u), row floor(v). Simulated logs follow
this exactly. nuScenes does not say where in a pixel its principal points count from, and its devkit draws with middles at
whole numbers in one place and cuts decimals off in another: the difference is half a pixel, 0.02 degrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .frames import Float64
from .product import Array, Product, array
from .validity import AtLeast, NanWhere, Pinholes, Poses, is_pinhole

MAX_SIDE = 65_535
"""Pixels: JPEG has no longer side."""
NO_IMAGE = -1
"""Time stamp where a key frame has no image of a camera."""
NEAREST_M = 1e-3
"""Points nearer to a camera's plane than this have no pixel."""
_NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class CameraTables(Product):
    """The cameras of one scene's key frames, written by the index step beside :class:`SceneTables`, of whose key frames it speaks.

    A camera that a key frame lacks, because the log has no image or no usable row of it, is absent there: its time stamp is -1
    and its numbers are NaN. One whose image file alone is missing keeps all but the file's name. C may be 0.
    """

    name: ClassVar[str] = "camera_tables"

    timestamps_ns: Array = array("frame", "camera", dtype="int64", fill=NO_IMAGE, valid=[AtLeast(NO_IMAGE)])
    """(K, C) int64: time of each image, -1 where absent."""
    world_SE3_ego: Array = array(
        "frame", "camera", "row", "column", dtype="float64", fill=_NAN,
        valid=[Poses(absent=True), NanWhere("timestamps_ns", NO_IMAGE)], row=4, column=4,
    )  # fmt: skip
    """(K, C, 4, 4) float64: ego pose at the image's own time, NaN where absent."""
    ego_SE3_camera: Array = array(
        "frame", "camera", "row", "column", dtype="float64", fill=_NAN,
        valid=[Poses(absent=True), NanWhere("timestamps_ns", NO_IMAGE)], row=4, column=4,
    )  # fmt: skip
    """(K, C, 4, 4) float64: the camera's mounting, NaN where absent."""
    intrinsics: Array = array(
        "frame", "camera", "uvw", "xyz", dtype="float64", fill=_NAN,
        valid=[Pinholes(), NanWhere("timestamps_ns", NO_IMAGE)], uvw=3, xyz=3,
    )  # fmt: skip
    """(K, C, 3, 3) float64, pixels: camera coordinates to pixels times depth, NaN where absent."""

    scene: str
    names: list[str]
    """(C) the dataset's own name of each camera, sorted."""
    frame_tokens: list[str]
    """(K) the dataset's own name of each key frame."""
    image_files: list[list[str]]
    """(K lists of C) paths relative to the data root, empty where absent or not in this copy of the dataset."""
    image_sizes: list[list[int]]
    """(C pairs) width and height in pixels, the same in all key frames."""

    def __post_init__(self) -> None:
        super().__post_init__()
        frames, cameras = self.timestamps_ns.shape
        for name, want in (
            ("names", cameras),
            ("image_sizes", cameras),
            ("frame_tokens", frames),
            ("image_files", frames),
        ):
            if len(getattr(self, name)) != want:
                raise self._wrong(f"{len(getattr(self, name))} {name} for {want}")
        if self.names != sorted(set(self.names)) or "" in self.names:
            raise self._wrong(f"names of cameras must be sorted and differ, found {self.names}")
        for name, size in zip(self.names, self.image_sizes, strict=True):
            if len(size) != 2 or not all(0 < side <= MAX_SIDE for side in size):
                raise self._wrong(f"images of {name} cannot have size {size}")
        absent = self.timestamps_ns == NO_IMAGE
        for name in ("world_SE3_ego", "ego_SE3_camera", "intrinsics"):
            known = np.isfinite(getattr(self, name))
            if (known.any(axis=(2, 3)) & absent).any() or not known[~absent].all():
                raise self._wrong(f"{name} must be finite where there is a time stamp, and NaN elsewhere")
        if not is_pinhole(self.intrinsics[~absent]).all():
            raise self._wrong("intrinsics must be upper triangular with positive focal lengths")
        for token, files, gone in zip(self.frame_tokens, self.image_files, absent.tolist(), strict=True):
            if len(files) != cameras or any(file for file, no in zip(files, gone, strict=True) if no):
                raise self._wrong(
                    f"key frame {token} must have a file for each of its images and no more, found {files}"
                )

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"cameras of scene {self.scene}: {what}")

    @classmethod
    def none(cls, scene: str, frame_tokens: Sequence[str]) -> CameraTables:
        """Of a scene without cameras."""
        frames = len(frame_tokens)
        values: dict[str, Any] = {
            "timestamps_ns": np.zeros((frames, 0), np.int64),
            "world_SE3_ego": np.zeros((frames, 0, 4, 4)),
            "ego_SE3_camera": np.zeros((frames, 0, 4, 4)),
            "intrinsics": np.zeros((frames, 0, 3, 3)),
            "image_files": [[] for _ in frame_tokens],
        }
        return cls(scene=scene, names=[], image_sizes=[], frame_tokens=list(frame_tokens), **values)

    def cameras_of(self, frame: int) -> list[int]:
        """Which cameras a key frame has."""
        found: list[int] = np.flatnonzero(self.timestamps_ns[frame] != NO_IMAGE).tolist()
        return found

    def world_SE3_camera(self, frame: int, camera: int) -> Float64:
        """(4, 4) float64 pose of a camera at its image's own time; NaN where the key frame lacks it."""
        pose: Float64 = self.world_SE3_ego[frame, camera] @ self.ego_SE3_camera[frame, camera]
        return pose


@dataclass(frozen=True, kw_only=True)
class DatasetCameras(CameraTables):
    """The same as the dataset's release tells it, key frames and images that this copy lacks included."""

    name: ClassVar[str] = "dataset_cameras"


def project(points: NDArray[Any], camera_SE3_source: Float64, intrinsics: Float64) -> tuple[Float64, Float64]:
    """Pixels and depths of points (N, 3), metres, of the source frame, by a camera with ``intrinsics`` (3, 3).

    Returns pixels (N, 2) float64, column and row, NaN where the point is not in front of the camera by
    :data:`NEAREST_M`; and depths (N,) float64, metres along the camera's axis.
    """
    places = np.asarray(points, dtype=np.float64) @ camera_SE3_source[:3, :3].T + camera_SE3_source[:3, 3]
    depth = places[:, 2]
    ahead = np.where(depth > NEAREST_M, depth, np.nan)
    pixels = (places / ahead[:, None]) @ intrinsics[:2].T
    return pixels, depth


def inside(pixels: Float64, size: Sequence[int]) -> NDArray[np.bool_]:
    """(N,) bool: which pixels (N, 2), column and row, lie in an image of ``size`` width and height. NaN lies in none."""
    within: NDArray[np.bool_] = ((pixels >= 0) & (pixels < size)).all(axis=1)
    return within
