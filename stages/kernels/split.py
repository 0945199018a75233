"""Which returns of a sweep belong to which box, to the static world, or to nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

STATIC, EGO, OUT_OF_RANGE, NEAR_MOVING = -1, -2, -3, -4
DROPPED = {EGO: "ego vehicle", OUT_OF_RANGE: "out of range", NEAR_MOVING: "at the edge of a moving box"}


@kernel
def transform(points: Float32, target_SE3_source: Float64) -> Float64:
    """Points (N, 3) float32 in the target frame, (N, 3) float64, metres. O(N)."""
    moved = np.empty((len(points), 3))
    m = target_SE3_source
    for i in range(len(points)):
        x, y, z = float(points[i, 0]), float(points[i, 1]), float(points[i, 2])
        for row in range(3):
            moved[i, row] = m[row, 0] * x + m[row, 1] * y + m[row, 2] * z + m[row, 3]
    return moved


LOOKUP_M = 4.0
"""Edge of the cells in which a return looks for boxes, metres."""


@kernel
def cell_of(x: float, y: float, side: int) -> int:
    """Cell of a place in the ego frame, of side x side cells around the vehicle; places outside go to the border."""
    cx = min(max(int(np.floor(x / LOOKUP_M)) + side // 2, 0), side - 1)
    cy = min(max(int(np.floor(y / LOOKUP_M)) + side // 2, 0), side - 1)
    return cx * side + cy


@kernel
def boxes_by_cell(box_SE3_ego: Float64, reach: Float64, side: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Which boxes may hold a return of each cell: starts (side * side + 1,) and members, in order. O(boxes x cells)."""
    starts = np.zeros(side * side + 1, dtype=np.int32)
    members = np.empty(0, dtype=np.int32)
    for fill in range(2):
        members = np.empty(starts[-1], dtype=np.int32)
        place = starts[:-1].copy()
        for j in range(len(reach)):
            # The box's centre in the ego frame: -R^T t of ``box_SE3_ego``.
            m = box_SE3_ego[j]
            x = -(m[0, 0] * m[0, 3] + m[1, 0] * m[1, 3] + m[2, 0] * m[2, 3])
            y = -(m[0, 1] * m[0, 3] + m[1, 1] * m[1, 3] + m[2, 1] * m[2, 3])
            low, high = cell_of(x - reach[j], y - reach[j], side), cell_of(x + reach[j], y + reach[j], side)
            for cx in range(low // side, high // side + 1):
                for cy in range(low % side, high % side + 1):
                    cell = cx * side + cy
                    if fill:
                        members[place[cell]] = j
                        place[cell] += 1
                    else:
                        starts[cell + 1] += 1
        if not fill:
            for cell in range(side * side):
                starts[cell + 1] += starts[cell]
    return starts, members


@kernel
def assign(
    ego_points: Float64,
    box_SE3_ego: Float64,
    half_sizes: Float64,
    solid: NDArray[np.bool_],
    ego_box: Float64,
    limits: Float64,
    margin_m: float,
    buffer_m: float,
    clearance_m: float,
) -> NDArray[np.int32]:
    """Owner of every return: a box's index, or one of the negative codes above. O(returns x boxes near each).

    ego_points: (N, 3) float64, metres, ego frame. box_SE3_ego: (M, 4, 4). half_sizes: (M, 3), metres. solid: (M,) bool,
    whether a moving object, around which a buffer is cut, or a parked one. ego_box: (6,) metres, lower and upper corner.
    limits: (3,) horizontal range, lowest and highest z in the ego frame, metres. A box grows by ``margin_m`` to the sides
    and up, and loses ``clearance_m`` at the bottom, where the ground is. Of several boxes the one whose centre is
    nearest in units of its size wins.
    """
    owner = np.empty(len(ego_points), dtype=np.int32)
    reach = np.empty(len(half_sizes))
    for j in range(len(half_sizes)):
        reach[j] = np.sqrt((half_sizes[j] ** 2).sum()) + margin_m + buffer_m
    side = 2 * int(np.ceil(limits[0] / LOOKUP_M)) + 1
    starts, members = boxes_by_cell(box_SE3_ego, reach, side)
    for i in range(len(ego_points)):
        x, y, z = ego_points[i, 0], ego_points[i, 1], ego_points[i, 2]
        if ego_box[0] <= x <= ego_box[3] and ego_box[1] <= y <= ego_box[4] and ego_box[2] <= z <= ego_box[5]:
            owner[i] = EGO
            continue
        if x * x + y * y > limits[0] ** 2 or z < limits[1] or z > limits[2]:
            owner[i] = OUT_OF_RANGE
            continue
        best, best_depth, near = STATIC, np.inf, False
        cell = cell_of(x, y, side)
        for k in range(starts[cell], starts[cell + 1]):
            j = members[k]
            m = box_SE3_ego[j]
            bx = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]
            by = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
            bz = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
            if bz < clearance_m - half_sizes[j, 2]:
                continue
            outside = max(abs(bx) - half_sizes[j, 0], abs(by) - half_sizes[j, 1], bz - half_sizes[j, 2])
            if outside <= margin_m:
                depth = max(abs(bx) / half_sizes[j, 0], abs(by) / half_sizes[j, 1], abs(bz) / half_sizes[j, 2])
                if depth < best_depth:
                    best, best_depth = j, depth
            elif outside <= margin_m + buffer_m and solid[j]:
                near = True
        owner[i] = NEAR_MOVING if best == STATIC and near else best
    return owner
