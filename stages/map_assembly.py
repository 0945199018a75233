"""From hash-grid rows of many parts to the static map and the object clouds."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..schemas.object_clouds import Motion, ObjectClouds
from ..schemas.product import Array, Blocks
from ..schemas.scene import SceneTables
from ..schemas.static_map import StaticMap
from ..schemas.taxonomy import NO_LABEL
from .cell_frame import BLOCK_BITS, GROUP_SHIFT, OBJECT_CELL_BITS, VISIT_BITS, XY_BITS, Z_BITS, CellFrame
from .kernels.cells import majority_labels, mean_offsets, merge_rows, unpack_nearest
from .object_groups import ObjectGroups
from .stage import PartResult, SceneView
from .tracks import Track
from .visits import BlockVisits

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Poses = Callable[[Int64, slice], Float64]
"""``world_SE3_box`` (N, T, 4, 4) of some tracks in some sweeps (N,)."""

_TRACKS_AT_ONCE, _FRAMES_AT_ONCE = 16, 64
_STATIC_ROWS = (("float32", (3,)), ("int32", ()), ("uint16", ()), ("uint8", ()), ("int32", ()))
"""Dtype and shape of a row of points, sweep, returns, labels and tracks of the static map."""
_OBJECT_ROWS = (("float32", (3,)), ("float32", (3,)), ("int32", ()), ("uint16", ()), ("uint8", ()))
"""The same of points, sensors, sweep, returns and labels of the object clouds."""


def _sensors(tables: SceneTables) -> Float64:
    return np.array([tables.world_SE3_lidar(s)[:3, 3] for s in range(len(tables.timestamps_ns))]).reshape(-1, 3)


def assemble_static(
    scene: SceneView, frame: CellFrame, visits: BlockVisits, results: Sequence[PartResult], dropped: dict[str, int]
) -> StaticMap:
    """The static map, merged column of blocks by column; rows that are made wait outside memory."""
    # What no key frame labelled takes its parked object's class; track -1, no object, takes the last entry.
    by_box = np.array([*scene.tables.track_classes, NO_LABEL], dtype=np.uint8)
    made = [scene.spill(dtype, row) for dtype, row in _STATIC_ROWS]
    per_column: list[tuple[Int64, Int64]] = [(np.zeros((0, 3), np.int64), np.zeros(0, np.int64))]
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
        blocks=blocks[:, :2].astype(np.int32),
        block_sweeps=np.array([visits.span(x, y, visit) for x, y, visit in blocks.tolist()], np.int32).reshape(-1, 2),
        block_offsets=np.append(0, np.cumsum(counts)).astype(np.int64),
        sensor_positions=(_sensors(scene.tables) - frame.origin_m).astype(np.float32),
        origin_m=list(frame.origin_m),
        block_m=frame.block_m,
        cell_m=frame.cell_m,
        dropped=dropped,
    )


def _columns(results: Sequence[PartResult]) -> list[int]:
    """Keys that part the tables into columns of blocks, from the least key to above the greatest."""
    shift = BLOCK_BITS + VISIT_BITS + 2 * XY_BITS + Z_BITS
    ends = [int(key) >> shift for r in results if len(r["static"]) for key in r["static"][[0, -1], 0]]
    return [column << shift for column in range(min(ends, default=0), max(ends, default=0) + 2)]


def _between(rows: Int64, low: int, high: int) -> Int64:
    """A copy of the rows with low <= key < high, of rows sorted by key. Reads little else of a mapped table."""
    start, stop = (bisect.bisect_left(range(len(rows)), key, key=lambda i: int(rows[i, 0])) for key in (low, high))
    return np.array(rows[start:stop])


def _static_column(
    frame: CellFrame, cells: list[Int64], votes: list[Int64], by_box: NDArray[np.uint8]
) -> tuple[tuple[NDArray[np.generic], ...], tuple[Int64, Int64]]:
    """Rows of the map as :data:`_STATIC_ROWS` has them; and each block and visit (M, 3) with the number of its rows."""
    rows = merge_rows(cells)
    keys = rows[:, 0]
    block, visit, places = frame.cells(keys)
    blocks = np.concatenate([block, visit[:, None]], axis=1)
    points = ((places + mean_offsets(rows)) * frame.cell_m).astype(np.float32)
    sweep, tracks = unpack_nearest(rows[:, 5])
    returns = np.minimum(rows[:, 4], 65_535).astype(np.uint16)
    labels = majority_labels(keys, votes)
    labels = np.where(labels == NO_LABEL, by_box[tracks], labels)
    starts = np.flatnonzero(np.append(True, np.any(np.diff(blocks, axis=0) != 0, axis=1))[: len(blocks)])
    counts = np.diff(np.append(starts, len(blocks)))
    return (points, sweep, returns, labels, tracks), (blocks[starts], counts.astype(np.int64))


def assemble_objects(
    scene: SceneView,
    cell_m: float,
    results: Sequence[PartResult],
    tracks: list[Track],
    motion: list[Motion],
    numbers: ObjectGroups,
    poses: Poses,
) -> ObjectClouds:
    """The clouds of all moving objects, merged some tracks at a time, and every track's box in every key frame."""
    tables = scene.tables
    made = [scene.spill(dtype, row) for dtype, row in _OBJECT_ROWS]
    per_group: list[tuple[NDArray[np.generic], ...]] = []
    for first in range(0, max(len(tracks), 1), _TRACKS_AT_ONCE):
        some = slice(first, first + _TRACKS_AT_ONCE)
        low, high = (int(numbers.starts[min(track, len(tracks))]) << GROUP_SHIFT for track in (some.start, some.stop))
        rows = merge_rows([_between(r["objects"], low, high) for r in results])
        votes = [_between(r["object_votes"], low << 8, high << 8) for r in results]
        columns, groups = _clouds(tables, cell_m, rows, votes, some, numbers, poses)
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
        frame_boxes=_frame_boxes(tables, len(tracks), poses),
        track_size_m=np.array([t.size_m for t in tracks], dtype=np.float32).reshape(-1, 3),
        track_classes=list(tables.track_classes),
    )


