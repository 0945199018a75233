"""Small exact worlds for tests of stages: a scene in memory, and a street whose every return is known."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from occ_pipeline.schemas.object_clouds import Motion, ObjectClouds
from occ_pipeline.schemas.product import Blocks, InMemory, Product, ProductReader
from occ_pipeline.schemas.reference_labels import ReferenceLabels
from occ_pipeline.schemas.scene import SceneTables, SweepPoints
from occ_pipeline.schemas.static_map import StaticMap
from occ_pipeline.schemas.surfaces import Surfaces
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.stages.stage import PartResult, Stage

CAR, PERSON, BICYCLE = (NUSCENES.id_of(name) for name in ("car", "pedestrian", "bicycle"))
ROAD, PAVEMENT, WALL, TREE = (
    NUSCENES.id_of(name) for name in ("driveable_surface", "sidewalk", "manmade", "vegetation")
)
NOBODY = 255


def pose(x: float, y: float, z: float, yaw: float = 0.0) -> np.ndarray:
    """(4, 4): turned about z; exact for quarter turns."""
    matrix = np.eye(4)
    quarters = yaw / (np.pi / 2)
    cos, sin = np.cos(yaw), np.sin(yaw)
    if abs(quarters - round(quarters)) < 1e-12:
        cos, sin = round(cos), round(sin)
    matrix[:2, :2] = [[cos, -sin], [sin, cos]]
    matrix[:3, 3] = (x, y, z)
    return matrix


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.asarray(points, dtype=np.float64) @ matrix[:3, :3].T + matrix[:3, 3]


LIDAR_MOUNT = pose(1.0, 0.0, 1.75, -np.pi / 2)
"""As in nuScenes: the LiDAR's x points to the right, its y forward."""


@dataclass
class HeldRows:
    """Rows that stay in memory."""

    pieces: list[np.ndarray]

    def append(self, rows: np.ndarray, /) -> None:
        assert (rows.dtype, rows.shape[1:]) == (self.pieces[0].dtype, self.pieces[0].shape[1:])
        self.pieces.append(rows)

    def array(self) -> np.ndarray:
        return Blocks.joining(self.pieces)


@dataclass
class World:
    """A scene in memory."""

    tables: SceneTables
    sweeps: list[SweepPoints] = field(default_factory=list)
    products: dict[type[Product], Product] = field(default_factory=dict)
    label_images: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    """2D labels by key frame and camera."""
    images: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """Encoded, by key frame and camera."""
    published: list[ReferenceLabels] = field(default_factory=list)
    """Of each key frame."""

    def sweep(self, index: int, /) -> SweepPoints:
        return self.sweeps[index]

    def image_labels(self, folder: str, frame: int, camera: int, /) -> np.ndarray:
        return self.label_images[frame, camera]

    def image(self, frame: int, camera: int, /) -> bytes:
        return self.images.get((frame, camera), b"")

    def reference_labels(self, frame: int, /) -> ReferenceLabels:
        return self.published[frame]

    def product(self, product: type[Product], /) -> ProductReader:
        return InMemory(self.products[product])

    def spill(self, dtype: str, row: tuple[int, ...] = (), /) -> HeldRows:
        return HeldRows([np.empty((0, *row), dtype)])

    def run(self, stage: Stage, order: Sequence[int] | None = None) -> tuple[Product, ...]:
        """The stage's products, whole; parts computed in some order, assembled in theirs; kept for the next stage."""
        parts = stage.parts(self)
        results: list[PartResult] = [{}] * len(parts)
        for i in order or range(len(parts)):
            results[i] = stage.compute(self, parts[i])
        made = tuple(whole(product) for product in stage.assemble(self, results))
        self.products.update({type(product): product for product in made})
        return made


def whole(product: Product) -> Product:
    """The product with plain arrays."""
    reader = InMemory(product)
    return dataclasses.replace(product, **{name: reader.read(name) for name in product.specs()})


def digest(products: Iterable[Product], but: tuple[str, ...] = ()) -> str:
    """sha256 over names, types, shapes and bytes of all arrays."""
    made = hashlib.sha256()
    for product in products:
        for name in product.specs():
            if name not in but:
                value = InMemory(product).read(name)
                made.update(f"{product.name}.{name} {value.dtype} {value.shape}\n".encode())
                made.update(np.ascontiguousarray(value).tobytes())
    return made.hexdigest()


