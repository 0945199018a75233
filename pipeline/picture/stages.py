"""What the stages before the voxels made of a key frame's surroundings, as clouds of coloured points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...schemas.grid import GRIDS, VoxelGrid
from ...schemas.object_clouds import ObjectClouds
from ...schemas.occupancy import SurfaceOccupancy
from ...schemas.static_map import StaticMap
from ...schemas.surfaces import Surfaces
from ...schemas.taxonomy import TAXONOMIES
from ..current import current_product, grid_of, tables_behind
from ..store.index import Index, read_index
from ..store.store import Store
from .cloud import Cloud
from .colours import INK, blend, class_colours, object_colours
from .shown import ShownFrame
from .stage_points import SAMPLES_PER_M2, Place, StagePoints, object_points, static_points, surface_points
from .stored import frame_row, frame_title
from .view import quarters_to_forward, turn_of

Float64 = NDArray[np.float64]
ShownStage = Literal["separate", "reconstruct"]


@dataclass(frozen=True, kw_only=True)
class StageClouds:
    """One key frame as a stage before the voxels left it."""

    frame: ShownFrame
    """Its grid and words; no voxels."""
    left: list[Cloud]
    left_are: str
    right: list[Cloud]
    right_are: str
    dots: Cloud | None = None
    """Drawn over the cuts of ``left``."""


def stage_clouds(store: Store, scene: str, frame: str | int | None, stage: ShownStage) -> StageClouds:
    """The products of a stage around a key frame; ``frame`` as in :func:`~.stored.shown_frame`.

    The range is that of the labels' grid, or Occ3D's where there are none yet. Raises UsageError and VerificationError.
    """
    index = read_index(store)
    static = current_product(store, index, scene, StaticMap)
    tables = tables_behind(store, index, scene, static)
    row = frame_row(tables.frame_tokens, frame, scene)
    place = Place.of(tables, row, _grid(store, index, scene))
    title = f"{frame_title(store, scene, row, len(tables.frame_tokens))}: {stage}"
    objects = current_product(store, index, scene, ObjectClouds)
    points = StagePoints.joined([static_points(static, place), *object_points(objects, place)])
    nothing = np.full(place.grid.shape, 0, dtype=np.uint8)
    shown = ShownFrame.of(
        nothing, nothing, place.grid, points.points, points.labels, TAXONOMIES[tables.taxonomy], title,
        grid_SE3_ego=place.grid_SE3_ego,
    )  # fmt: skip
    turn = turn_of(quarters_to_forward(place.grid_SE3_ego))
    colours, cell_m = class_colours(shown.taxonomy), float(static.attribute("cell_m"))
    cloud = points.cloud(turn, colours[points.labels], cell_m).inside(shown.view.grid)
    if stage == "separate":
        pale = points.cloud(turn, blend(colours[points.labels], (60, 64, 74), 0.2), cell_m)
        moving = points.chosen(points.tracks >= 0)
        lit = moving.cloud(turn, object_colours(moving.tracks), 0.2)
        right = [pale.inside(shown.view.grid), lit.inside(shown.view.grid)]
        return StageClouds(
            frame=shown, left=[cloud], left_are="Static map and moving objects from above, by class",
            right=right, right_are="Moving objects, each in a colour of its own, over the static map",
        )  # fmt: skip
    pieces = StagePoints.joined(list(surface_points(current_product(store, index, scene, Surfaces), objects, place)))
    surface = pieces.cloud(turn, colours[pieces.labels] * pieces.light[:, None], SAMPLES_PER_M2**-0.5)
    return StageClouds(
        frame=shown, left=[surface.inside(shown.view.grid)], left_are="Surfaces from above, by class, lit",
        right=[cloud], right_are="The points they were made from, by class",
        dots=Cloud(cloud.points, np.full_like(cloud.colours, INK), cell_m),
    )  # fmt: skip


def _grid(store: Store, index: Index, scene: str) -> VoxelGrid:
    if SurfaceOccupancy.name not in index.scenes[scene].products:
        return GRIDS["occ3d"]
    return grid_of(current_product(store, index, scene, SurfaceOccupancy))