def _frame_boxes(tables: SceneTables, tracks: int, poses: Poses) -> Array:
    """(K, T, 4, 4) boxes of all tracks in all key frames: in a long scene most are absent in most, and not held at once."""
    keys = tables.key_sweeps
    starts = range(0, len(keys), _FRAMES_AT_ONCE)
    pieces = [lambda a=a: poses(keys[a : a + _FRAMES_AT_ONCE], slice(None)) for a in starts]
    return Blocks.of((len(keys), tracks, 4, 4), "float64", pieces)


def _clouds(
    tables: SceneTables,
    cell_m: float,
    rows: Int64,
    votes: list[Int64],
    tracks: slice,
    numbers: ObjectGroups,
    poses: Poses,
) -> tuple[tuple[NDArray[np.generic], ...], tuple[NDArray[np.generic], ...]]:
    """Rows as :data:`_OBJECT_ROWS` has them; and per group its track, key frame (-1 for rigid) and number of rows."""
    keys = rows[:, 0]
    cell_mask, bits = (1 << OBJECT_CELL_BITS) - 1, OBJECT_CELL_BITS
    cells = np.stack([keys >> 2 * bits & cell_mask, keys >> bits & cell_mask, keys & cell_mask], axis=1)
    points = (cells - (1 << (bits - 1)) + mean_offsets(rows)) * cell_m
    groups, counts = np.unique(keys >> GROUP_SHIFT, return_counts=True)
    sweep, track = unpack_nearest(rows[:, 5])
    columns = (
        points.astype(np.float32),
        _sensors_in_boxes(tables, sweep, track - tracks.start, lambda sweeps: poses(sweeps, tracks)),
        sweep,
        np.minimum(rows[:, 4], 65_535).astype(np.uint16),
        majority_labels(keys, votes),
    )
    return columns, (*numbers.tracks_and_frames(groups), counts.astype(np.int64))


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
