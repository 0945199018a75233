"""A wall before two cameras that look ahead, in two key frames, and things that stand between, or are only said to."""

from __future__ import annotations

from functools import cache

import numpy as np
from occ_pipeline.schemas.cameras import CameraTables, project
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.image_labels import ImageLabels
from occ_pipeline.schemas.object_clouds import ObjectClouds
from occ_pipeline.schemas.occupancy import Body, CarvedOccupancy, State
from occ_pipeline.schemas.surfaces import Surfaces
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.tests.stages.small_world import (
    CAR,
    ROAD,
    SQUARE,
    WALL,
    World,
    board,
    moved,
    no_objects,
    pose,
    surfaces,
    tables_of,
)

Voxel = tuple[int, int, int]
EGO = [pose(1000.3, -200.1, 5.2, 0.7), pose(1000.6, -200.0, 5.2, 0.72)]
GRID = VoxelGrid.from_range((-4.0, -8.0, -0.4, 16.0, 8.0, 3.6), 0.4)
WIDE, HIGH = 200, 150
WALL_X, CAR_X = 12.2, 6.2
SKY = 255


def voxel(x: float, y: float, z: float) -> Voxel:
    i, j, k = GRID.index(np.array([[x, y, z]]))[0][0].tolist()
    return i, j, k


def things(kind: Body = Body.STATIC) -> dict[Voxel, tuple[int, Body]]:
    """The wall, a road before it, and a car of 2 x 4 x 3 voxels."""
    made = {voxel(WALL_X, y, z): (WALL, Body.STATIC) for y in np.arange(-7.8, 8, 0.4) for z in np.arange(0.2, 3.6, 0.4)}
    made |= {
        voxel(x, y, -0.2): (ROAD, Body.STATIC) for x in np.arange(-3.8, 12.4, 0.4) for y in np.arange(-7.8, 8, 0.4)
    }
    return made | car(kind)


def car(kind: Body = Body.STATIC) -> dict[Voxel, tuple[int, Body]]:
    places = [(CAR_X + x, y, z) for x in (0, 0.4) for y in (-0.6, -0.2, 0.2, 0.6) for z in (0.2, 0.6, 1.0)]
    return {voxel(*place): (CAR, kind) for place in places}


def occupancy(occupied: dict[Voxel, tuple[int, Body]]) -> CarvedOccupancy:
    """The same in both key frames but for the ego vehicle's step, which is left to the voxels' own size; all else free."""
    shape = (2, *GRID.shape)
    state, semantics, body = np.ones(shape, np.uint8), np.full(shape, 255, np.uint8), np.zeros(shape, np.uint8)
    for where, (label, kind) in occupied.items():
        for frame in range(2):
            place = (frame, *where)
            state[place], semantics[place], body[place] = State.OCCUPIED, label, kind
    return CarvedOccupancy(
        state=state, semantics=semantics, body=body, world_SE3_grid=np.array([EGO[0], EGO[0]]), grid=GRID.to_json(),
        taxonomy=NUSCENES.name, frame_tokens=["frame-0", "frame-1"],
        mask_lidar=np.ones(shape, np.uint8), mask_camera=np.zeros(shape, np.uint8),
    )  # fmt: skip


def fronts() -> Surfaces:
    """What cameras see of the wall and of the car."""
    wall, near = board(WALL_X, 0.0, 8.0, 1.6, 2.0), board(CAR_X, 0.0, 0.75, 0.6, 0.55)
    pieces = [(-1, moved(corners, EGO[0]) - EGO[0][:3, 3], SQUARE, WALL) for corners in (wall, near)]
    return surfaces(pieces, origin_m=EGO[0][:3, 3].tolist())


def cameras(size: tuple[int, int] = (WIDE, HIGH)) -> CameraTables:
    """Both look ahead, 90 degrees wide, 0.6 m apart, from a little ahead of the ego vehicle's origin."""
    ego_SE3_camera = np.tile(np.eye(4), (2, 2, 1, 1))
    # Right is -y, down is -z, ahead is x.
    ego_SE3_camera[..., :3, :3] = np.array([(0, 0, 1), (-1, 0, 0), (0, -1, 0)])
    ego_SE3_camera[:, 0, :3, 3], ego_SE3_camera[:, 1, :3, 3] = (1.0, 0.3, 1.75), (1.0, -0.3, 1.75)
    wide, high = size
    return CameraTables(
        timestamps_ns=np.arange(4).reshape(2, 2) * 10**8, world_SE3_ego=np.stack([[e, e] for e in EGO]),
        ego_SE3_camera=ego_SE3_camera,
        intrinsics=np.tile(np.array([[wide / 2, 0, wide / 2], [0, wide / 2, high / 2], [0, 0, 1]]), (2, 2, 1, 1)),
        scene="small", names=["LEFT", "RIGHT"], frame_tokens=["frame-0", "frame-1"],
        image_files=[[f"{c}{k}.jpg" for c in "lr"] for k in range(2)], image_sizes=[[wide, high]] * 2,
    )  # fmt: skip


def photograph(occupied: dict[Voxel, tuple[int, Body]], tables: CameraTables, frame: int, camera: int) -> np.ndarray:
    """(H, W) labels of what stands there, painted from far to near: dense points of every voxel, by the camera model."""
    wide, high = tables.image_sizes[camera]
    image = np.full((high, wide), SKY, np.uint8)
    if not occupied:
        return image
    inside = np.stack(np.meshgrid(*[np.arange(0.05, 1, 0.1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    cells = np.array(list(occupied))
    points = ((cells[:, None] + inside) * GRID.voxel_m + GRID.min_m).reshape(-1, 3)
    labels = np.repeat([label for label, _ in occupied.values()], len(inside))
    camera_SE3_grid = np.linalg.inv(tables.world_SE3_camera(frame, camera)) @ EGO[0]
    pixels, depth = project(points, camera_SE3_grid, tables.intrinsics[frame, camera])
    order = np.argsort(-depth, kind="stable")
    order = order[np.isfinite(pixels[order]).all(axis=1)]
    columns, rows = np.floor(pixels[order]).astype(int).T
    kept = (columns >= 0) & (columns < wide) & (rows >= 0) & (rows < high)
    image[rows[kept], columns[kept]] = labels[order][kept]
    return image


def image_labels(images: np.ndarray) -> ImageLabels:
    """Of (2, 2, H, W) label images at their own size."""
    return ImageLabels(
        labels=images, names=["LEFT", "RIGHT"], sizes=[[images.shape[3], images.shape[2]]] * 2, pixels=[1, 1],
        taxonomy=NUSCENES.name, frame_tokens=["frame-0", "frame-1"],
    )  # fmt: skip


def seen_world(said: dict[Voxel, tuple[int, Body]], true: dict[Voxel, tuple[int, Body]]) -> World:
    """A scene whose voxels are what is ``said``, and whose images show what is ``true``."""
    world = World(tables_of(EGO, [0, 1]))
    images = _photographs(tuple(true.items())).copy()
    world.products |= {CarvedOccupancy: occupancy(said), CameraTables: cameras(), ImageLabels: image_labels(images)}
    world.products |= {Surfaces: fronts(), ObjectClouds: no_objects(2)}
    return world


@cache
def _photographs(true: tuple[tuple[Voxel, tuple[int, Body]], ...]) -> np.ndarray:
    """(2, 2, H, W) labels, frame and camera first."""
    tables = cameras()
    return np.array([[photograph(dict(true), tables, frame, camera) for camera in range(2)] for frame in range(2)])