@dataclass
class Box:
    """A tracked object's boxes: time in seconds and pose of each."""

    class_id: int
    size_m: tuple[float, float, float]
    boxes: list[tuple[float, np.ndarray]]


def tables_of(
    ego: Sequence[np.ndarray],
    keys: Sequence[int],
    tracks: Sequence[Box] = (),
    *,
    step_s: float = 0.1,
    labelled: bool = True,
) -> SceneTables:
    """Tables of a scene whose sweeps have these ego poses, ``step_s`` apart."""
    start = 1_000_000_000_000
    boxes = [(i, t, p, track.size_m) for i, track in enumerate(tracks) for t, p in track.boxes]
    return SceneTables(
        timestamps_ns=start + (np.arange(len(ego)) * round(step_s * 1e9)).astype(np.int64),
        world_SE3_ego=np.array(ego, dtype=np.float64).reshape(-1, 4, 4),
        ego_SE3_lidar=np.repeat(LIDAR_MOUNT[None], len(ego), axis=0),
        key_sweeps=np.array(keys, dtype=np.int32),
        box_track=np.array([i for i, *_ in boxes], dtype=np.int32),
        box_timestamps_ns=np.array([start + round(t * 1e9) for _, t, *_ in boxes], dtype=np.int64),
        world_SE3_box=np.array([p for _, _, p, _ in boxes], dtype=np.float64).reshape(-1, 4, 4),
        box_size_m=np.array([s for *_, s in boxes], dtype=np.float64).reshape(-1, 3),
        scene="small",
        dataset="nuscenes",
        version="v1.0-mini",
        split="",
        taxonomy=NUSCENES.name,
        synthetic=True,
        point_columns=5,
        point_files=[f"{i}.bin" for i in range(len(ego))],
        label_files=[f"{i}.labels" if labelled else "" for i in keys],
        label_classes=list(range(17)),
        label_kinds=[0] * 17,
        label_bytes=1,
        frame_tokens=[f"frame-{i}" for i in keys],
        track_tokens=[f"track-{i}" for i in range(len(tracks))],
        track_categories=["thing"] * len(tracks),
        track_classes=[track.class_id for track in tracks],
    )


def static_map(
    points: np.ndarray,
    labels: np.ndarray | int = NOBODY,
    *,
    sweep: np.ndarray | int = 0,
    returns: int = 1,
    tracks: np.ndarray | int = -1,
    sensors: Sequence[Sequence[float]] = ((0.0, 0.0, 0.0),),
    origin_m: Sequence[float] = (0.0, 0.0, 0.0),
    block_m: float = 10.0,
    cell_m: float = 0.1,
) -> StaticMap:
    """A static map of points (N, 3) relative to the origin."""
    points = np.asarray(points, dtype=np.float32).reshape(-1, 3)
    blocks = np.floor(points[:, :2] / block_m).astype(np.int32)
    order = np.lexsort((blocks[:, 1], blocks[:, 0]))
    places, counts = np.unique(blocks[order], axis=0, return_counts=True)

    def column(value: np.ndarray | int, dtype: str) -> np.ndarray:
        return np.broadcast_to(np.asarray(value), (len(points),))[order].astype(dtype)

    return StaticMap(
        points=points[order],
        sweep=column(sweep, "int32"),
        returns=column(returns, "uint16"),
        labels=column(labels, "uint8"),
        tracks=column(tracks, "int32"),
        blocks=places.astype(np.int32).reshape(-1, 2),
        block_sweeps=np.tile(np.array([0, 2**30], np.int32), (len(places), 1)),
        block_offsets=np.append(0, np.cumsum(counts)).astype(np.int64),
        sensor_positions=np.array(sensors, dtype=np.float32).reshape(-1, 3),
        origin_m=list(origin_m),
        block_m=block_m,
        cell_m=cell_m,
        dropped={},
    )


@dataclass
class Group:
    """Points of one track in its box frame, of one key frame or of all."""

    track: int
    points: np.ndarray
    frame: int = -1
    labels: int = NOBODY
    sensor: tuple[float, float, float] | np.ndarray = (0.0, 0.0, 0.0)
    """Where the points were seen from, one for all or one each."""
    returns: int = 1


