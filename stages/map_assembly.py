"""From hash-grid rows of many parts to the static map and the object clouds."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.object_clouds import Motion, ObjectClouds
from ..schemas.scene import SceneTables
from ..schemas.static_map import StaticMap
from ..schemas.taxonomy import NO_LABEL
from .kernels.cells import majority_labels, mean_offsets, merge_rows, quantise, unpack_nearest
from .stage import PartResult, SceneView
from .tracks import Track

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Poses = Callable[[Int64, slice], Float64]
"""``world_SE3_box`` (N, T, 4, 4) of some tracks in some sweeps (N,)."""

_BLOCK_BITS, _XY_BITS, _Z_BITS = 12, 7, 13
_OBJECT_CELL_BITS, _FRAME_BITS, _TRACK_BITS = 11, 10, 12
_TRACK_SHIFT = 3 * _OBJECT_CELL_BITS + _FRAME_BITS
_TRACKS_AT_ONCE = 16
_STATIC_ROWS = (("float32", (3,)), ("int32", ()), ("uint16", ()), ("uint8", ()), ("int32", ()))
"""Dtype and shape of a row of points, sweep, returns, labels and tracks of the static map."""
_OBJECT_ROWS = (("float32", (3,)), ("float32", (3,)), ("int32", ()), ("uint16", ()), ("uint8", ()))
"""The same of points, sensors, sweep, returns and labels of the object clouds."""


@dataclass(frozen=True)
class CellFrame:
    """The hash grid of a scene's static world: a local origin, square blocks, cells in them, and their int64 keys.

    A key is block x, block y (12 bits each), cell x, cell y in the block (7 bits), cell z (13 bits), so keys sort by
    block; with ``key << 8 | label`` it stays below 63 bits.
    """

    origin_m: tuple[float, float, float]
    cell_m: float
    cells_per_block: int

    def __post_init__(self) -> None:
        if not 1 <= self.cells_per_block <= 1 << _XY_BITS:
            raise ValueError(f"a block must be 1 to {1 << _XY_BITS} cells wide, found {self.cells_per_block}")

    @classmethod
    def of(cls, tables: SceneTables, cell_m: float, block_m: float) -> CellFrame:
        """The frame of a scene: its origin is the first ego position, rounded down to a whole block in the world."""
        block = round(block_m / cell_m) * cell_m
        start = tables.world_SE3_ego[0, :3, 3]
        x, y, z = (float(v) for v in np.floor(start / block) * block)
        return cls((x, y, z), cell_m, round(block_m / cell_m))

    @property
    def block_m(self) -> float:
        """Edge of a block, metres."""
        return self.cells_per_block * self.cell_m

    @property
    def local_SE3_world(self) -> Float64:
        """(4, 4) float64: subtracts the origin."""
        matrix = np.eye(4)
        matrix[:3, 3] = np.negative(self.origin_m)
        return matrix

    def keys(self, points: Float64) -> tuple[Int64, Int64]:
        """Keys (N,) and quantised offsets (N, 3) of points (N, 3) float64, metres, relative to the origin."""
        cells, offsets = quantise(points, self.cell_m)
        block = cells[:, :2] // self.cells_per_block
        inside = cells[:, :2] - block * self.cells_per_block
        block = block + (1 << (_BLOCK_BITS - 1))
        height = cells[:, 2] + (1 << (_Z_BITS - 1))
        keys = block[:, 0]
        for bits, value in (
            (_BLOCK_BITS, block[:, 1]),
            (_XY_BITS, inside[:, 0]),
            (_XY_BITS, inside[:, 1]),
            (_Z_BITS, height),
        ):
            keys = keys << bits | value
        return keys, offsets

    def cells(self, keys: Int64) -> tuple[Int64, Int64]:
        """Blocks (N, 2) and cells (N, 3), counted from the origin, of keys."""
        height = (keys & ((1 << _Z_BITS) - 1)) - (1 << (_Z_BITS - 1))
        rest = keys >> _Z_BITS
        y, x = rest & ((1 << _XY_BITS) - 1), (rest >> _XY_BITS) & ((1 << _XY_BITS) - 1)
        rest = rest >> (2 * _XY_BITS)
        block = np.stack([rest >> _BLOCK_BITS, rest & ((1 << _BLOCK_BITS) - 1)], axis=1) - (1 << (_BLOCK_BITS - 1))
        xy = block * self.cells_per_block + np.stack([x, y], axis=1)
        return block, np.concatenate([xy, height[:, None]], axis=1)

    @staticmethod
    def object_keys(points: Float64, cell_m: float, track: int, group: int) -> tuple[Int64, Int64]:
        """Keys and quantised offsets of points of one track in its box frame; group 0 is rigid, else key frame + 1.

        Raises ValueError beyond 1023 key frames or 4095 tracks: with ``key << 8 | label`` they would not fit 63 bits.
        """
        if group >= 1 << _FRAME_BITS or track >= 1 << _TRACK_BITS:
            raise ValueError(
                f"track {track} in key frame {group - 1}: a scene this long needs cutting into shorter ones"
            )
        cells, offsets = quantise(points, cell_m)
        cells = np.clip(cells + (1 << (_OBJECT_CELL_BITS - 1)), 0, (1 << _OBJECT_CELL_BITS) - 1)
        keys = np.full(len(points), track << _FRAME_BITS | group, dtype=np.int64)
        for axis in range(3):
            keys = keys << _OBJECT_CELL_BITS | cells[:, axis]
        return keys, offsets


def _sensors(tables: SceneTables) -> Float64:
    return np.array([tables.world_SE3_lidar(s)[:3, 3] for s in range(len(tables.timestamps_ns))]).reshape(-1, 3)


def assemble_static(
    scene: SceneView, frame: CellFrame, results: Sequence[PartResult], dropped: dict[str, int]
) -> StaticMap:
    """The static map, merged column of blocks by column; rows that are made wait outside memory."""
    # What no key frame labelled takes its parked object's class; track -1, no object, takes the last entry.
    by_box = np.array([*scene.tables.track_classes, NO_LABEL], dtype=np.uint8)
    made = [scene.spill(dtype, row) for dtype, row in _STATIC_ROWS]
    per_column: list[tuple[NDArray[np.int32], Int64]] = [(np.zeros((0, 2), np.int32), np.zeros(0, np.int64))]
    for low, high in itertools.pairwise(_columns(results)):
        cells = [_between(r["static"], low, high) for r in results]
        votes = [_between(r["static_votes"], low << 8, high << 8) for r in results]
        rows, blocks_and_counts = _static_column(frame, cells, votes, by_box)
        per_column.append(blocks_and_counts)
        for whole, some in zip(made, rows, strict=True):
            whole.append(some)
    points, sweep, returns, labels, tracks = (whole.array() for whole in made)
    blocks, counts = (np.concatenate(pieces) for pieces in zip(*per_column, strict=True))
    return StaticMap(
        points=points,
        sweep=sweep,
        returns=returns,
        labels=labels,
        tracks=tracks,
        blocks=blocks,
        block_offsets=np.append(0, np.cumsum(counts)).astype(np.int64),
        sensor_positions=(_sensors(scene.tables) - frame.origin_m).astype(np.float32),
        origin_m=list(frame.origin_m),
        block_m=frame.block_m,
        cell_m=frame.cell_m,
        dropped=dropped,
    )


def _columns(results: Sequence[PartResult]) -> list[int]:
    """Keys that part the tables into columns of blocks, from the least key to above the greatest."""
    shift = _BLOCK_BITS + 2 * _XY_BITS + _Z_BITS
    ends = [int(key) >> shift for r in results if len(r["static"]) for key in r["static"][[0, -1], 0]]
    return [column << shift for column in range(min(ends, default=0), max(ends, default=0) + 2)]


def _between(rows: Int64, low: int, high: int) -> Int64:
    """A copy of the rows with low <= key < high, of rows sorted by key. Reads little else of a mapped table."""
    start, stop = (bisect.bisect_left(range(len(rows)), key, key=lambda i: int(rows[i, 0])) for key in (low, high))
    return np.array(rows[start:stop])


def _static_column(
    frame: CellFrame, cells: list[Int64], votes: list[Int64], by_box: NDArray[np.uint8]
) -> tuple[tuple[NDArray[np.generic], ...], tuple[NDArray[np.int32], Int64]]:
    """Rows of the map as :data:`_STATIC_ROWS` has them, and each block with the number of its rows."""
    rows = merge_rows(cells)
    keys = rows[:, 0]
    blocks, places = frame.cells(keys)
    points = ((places + mean_offsets(rows)) * frame.cell_m).astype(np.float32)
    sweep, tracks = unpack_nearest(rows[:, 5])
    returns = np.minimum(rows[:, 4], 65_535).astype(np.uint16)
    labels = majority_labels(keys, votes)
    labels = np.where(labels == NO_LABEL, by_box[tracks], labels)
    starts = np.flatnonzero(np.append(True, np.any(np.diff(blocks, axis=0) != 0, axis=1))[: len(blocks)])
    counts = np.diff(np.append(starts, len(blocks)))
    return (points, sweep, returns, labels, tracks), (blocks[starts].astype(np.int32), counts.astype(np.int64))


def assemble_objects(
    scene: SceneView,
    cell_m: float,
    results: Sequence[PartResult],
    tracks: list[Track],
    motion: list[Motion],
    poses: Poses,
) -> ObjectClouds:
    """The clouds of all moving objects, merged some tracks at a time, and every track's box in every key frame."""
    tables = scene.tables
    made = [scene.spill(dtype, row) for dtype, row in _OBJECT_ROWS]
    per_group: list[tuple[NDArray[np.generic], ...]] = []
    for first in range(0, max(len(tracks), 1), _TRACKS_AT_ONCE):
        some = slice(first, first + _TRACKS_AT_ONCE)
        low, high = some.start << _TRACK_SHIFT, some.stop << _TRACK_SHIFT
        rows = merge_rows([_between(r["objects"], low, high) for r in results])
        votes = [_between(r["object_votes"], low << 8, high << 8) for r in results]
        columns, groups = _clouds(tables, cell_m, rows, votes, some, poses)
        per_group.append(groups)
        for whole, piece in zip(made, columns, strict=True):
            whole.append(piece)
    points, sensors, sweep, returns, labels = (whole.array() for whole in made)
    group_track, group_frame, counts = (np.concatenate(pieces) for pieces in zip(*per_group, strict=True))
    return ObjectClouds(
        points=points,
        sensors=sensors,
        sweep=sweep,
        returns=returns,
        labels=labels,
        group_track=group_track,
        group_frame=group_frame,
        group_offsets=np.append(0, np.cumsum(counts)).astype(np.int64),
        motion=np.array(motion, dtype=np.uint8).reshape(-1),
        frame_boxes=poses(tables.key_sweeps, slice(None)),
        track_size_m=np.array([t.size_m for t in tracks], dtype=np.float32).reshape(-1, 3),
        track_classes=list(tables.track_classes),
    )


