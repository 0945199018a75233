"""Arrows of moving objects on a picture from above."""

from __future__ import annotations

import numpy as np
from occ_pipeline.pipeline.picture.above import Above
from occ_pipeline.pipeline.picture.arrows import draw_arrows, object_arrows
from occ_pipeline.pipeline.picture.view import turn_of
from occ_pipeline.schemas.flow import OccupancyFlow
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.product import InMemory
from PIL import Image

GRID = VoxelGrid.from_range((-10.0, -10.0, -1.0, 10.0, 10.0, 3.0), 0.5)


def flow() -> InMemory:
    """In the second key frame: object 4 of two voxels drives along +y, 7 hardly moves, 8 is not known, one voxel is no one's."""
    voxels = [(1, 1, 1), (20, 20, 0), (24, 20, 0), (5, 5, 1), (6, 6, 1), (7, 7, 1)]
    velocity = [(1, 0, 0), (0, 4, 0), (0, 6, 0), (0.05, 0, 0), (0, 0, 0), (0, 0, 0)]
    return InMemory(
        OccupancyFlow(
            voxels=np.array(voxels, np.int16), tracks=np.array([4, 4, 4, 7, 8, -1], np.int32),
            velocity_m_s=np.array(velocity, np.float32), velocity_known=np.array([1, 1, 1, 1, 0, 0], np.uint8),
            displacement_m=np.zeros((6, 3), np.float32), displacement_known=np.zeros(6, np.uint8),
            offsets=np.array([0, 1, 6]), labels="carved_occupancy", frame_tokens=["a", "b"],
        )
    )  # fmt: skip


def test_an_object_has_one_arrow_from_its_middle() -> None:
    arrows = object_arrows(flow(), 1, np.eye(4), GRID.voxel_m, GRID.min_m)
    assert np.allclose(arrows, [[1.25, 0.25, 0, 5]])


def test_arrows_turn_with_the_picture() -> None:
    arrows = object_arrows(flow(), 1, turn_of(1), GRID.voxel_m, GRID.min_m)
    assert np.allclose(arrows, [[0.25, -1.25, 5, 0]])


def test_what_drives_ahead_points_up_and_left_is_left() -> None:
    above = Above.fitting(GRID, 400)

    def inked(arrow: list[float]) -> tuple[float, float, float, float]:
        panel = Image.new("RGB", above.size)
        draw_arrows(panel, above, np.array([arrow]))
        rows, columns = np.nonzero(np.array(panel.convert("L")) > 200)
        return rows.min() / 400, rows.max() / 400, columns.min() / 400, columns.max() / 400

    top, bottom, left, right = inked([0, 0, 5, 0])
    assert abs(top - 0.25) < 0.01
    assert abs(bottom - 0.5) < 0.01
    assert right - left < 0.05
    top, bottom, left, right = inked([0, 0, 0, 5])
    assert abs(left - 0.25) < 0.01
    assert abs(right - 0.5) < 0.01
    assert bottom - top < 0.05
    # One that leaves the picture is cut off.
    assert inked([8, 0, 50, 0])[0] == 0