def object_clouds(
    groups: Sequence[Group], motion: Sequence[Motion], frame_boxes: np.ndarray, classes: Sequence[int]
) -> ObjectClouds:
    """Clouds of some groups; ``frame_boxes``: (K, T, 4, 4)."""
    counts = [len(group.points) for group in groups]
    total = sum(counts)

    def rows(values: list[np.ndarray], dtype: str, *shape: int) -> np.ndarray:
        return (np.concatenate(values) if values else np.zeros(0)).astype(dtype).reshape(total, *shape)

    return ObjectClouds(
        points=rows([g.points for g in groups], "float32", 3),
        sensors=rows(
            [np.broadcast_to(np.asarray(g.sensor), (n, 3)) for g, n in zip(groups, counts, strict=True)], "float32", 3
        ),
        sweep=np.zeros(total, np.int32),
        returns=rows([np.full(n, g.returns) for g, n in zip(groups, counts, strict=True)], "uint16"),
        labels=rows([np.full(n, g.labels) for g, n in zip(groups, counts, strict=True)], "uint8"),
        group_track=np.array([g.track for g in groups], dtype=np.int32),
        group_frame=np.array([g.frame for g in groups], dtype=np.int32),
        group_offsets=np.append(0, np.cumsum(counts)).astype(np.int64),
        motion=np.array(motion, dtype=np.uint8).reshape(-1),
        frame_boxes=np.asarray(frame_boxes, dtype=np.float64),
        track_size_m=np.ones((len(motion), 3), np.float32),
        track_classes=list(classes),
    )


def no_objects(frames: int = 1) -> ObjectClouds:
    return object_clouds([], [], np.zeros((frames, 0, 4, 4)), [])


Piece = tuple[int, np.ndarray, np.ndarray, np.ndarray | int]
"""Track, vertices, triangles, labels."""


SQUARE = np.array([(0, 1, 2), (0, 2, 3)])
"""Triangles of a board."""


def board(x: float, y: float, half_y: float, z: float, half_z: float) -> np.ndarray:
    """(4, 3): corners of a board across the way ahead."""
    return np.array([(x, y + i * half_y, z + k * half_z) for i, k in ((-1, -1), (1, -1), (1, 1), (-1, 1))])


def surfaces(pieces: Sequence[Piece], origin_m: Sequence[float] = (0.0, 0.0, 0.0)) -> Surfaces:
    """Surfaces made of these pieces."""
    bounds = [np.concatenate([v.min(axis=0), v.max(axis=0)]) for _, v, *_ in pieces]
    faces = [np.broadcast_to(np.asarray(labels, np.uint8), (len(t),)) for *_, t, labels in pieces]
    return Surfaces(
        vertices=np.concatenate([np.zeros((0, 3)), *(v for _, v, *_ in pieces)]).astype(np.float32),
        triangles=np.concatenate([np.zeros((0, 3)), *(t for _, _, t, _ in pieces)]).astype(np.int32),
        labels=np.concatenate([np.zeros(0), *faces]).astype(np.uint8),
        piece_track=np.array([track for track, *_ in pieces], dtype=np.int32),
        piece_sweeps=np.tile(np.array([0, 2**30], np.int32), (len(pieces), 1)),
        piece_vertices=np.append(0, np.cumsum([len(v) for _, v, *_ in pieces])).astype(np.int64),
        piece_triangles=np.append(0, np.cumsum([len(t) for *_, t, _ in pieces])).astype(np.int64),
        piece_bounds=np.array(bounds, dtype=np.float32).reshape(-1, 6),
        origin_m=list(origin_m),
    )


def sheet(
    corner: Sequence[float], along: Sequence[float], across: Sequence[float], parts: int = 16
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of a parallelogram cut into fine triangles."""
    steps = np.linspace(0, 1, parts + 1)
    u, v = np.meshgrid(steps, steps, indexing="ij")
    vertices = np.array(corner) + u.reshape(-1, 1) * np.array(along) + v.reshape(-1, 1) * np.array(across)
    i, j = (axis.ravel() for axis in np.meshgrid(np.arange(parts), np.arange(parts), indexing="ij"))
    a, b = i * (parts + 1) + j, (i + 1) * (parts + 1) + j
    triangles = np.concatenate([np.stack([a, b, b + 1], axis=1), np.stack([a, b + 1, a + 1], axis=1)])
    return vertices, triangles.astype(np.int32)


def lattice(low: Sequence[float], high: Sequence[float], step: float) -> np.ndarray:
    """(N, 3) points, ``step`` apart, upper ends excluded; one plane where an axis has no extent."""
    axes = [np.arange(a, b, step) if b > a else np.array([a]) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
