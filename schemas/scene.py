"""What a dataset reader tells about a scene: sweeps, poses, key frames, tracked boxes, file names. No sensor data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .product import Array, Product, array
from .validity import AtLeast, Finite, Increasing, Indexes, Poses


class PointKind(IntEnum):
    """What a point's label says of it beside its class."""

    USUAL = 0
    EGO = 1
    """The ego vehicle's own."""
    NOISE = 2
    """No thing: rain, reflections, points that an annotator took for wrong."""
    MOVING = 3
    """Of something that moves as it is seen."""


@dataclass(frozen=True, kw_only=True)
class SceneTables(Product):
    """One scene's tables, written by the index step; stages and trainers read these instead of the dataset's own.

    Sweeps are in order of time. World coordinates are the dataset's global frame, metres. Where published voxel labels stand in
    for a log there is one sweep for each key frame, its point file is the label file, and ``point_columns`` is 0: no points.
    """

    name: ClassVar[str] = "scene_tables"
    schema_version: ClassVar[int] = 3

    timestamps_ns: Array = array("sweep", dtype="int64", fill=-1, valid=[Increasing()])
    """(S,) int64: time of every sweep, strictly increasing."""
    world_SE3_ego: Array = array(
        "sweep", "row", "column", dtype="float64", fill=float("nan"), valid=[Poses()], row=4, column=4
    )
    """(S, 4, 4) float64: ego pose at the sweep's time."""
    ego_SE3_lidar: Array = array(
        "sweep", "row", "column", dtype="float64", fill=float("nan"), valid=[Poses()], row=4, column=4
    )
    """(S, 4, 4) float64: the LiDAR's mounting."""
    key_sweeps: Array = array("frame", dtype="int32", fill=-1, valid=[Indexes("sweep"), Increasing()])
    """(K,) int32: which sweep each key frame is."""
    box_track: Array = array("box", dtype="int32", fill=-1, valid=[AtLeast(0)])
    """(B,) int32: index into ``track_tokens``. Boxes are sorted by track, then time."""
    box_timestamps_ns: Array = array("box", dtype="int64", fill=-1, valid=[AtLeast(0)])
    """(B,) int64."""
    world_SE3_box: Array = array(
        "box", "row", "column", dtype="float64", fill=float("nan"), valid=[Poses()], row=4, column=4
    )
    """(B, 4, 4) float64: centre and orientation; x along the length, y along the width, z up."""
    box_size_m: Array = array("box", "lwh", dtype="float64", fill=float("nan"), valid=[Finite(), AtLeast(0)], lwh=3)
    """(B, 3) float64: length, width, height."""

    scene: str
    dataset: str
    """Which reader made this: ``nuscenes``, or a format of published labels, as ``occ3d``."""
    version: str
    """The dataset's release, ``v1.0-mini``."""
    split: str
    """``train``, ``val``, ``test``, or empty where the release names none."""
    taxonomy: str
    synthetic: bool
    """Made by a simulator."""
    point_columns: int
    """float32 numbers per point in the sensor files; the first three are x, y, z in the LiDAR's frame. 0 where there are none."""
    point_files: list[str]
    """(S) paths of the sensor files, or of published voxel labels, relative to the data root."""
    label_files: list[str]
    """(K) paths of the per-point label files, empty where a key frame has none."""
    label_classes: list[int]
    """Class id of every value a label file may hold; 255 for values without a class."""
    label_kinds: list[int]
    """:class:`PointKind` of every value a label file may hold."""
    label_bytes: int
    """Size of one label in a label file, little-endian: its lower two bytes are the value, of four the upper two the instance id."""
    frame_tokens: list[str]
    """(K) the dataset's own name of each key frame."""
    track_tokens: list[str]
    """Instance token of each track."""
    track_categories: list[str]
    """The dataset's category name of each track."""
    track_classes: list[int]
    """Class id of each track, 255 where its category has none."""
    scene_token: str = ""
    """The dataset's own token of the scene, empty where it has none beside the name."""
    lidar_tokens: list[str] = field(default_factory=list[str])
    """(K) the dataset's own tokens of the key frames' scans, or empty where it has none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, want in (
            ("point_files", len(self.timestamps_ns)),
            ("label_files", len(self.key_sweeps)),
            ("frame_tokens", len(self.key_sweeps)),
        ):
            if len(getattr(self, name)) != want:
                raise ValueError(f"scene {self.scene}: {len(getattr(self, name))} {name} for {want} rows")
        if self.lidar_tokens and len(self.lidar_tokens) != len(self.key_sweeps):
            raise ValueError(
                f"scene {self.scene}: {len(self.lidar_tokens)} lidar_tokens for {len(self.key_sweeps)} rows"
            )
        if len(self.timestamps_ns) > 1 and np.diff(self.timestamps_ns).min() <= 0:
            raise ValueError(f"scene {self.scene}: time stamps of sweeps must increase")
        if len(self.label_kinds) != len(self.label_classes):
            raise ValueError(
                f"scene {self.scene}: {len(self.label_kinds)} kinds of {len(self.label_classes)} label values"
            )
        if not (len(self.track_tokens) == len(self.track_categories) == len(self.track_classes)):
            raise ValueError(f"scene {self.scene}: tokens, categories and classes of tracks differ in number")

    @property
    def labels_tell_motion(self) -> bool:
        """Whether labels of points tell which move."""
        return PointKind.MOVING in self.label_kinds and any(self.label_files)

    def world_SE3_lidar(self, sweep: int) -> NDArray[np.float64]:
        """(4, 4) float64 pose of the LiDAR in one sweep."""
        pose: NDArray[np.float64] = self.world_SE3_ego[sweep] @ self.ego_SE3_lidar[sweep]
        return pose


@dataclass(frozen=True, kw_only=True)
class DatasetTables(SceneTables):
    """The same as the dataset's release tells it, files that this copy lacks included."""

    name: ClassVar[str] = "dataset_tables"


@dataclass(frozen=True, kw_only=True)
class SceneList(Product):
    """All scenes of a release: with their ``DatasetTables`` and ``DatasetCameras`` it stands for the dataset's own tables."""

    name: ClassVar[str] = "scene_list"
    # Lists of schema 1 promise no cameras, those of 2 no kinds of points, those of 3 no tokens of scans: tables that
    # such a list stands for are read again.
    schema_version: ClassVar[int] = 4
    per_scene: ClassVar[bool] = False

    scenes: list[str]
    """Scenes whose tables are sound, sorted."""
    broken: dict[str, list[str | None]]
    """The other scenes: fields of the InputError that says why."""


@dataclass(frozen=True)
class SweepPoints:
    """One sweep as read from its files."""

    points: NDArray[np.float32]
    """(N, 3) float32, metres, LiDAR frame; finite."""
    labels: NDArray[np.uint8] | None
    """(N,) uint8 class ids, 255 without; None where the sweep has no label file."""
    kinds: NDArray[np.uint8] | None
    """(N,) uint8 :class:`PointKind`; None where the sweep has no label file."""
    dropped: int = 0
    """Points that were not finite and are left out."""
    instances: NDArray[np.int32] | None = None
    """(N,) int32 instance ids, 0 for none; None where labels have no room for them."""
    intensity: NDArray[np.float32] | None = None
    """(N,) float32, as the sensor file has it; None where it has x, y and z alone."""

    @property
    def is_ego(self) -> NDArray[np.bool_] | None:
        """(N,) bool: labelled as the ego vehicle; None where the sweep has no label file."""
        return None if self.kinds is None else self.kinds == PointKind.EGO
