"""Reads the exact truth beside a simulated log: what every voxel of any grid holds, and which ones the LiDAR saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import InputError, UsageError
from ...schemas.grid import VoxelGrid
from ...schemas.taxonomy import NO_LABEL
from .clip import clip
from .jit import kernel
from .log import MARKER
from .meshes import Float64

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class TruthFrame:
    """What is true in one key frame. All arrays are (X, Y, Z).

    Moving objects stand where they were when the key frame's rolling scan passed over them, as their boxes do.
    """

    semantics: UInt8
    """uint8: where a true surface lies in the voxel, the class with the largest area in it (ties: lowest id); 255 elsewhere."""
    static: UInt8
    """uint8: the same for what never moves in the scene, parked objects included."""
    rigid: UInt8
    """uint8: the same for objects that move as one piece."""
    deforming: UInt8
    """uint8: the same for people and cyclists."""
    seen: Bool
    """bool: a noise-free return of any sweep fell into the voxel, moved along with the body it hit."""
    seen_static: Bool
    seen_rigid: Bool
    seen_deforming: Bool


@dataclass(frozen=True)
class Scene:
    """A scene's truth in memory, returns left on disk. Body: a rigid object, or a limb."""

    origin_m: Float64
    """(3,) world place that static coordinates are relative to."""
    static: Float64
    """(F, 3, 3) corners of static triangles, metres from the origin."""
    static_classes: UInt8
    bodies: Float64
    """(G, 3, 3) corners of bodies' triangles, metres, each in its body's frame."""
    bodies_classes: UInt8
    body_triangles: NDArray[np.int64]
    """(B + 1,) rows of each body in ``bodies``."""
    body_deforming: Bool
    tokens: tuple[str, ...]
    """(K) key frames."""
    world_SE3_ego: Float64
    """(K, 4, 4)."""
    world_SE3_lidar: Float64
    world_SE3_body: Float64
    """(K, B, 4, 4) where each body is in each key frame."""
    body_returns: NDArray[np.int64]
    """(B + 1,) rows of each body in ``moving_returns``."""
    moving_returns: NDArray[np.float32]
    """(N, 3) metres, each in its body's frame."""
    static_returns: tuple[NDArray[np.float32], ...]
    """(M, 3) each, metres from the origin."""


class Truth:
    """The truth of a simulated log."""

    def __init__(self, folder: Path, scenes: tuple[str, ...]) -> None:
        self._folder = folder
        self._loaded: dict[str, Scene] = {}
        self.scenes = scenes
        """Names of the scenes."""

    @classmethod
    def open(cls, directory: Path) -> Truth:
        """The truth of the log in a folder. Raises UsageError if that is no simulated log."""
        folder = directory / "truth"
        if not (directory / MARKER).is_file() or not folder.is_dir():
            raise UsageError(
                "not a simulated log",
                file=str(directory),
                found=f"no {MARKER}",
                expected="a folder made by `occ-pipeline sample`",
                fix="name the log's own folder, as --out of sample did",
            )
        return cls(folder, tuple(sorted(path.name for path in folder.iterdir())))

    def frame_tokens(self, scene: str) -> tuple[str, ...]:
        """Sample tokens of a scene's key frames, in order of time."""
        return self.scene(scene).tokens

    def scene(self, name: str) -> Scene:
        """A scene's surfaces, poses and returns. Raises InputError if the log has no such scene or its files are broken."""
        if name not in self.scenes:
            raise InputError("no such scene in the truth", scene=name, expected=", ".join(self.scenes))
        if name not in self._loaded:
            self._loaded[name] = _load(self._folder / name)
        return self._loaded[name]

    def frame(self, scene: str, frame_token: str, grid: VoxelGrid) -> TruthFrame:
        """The truth of a key frame on a grid. Raises InputError if the scene has no such key frame."""
        data = self.scene(scene)
        if frame_token not in data.tokens:
            raise InputError("no such key frame in the truth", scene=scene, frame=frame_token)
        k = data.tokens.index(frame_token)
        world_SE3_grid = (data.world_SE3_ego if grid.frame == "ego" else data.world_SE3_lidar)[k]
        voxels_SE3_world = _voxels_from_world(world_SE3_grid, grid)
        layers: list[UInt8] = []
        seen: list[Bool] = []
        totals: list[tuple[NDArray[np.int64], UInt8, Float64]] = []
        poses = voxels_SE3_world @ data.world_SE3_body[k]
        kinds = [_static(data, voxels_SE3_world)] + [
            _moving(data, poses, data.body_deforming == deforming) for deforming in (False, True)
        ]
        for corners, classes, returns in kinds:
            near = _near(corners, grid.shape)
            triangles, voxels, found = clip(corners[near], grid.shape)
            entries = (voxels, classes[near][triangles], found)
            totals.append(entries)
            layers.append(_largest([entries], grid.shape))
            hits = np.zeros(grid.shape, dtype=np.bool_)
            for matrix, points in returns:
                _mark(points, matrix, hits)
            # A return may round across a voxel's face that its surface only touches.
            seen.append(hits & (layers[-1] != NO_LABEL))
        (static, rigid, deforming), whole = layers, _largest(totals, grid.shape)
        return TruthFrame(whole, static, rigid, deforming, seen[0] | seen[1] | seen[2], *seen)


