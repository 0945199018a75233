"""What the cameras of a key frame look at: voxels that no surface hides from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..schemas.cameras import NO_IMAGE
from ..schemas.grid import VoxelGrid
from ..schemas.occupancy import Body
from ..schemas.product import ProductReader
from .grid_frames import grid_corners, voxels_from_metres
from .kernels.depth import draw_points, draw_triangles, find_looked_at
from .kernels.split import transform
from .shapes import Shapes

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
POINT_M = 0.15
"""How wide a point of a person hides what is behind it."""
_MATRICES = ("ego_SE3_camera", "world_SE3_ego", "intrinsics")


@dataclass(frozen=True)
class View:
    """A camera at an image's time, its image made as small as the grid allows."""

    camera_SE3_world: Float64
    intrinsics: Float64
    width: int
    height: int

    @classmethod
    def of(
        cls, world_SE3_camera: Float64, intrinsics: Float64, size: list[int], grid: VoxelGrid, reach_m: float
    ) -> View:
        """Pixels are at most half a voxel wide at the grid's farthest corner, ``reach_m`` away, if the image's own are."""
        shrink = max(1, math.floor(min(intrinsics[0, 0], intrinsics[1, 1]) * grid.voxel_m / 2 / reach_m))
        smaller = np.diag([1 / shrink, 1 / shrink, 1.0]) @ intrinsics
        return cls(np.linalg.inv(world_SE3_camera), smaller, math.ceil(size[0] / shrink), math.ceil(size[1] / shrink))

    def nearness(self, shapes: Shapes, frame: int) -> Float32:
        """(height, width) float32: 1 / depth, metres, of what is nearest at each pixel's middle; 0 for nothing."""
        k = self.intrinsics
        lens = (float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]))
        image = np.zeros((self.height, self.width), dtype=np.float32)
        for (_, vertices, triangles, _), camera_SE3_piece in shapes.placed(self.camera_SE3_world, frame):
            draw_triangles(transform(vertices, camera_SE3_piece), triangles, lens, image)
        for points, camera_SE3_box in shapes.placed_points(self.camera_SE3_world, frame):
            if points.body == Body.DEFORMING:
                draw_points(transform(points.points, camera_SE3_box), POINT_M, lens, image)
        return image


def without(shapes: Shapes, hidden: Callable[[Float64], Bool]) -> Shapes:
    """The shapes without static triangles whose middles, (N, 3) metres, world, are ``hidden``."""
    world_SE3_local = shapes.from_local(np.eye(4))

    def kept(track: int, vertices: Float32, triangles: NDArray[np.int32]) -> NDArray[np.int32]:
        if track >= 0 or len(triangles) == 0:
            return triangles
        middles = vertices[triangles].mean(axis=1)
        return triangles[~hidden(transform(middles, world_SE3_local))]

    return replace(shapes, pieces=[(t, v, kept(t, v, f), labels) for t, v, f, labels in shapes.pieces])


def looked_at(
    cameras: ProductReader,
    frame: int,
    grid: VoxelGrid,
    world_SE3_grid: Float64,
    shapes: Shapes,
    asked: Bool,
    margin_m: float,
) -> Bool:
    """(X, Y, Z) bool: which of the voxels ``asked`` some camera of the key frame looks at, past all ``shapes``.

    ``cameras``: :class:`CameraTables`. ``margin_m``: how far behind a surface is still looked at. Every voxel is asked at
    several places of it: rays through pixels would pass by most voxels of a road that they graze.
    """
    seen = np.zeros(grid.shape, dtype=np.bool_)
    voxels = np.argwhere(asked)
    stamps: NDArray[np.int64] = cameras.rows("timestamps_ns", frame, frame + 1)[0]
    ego_SE3_camera, world_SE3_ego, intrinsics = (_of_frame(cameras, name, frame) for name in _MATRICES)
    world_SE3_voxel = world_SE3_grid @ np.linalg.inv(voxels_from_metres(grid))
    corners = grid_corners(grid) @ world_SE3_grid[:3, :3].T + world_SE3_grid[:3, 3]
    for camera in np.flatnonzero(stamps != NO_IMAGE).tolist():
        world_SE3_camera: Float64 = world_SE3_ego[camera] @ ego_SE3_camera[camera]
        reach_m = float(np.linalg.norm(corners - world_SE3_camera[:3, 3], axis=1).max())
        view = View.of(world_SE3_camera, intrinsics[camera], cameras.attribute("image_sizes")[camera], grid, reach_m)
        pixel_P_voxel = view.intrinsics @ (view.camera_SE3_world @ world_SE3_voxel)[:3]
        find_looked_at(view.nearness(shapes, frame), pixel_P_voxel, voxels, margin_m, seen)
    return seen


def _of_frame(cameras: ProductReader, name: str, frame: int) -> Float64:
    """Matrices of every camera of a key frame."""
    matrices: Float64 = cameras.rows(name, frame, frame + 1)[0]
    return matrices