def _clouds(
    tables: SceneTables, cell_m: float, rows: Int64, votes: list[Int64], tracks: slice, poses: Poses
) -> tuple[tuple[NDArray[np.generic], ...], tuple[NDArray[np.generic], ...]]:
    """Rows as :data:`_OBJECT_ROWS` has them; and per group its track, key frame (-1 for rigid) and number of rows."""
    keys = rows[:, 0]
    cell_mask, bits = (1 << _OBJECT_CELL_BITS) - 1, _OBJECT_CELL_BITS
    cells = np.stack([keys >> 2 * bits & cell_mask, keys >> bits & cell_mask, keys & cell_mask], axis=1)
    points = (cells - (1 << (bits - 1)) + mean_offsets(rows)) * cell_m
    groups, counts = np.unique(keys >> 3 * bits, return_counts=True)
    sweep, track = unpack_nearest(rows[:, 5])
    columns = (
        points.astype(np.float32),
        _sensors_in_boxes(tables, sweep, track - tracks.start, lambda sweeps: poses(sweeps, tracks)),
        sweep,
        np.minimum(rows[:, 4], 65_535).astype(np.uint16),
        majority_labels(keys, votes),
    )
    return columns, (
        (groups >> _FRAME_BITS).astype(np.int32),
        ((groups & ((1 << _FRAME_BITS) - 1)) - 1).astype(np.int32),
        counts.astype(np.int64),
    )


def _sensors_in_boxes(
    tables: SceneTables, sweep: NDArray[np.int32], track: NDArray[np.int32], poses: Callable[[Int64], Float64]
) -> NDArray[np.float32]:
    pairs, place = np.unique(sweep.astype(np.int64) << 32 | track, return_inverse=True)
    sweeps, tracks = pairs >> 32, pairs & 0xFFFFFFFF
    if len(pairs) == 0:
        return np.zeros((0, 3), dtype=np.float32)
    used, row = np.unique(sweeps, return_inverse=True)
    positions = np.array([tables.world_SE3_lidar(int(s))[:, 3] for s in used])
    boxes = poses(used)[row, tracks]
    sensors = np.linalg.solve(boxes, positions[row][:, :, None])[:, :3, 0]
    return sensors[place].astype(np.float32)
