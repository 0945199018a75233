"""Sheets of what a store holds: which frame, which points, and where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.picture import ShownFrame, draw_frame, shown_frame
from occ_pipeline.pipeline.store.fingerprint import Provenance, Sources
from occ_pipeline.pipeline.store.index import update_index
from occ_pipeline.pipeline.store.store import Store, StoreIdentity
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import SurfaceOccupancy
from occ_pipeline.schemas.product import Product
from occ_pipeline.schemas.scene import PointKind, SceneTables
from occ_pipeline.schemas.static_map import StaticMap
from occ_pipeline.schemas.taxonomy import NUSCENES

GRID = VoxelGrid.from_range((-10.0, -10.0, -1.0, 10.0, 10.0, 3.0), 0.5)
TOKENS = ["first", "second", "third"]
CAR, EGO_VALUE = NUSCENES.id_of("car"), 1
POINTS = np.array([(6.13, 1.07, -0.9, 0, 0), (0.1, 0.1, -0.5, 0, 0), (-3.11, 2.23, 0.2, 0, 0)], dtype="<f4")
"""In the LiDAR's frame; the second is a return of the ego vehicle."""


def pose(x: float, y: float, z: float, yaw: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    matrix[:3, 3] = (x, y, z)
    return matrix


WORLD_SE3_EGO = np.array([pose(600.0 + 2 * i, -90.0, 0.5, 0.3 * i) for i in range(3)])
EGO_SE3_LIDAR = pose(0.9, 0.0, 1.8, -np.pi / 2)


def tables() -> SceneTables:
    n = len(TOKENS)
    return SceneTables(
        timestamps_ns=np.arange(n, dtype=np.int64) * 10**8,
        world_SE3_ego=WORLD_SE3_EGO,
        ego_SE3_lidar=np.repeat(EGO_SE3_LIDAR[None], n, axis=0),
        key_sweeps=np.arange(n, dtype=np.int32),
        box_track=np.zeros(0, np.int32),
        box_timestamps_ns=np.zeros(0, np.int64),
        world_SE3_box=np.zeros((0, 4, 4)),
        box_size_m=np.zeros((0, 3)),
        scene="one",
        dataset="nuscenes",
        version="v1.0-mini",
        split="",
        taxonomy=NUSCENES.name,
        synthetic=True,
        point_columns=5,
        point_files=[f"samples/{token}.bin" for token in TOKENS],
        label_files=[f"lidarseg/{token}.bin" for token in TOKENS],
        label_classes=[255, 255, CAR],
        label_kinds=[PointKind.EGO if value == EGO_VALUE else PointKind.USUAL for value in range(3)],
        label_bytes=1,
        frame_tokens=TOKENS,
        track_tokens=[],
        track_categories=[],
        track_classes=[],
    )


def occupancy() -> SurfaceOccupancy:
    semantics = np.full((3, *GRID.shape), 255, dtype=np.uint8)
    for i in range(3):
        semantics[i, 4 * i : 4 * i + 3, 3:9, 2:4] = CAR
    return SurfaceOccupancy(
        state=np.where(semantics == CAR, 2, 0).astype(np.uint8),
        semantics=semantics,
        body=np.where(semantics == CAR, 1, 0).astype(np.uint8),
        world_SE3_grid=WORLD_SE3_EGO,
        grid=GRID.to_json(),
        taxonomy=NUSCENES.name,
        frame_tokens=TOKENS,
    )


def static_map() -> StaticMap:
    points = np.array([(3.11, 1.13, 0.0), (-4.07, 0.61, 0.4)], dtype=np.float32)
    return StaticMap(
        points=points,
        sweep=np.zeros(2, np.int32),
        returns=np.ones(2, np.uint16),
        labels=np.array([CAR, 255], np.uint8),
        tracks=np.full(2, -1, np.int32),
        blocks=np.zeros((1, 2), np.int32),
        block_sweeps=np.array([[0, 2]], np.int32),
        block_offsets=np.array([0, 2], np.int64),
        sensor_positions=np.zeros((3, 3), np.float32),
        origin_m=[600.0, -90.0, 0.0],
        block_m=20.0,
        cell_m=0.1,
        dropped={},
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    identity = StoreIdentity(dataset="nuscenes", taxonomy=NUSCENES.name, back_end="open3d", synthetic=True)
    made = Store.create_or_open(tmp_path / "labels.zarr", identity)
    current: dict[type[Product], str] = {}
    for product in (tables(), occupancy(), static_map()):
        provenance = Provenance(
            stage=product.name,
            stage_version=1,
            schema_version=product.schema_version,
            parameters={},
            inputs={},
            sources=Sources.of([]),
            back_end="open3d",
            libraries={},
        )
        current[type(product)] = made.commit("one", product, provenance).fingerprint
    update_index(made, {"one": current})
    return made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Of the first two key frames only."""
    for token in TOKENS[:2]:
        for folder, content in (("samples", POINTS), ("lidarseg", np.array([2, EGO_VALUE, 0], np.uint8))):
            (tmp_path / "log" / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / "log" / folder / f"{token}.bin").write_bytes(content.tobytes())
    return tmp_path / "log"


def expected(row: int, points: np.ndarray, labels: np.ndarray, points_are: str) -> bytes:
    labelled = occupancy()
    title = f"one, key frame {row} (0 to 2), synthetic"
    args = (labelled.semantics[row], labelled.state[row], GRID, points, labels, NUSCENES, title)
    return draw_frame(ShownFrame.of(*args, points_are=points_are)).tobytes()


@pytest.mark.parametrize("frame", [None, 1, "1", "second"])
def test_points_of_the_log(store: Store, log: Path, frame: str | int | None) -> None:
    """Key frames move; what the LiDAR saw stays where its mounting puts it in the ego frame, ego returns left out."""
    points = POINTS[[0, 2], :3] @ EGO_SE3_LIDAR[:3, :3].T + EGO_SE3_LIDAR[:3, 3]
    want = expected(1, points, np.array([CAR, 255], np.uint8), "Points of the key frame")
    assert draw_frame(shown_frame(store, "one", frame, log)).tobytes() == want


def test_a_log_without_the_frames_scan(store: Store, log: Path) -> None:
    with pytest.raises(UsageError, match=r"does not hold the frame's scan.*third\.bin.*correct --dataroot"):
        shown_frame(store, "one", "third", log)


def test_points_of_the_static_map(store: Store) -> None:
    world = np.array([(603.11, -88.87, 0.0), (595.93, -89.39, 0.4)])
    inverse = np.linalg.inv(WORLD_SE3_EGO[2])
    points = world @ inverse[:3, :3].T + inverse[:3, 3]
    want = expected(2, points, np.array([CAR, 255], np.uint8), "Points of the static map")
    assert draw_frame(shown_frame(store, "one", "third", None)).tobytes() == want


@pytest.mark.parametrize(
    ("scene", "frame", "words"),
    [("two", None, "one of one"), ("one", "9", "0 to 2, or one of first, second, third"), ("one", -1, "0 to 2")],
)
def test_what_is_not_there(store: Store, scene: str, frame: str | int | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        shown_frame(store, scene, frame, None)


def test_product_that_is_not_there(tmp_path: Path) -> None:
    identity = StoreIdentity(dataset="nuscenes", taxonomy=NUSCENES.name, back_end="open3d", synthetic=True)
    made = Store.create_or_open(tmp_path / "other.zarr", identity)
    with pytest.raises(UsageError, match="no such scene"):
        shown_frame(made, "one", None, None)
    provenance = Provenance(
        stage="index",
        stage_version=1,
        schema_version=SceneTables.schema_version,
        parameters={},
        inputs={},
        sources=Sources.of([]),
        libraries={},
    )
    update_index(made, {"one": {SceneTables: made.commit("one", tables(), provenance).fingerprint}})
    with pytest.raises(UsageError, match="no surface_occupancy of this scene"):
        shown_frame(made, "one", None, None)
