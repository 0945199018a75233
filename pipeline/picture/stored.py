"""A frame that a store holds, for pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import UsageError
from ...schemas.flow import OccupancyFlow
from ...schemas.occupancy import OCCUPANCIES, PredictedOccupancy, State, SurfaceOccupancy
from ...schemas.product import ProductReader
from ...schemas.scene import SceneTables
from ...schemas.sensor_frames import SensorFrames
from ...schemas.static_map import StaticMap
from ...schemas.taxonomy import TAXONOMIES
from ..current import current_labels, current_product, grid_of, one_of, tables_behind
from ..sources import read_sweep
from ..store.index import read_index
from ..store.reader import StoredProduct
from ..store.store import Store
from .arrows import object_arrows
from .shown import ShownFrame

Float64 = NDArray[np.float64]
Points = tuple[NDArray[np.float32], NDArray[np.uint8] | None]
"""(N, 3) float32 points, metres, grid frame, and (N,) uint8 class ids where there are any."""


def shown_frame(
    store: Store,
    scene: str,
    frame: str | int | None,
    data_root: Path | None,
    product: type[SurfaceOccupancy] | None = None,
) -> ShownFrame:
    """One key frame, from the products that the store's index calls current.

    ``product``: None for the most refined voxel labels there are. ``frame``: the dataset's token, or a count from 0; None is the middle one. The points are the key frame's own where
    ``data_root`` holds its file, else those of the static map; beside
    predictions, those that the network was given; beside published labels, centres of voxels. Raises UsageError for a scene, frame or product that is not
    there, saying what is, InputError for a point file that is not what it should be, and VerificationError for a damaged
    store.
    """
    index = read_index(store)
    labels = current_labels(store, index, scene, product)
    predicted = issubclass(labels.product, PredictedOccupancy)
    tables = tables_behind(store, index, scene, labels)
    tokens: list[str] = labels.attribute("frame_tokens")
    row = frame_row(tokens, frame, scene)
    world_SE3_grid: Float64 = labels.rows("world_SE3_grid", row, row + 1)[0]
    grid_SE3_world = np.linalg.inv(world_SE3_grid)
    sweep = int(tables.key_sweeps[tables.frame_tokens.index(tokens[row])])
    if data_root is not None and not tables.point_columns:
        raise UsageError("published labels come without scans", scene=scene, fix="leave out --dataroot")
    if data_root is not None and not (data_root / tables.point_files[sweep]).is_file():
        raise UsageError(
            "the log does not hold the frame's scan", file=str(data_root / tables.point_files[sweep]), scene=scene,
            frame=tokens[row], fix="correct --dataroot, or leave it out to see points of the static map",
        )  # fmt: skip
    if data_root is not None:
        points, point_labels = _from_log(data_root, tables, sweep, grid_SE3_world)
        points_are = "Points of the key frame"
    elif predicted:
        points, point_labels = _from_inputs(store, scene, labels, row, grid_SE3_world)
        points_are = "Points of the key frame"
    elif tables.point_columns:
        points, point_labels = _from_map(current_product(store, index, scene, StaticMap), grid_SE3_world)
        points_are = "Points of the static map"
    else:
        points, point_labels = _from_mask(labels, row)
        points_are = "Occupied voxels that a camera observed,"
    return ShownFrame.of(
        labels.rows("semantics", row, row + 1)[0],
        labels.rows("state", row, row + 1)[0],
        grid_of(labels),
        points,
        point_labels,
        TAXONOMIES[labels.attribute("taxonomy")],
        frame_title(store, scene, row, len(tokens)) + (", predicted" if predicted else ""),
        grid_SE3_ego=grid_SE3_world @ tables.world_SE3_ego[sweep],
        points_are=points_are,
    )


def shown_flow(store: Store, scene: str, frame: str | int | None, data_root: Path | None) -> ShownFrame:
    """The same of the voxel labels that the current flow is of, with arrows. Raises as :func:`shown_frame`, and UsageError
    where those labels are not the current ones.
    """
    index = read_index(store)
    flow = current_product(store, index, scene, OccupancyFlow)
    product = OCCUPANCIES[flow.attribute("labels")]
    labels = current_product(store, index, scene, product)
    if flow.manifest.provenance.inputs.get(product.name) != labels.manifest.fingerprint:
        raise UsageError("the flow is of earlier labels", scene=scene, fix="run occ-pipeline run flow again")
    shown = shown_frame(store, scene, frame, data_root, product)
    row, grid = frame_row(labels.attribute("frame_tokens"), frame, scene), grid_of(labels)
    return replace(shown, arrows=object_arrows(flow, row, shown.view.turn, grid.voxel_m, grid.min_m))


def frame_title(store: Store, scene: str, row: int, frames: int) -> str:
    """How pictures call a key frame, counted from 0."""
    return f"{scene}, key frame {row} (0 to {frames - 1})" + (", synthetic" if store.identity.synthetic else "")


def _from_log(data_root: Path, tables: SceneTables, sweep: int, grid_SE3_world: Float64) -> Points:
    found = read_sweep(data_root, tables, sweep)
    points = _moved(found.points, grid_SE3_world @ tables.world_SE3_lidar(sweep))
    if found.is_ego is None or found.labels is None:
        return points, None
    return points[~found.is_ego], found.labels[~found.is_ego]


def _from_inputs(store: Store, scene: str, made: StoredProduct, row: int, grid_SE3_world: Float64) -> Points:
    """Those that a network's predictions were made from: there need not be a map."""
    inputs = store.reader(scene, SensorFrames, made.manifest.provenance.inputs[SensorFrames.name])
    start, stop = inputs.rows("point_offsets", row, row + 2).tolist()
    ego, mounting = (inputs.rows(name, row, row + 1)[0] for name in ("world_SE3_ego", "ego_SE3_lidar"))
    return _moved(inputs.rows("points", start, stop), grid_SE3_world @ ego @ mounting), None


def _from_map(static: ProductReader, grid_SE3_world: Float64) -> Points:
    labels: NDArray[np.uint8] = static.read("labels")
    local = np.eye(4)
    local[:3, 3] = static.attribute("origin_m")
    points = _moved(static.read("points"), grid_SE3_world @ local)
    return points, labels if (labels != 255).any() else None


def _from_mask(labels: ProductReader, row: int) -> Points:
    state, semantics, seen = (labels.rows(name, row, row + 1)[0] for name in ("state", "semantics", "mask_camera"))
    voxels = np.argwhere((state == State.OCCUPIED) & (seen == 1))
    grid = grid_of(labels)
    return ((voxels + 0.5) * grid.voxel_m + grid.min_m).astype(np.float32), semantics[tuple(voxels.T)]


def _moved(points: NDArray[Any], target_SE3_source: Float64) -> NDArray[np.float32]:
    moved = points.astype(np.float64) @ target_SE3_source[:3, :3].T + target_SE3_source[:3, 3]
    return moved.astype(np.float32)


def frame_row(tokens: Sequence[str], frame: str | int | None, scene: str) -> int:
    """Which of the key frames is meant: a token first, since a token may be all digits."""
    if not tokens:
        raise UsageError("the scene has no key frame", scene=scene)
    if frame is None:
        return len(tokens) // 2
    if isinstance(frame, str) and frame in tokens:
        return tokens.index(frame)
    number = int(frame) if isinstance(frame, int) or frame.isdecimal() else -1
    if not 0 <= number < len(tokens):
        raise UsageError(
            "no such key frame",
            scene=scene,
            frame=str(frame),
            expected=f"0 to {len(tokens) - 1}, or {one_of(tokens)}",
        )
    return number