Kind = tuple[Float64, UInt8, list[tuple[Float64, NDArray[np.float32]]]]
"""Triangles in voxels, their classes, and returns with the transforms that bring them to voxels."""


def _static(data: Scene, voxels_SE3_world: Float64) -> Kind:
    move = voxels_SE3_world @ _shift(data.origin_m)
    return _apply(move, data.static), data.static_classes, [(move, points) for points in data.static_returns]


def _moving(data: Scene, poses: Float64, chosen: Bool) -> Kind:
    numbers = np.flatnonzero(chosen)
    rows = [slice(int(data.body_triangles[b]), int(data.body_triangles[b + 1])) for b in numbers]
    corners = [_apply(poses[b], data.bodies[part]) for b, part in zip(numbers, rows, strict=True)]
    classes = [data.bodies_classes[part] for part in rows]
    returns = [(poses[b], data.moving_returns[data.body_returns[b] : data.body_returns[b + 1]]) for b in numbers]
    return np.concatenate([np.empty((0, 3, 3)), *corners]), np.concatenate([np.empty(0, np.uint8), *classes]), returns


def _voxels_from_world(world_SE3_grid: Float64, grid: VoxelGrid) -> Float64:
    """(4, 4) affine: world metres to voxels from the grid's lower corner."""
    scale = np.diag([1 / grid.voxel_m] * 3 + [1.0])
    return scale @ _shift(-np.array(grid.min_m)) @ np.linalg.inv(world_SE3_grid)


def _shift(by: Float64) -> Float64:
    matrix = np.eye(4)
    matrix[:3, 3] = by
    return matrix


def _apply(matrix: Float64, corners: Float64) -> Float64:
    return corners @ matrix[:3, :3].T + matrix[:3, 3]


def _near(corners: Float64, shape: tuple[int, int, int]) -> Bool:
    """(F,) bool: triangles whose bounds meet the grid's."""
    return ((corners.max(axis=1) >= 0) & (corners.min(axis=1) < shape)).all(axis=1)


def _largest(parts: list[tuple[NDArray[np.int64], UInt8, Float64]], shape: tuple[int, int, int]) -> UInt8:
    """The class with the largest area in every voxel, from (voxel, class, area) entries."""
    voxels, classes, found = (np.concatenate(column) for column in zip(*parts, strict=True))
    result = np.full(shape, NO_LABEL, dtype=np.uint8)
    if not len(voxels):
        return result
    keys = voxels * 256 + classes
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    sums = np.add.reduceat(found[order], starts)
    pairs = keys[order][starts]
    best = np.lexsort((pairs % 256, -sums, pairs // 256))
    firsts = best[np.flatnonzero(np.diff(pairs[best] // 256, prepend=-1))]
    result.reshape(-1)[pairs[firsts] // 256] = (pairs[firsts] % 256).astype(np.uint8)
    return result


@kernel
def _mark(points: NDArray[np.float32], matrix: Float64, hits: Bool) -> None:
    """Marks voxels that points (N, 3) fall into, once moved by an affine matrix (4, 4) to voxels."""
    nx, ny, nz = hits.shape
    for k in range(len(points)):
        px, py, pz = float(points[k, 0]), float(points[k, 1]), float(points[k, 2])
        z = matrix[2, 0] * px + matrix[2, 1] * py + matrix[2, 2] * pz + matrix[2, 3]
        if z < 0 or z >= nz:
            continue
        x = matrix[0, 0] * px + matrix[0, 1] * py + matrix[0, 2] * pz + matrix[0, 3]
        y = matrix[1, 0] * px + matrix[1, 1] * py + matrix[1, 2] * pz + matrix[1, 3]
        if 0 <= x < nx and 0 <= y < ny:
            hits[int(x), int(y), int(z)] = True


def _load(folder: Path) -> Scene:
    try:
        with np.load(folder / "surfaces.npz") as surfaces, np.load(folder / "frames.npz") as frames:
            values = {**surfaces, **frames}
        files = sorted((folder / "returns").glob("[0-9]*.npy"))
        static = tuple(np.load(path, mmap_mode="r") for path in files)
        moving = np.load(folder / "returns" / "bodies.npy", mmap_mode="r")
        tokens = tuple(str(name) for name in values.pop("tokens"))
        return Scene(**values, tokens=tokens, moving_returns=moving, static_returns=static)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "the truth of a scene cannot be read", scene=folder.name, found=str(error), fix="make the sample log again"
        ) from error
