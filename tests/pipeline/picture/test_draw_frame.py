"""The sheet: known things at known pixels."""

from __future__ import annotations

import numpy as np
import pytest
from occ_pipeline.pipeline.picture import ShownFrame, draw_frame
from occ_pipeline.pipeline.picture.oblique import oblique_view
from occ_pipeline.pipeline.picture.sheet import WIDTH, Layout
from occ_pipeline.pipeline.picture.view import view_of
from occ_pipeline.schemas.grid import GRIDS, VoxelGrid
from occ_pipeline.schemas.taxonomy import NUSCENES
from PIL import Image

GRID = VoxelGrid.from_range((-20.0, -20.0, -1.0, 20.0, 20.0, 3.0), 0.5)
TRUCK = NUSCENES.id_of("truck")
LOW, HIGH = np.array([8.0, 5.0, 0.0]), np.array([14.0, 8.0, 2.0])
"""A block ahead and to the left."""

turns = pytest.mark.parametrize("quarters", [0, 1, 2, 3])


def block(grid: VoxelGrid = GRID) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Semantics, state, points and labels of the block alone."""
    semantics = np.full(grid.shape, 255, dtype=np.uint8)
    a, b = grid.index(np.array([LOW, HIGH]))[0]
    semantics[a[0] : b[0], a[1] : b[1], a[2] : b[2]] = TRUCK
    cells = np.argwhere(semantics == TRUCK)
    points = ((cells + 0.5) * grid.voxel_m + grid.min_m).astype(np.float32)
    return semantics, np.where(semantics == TRUCK, 2, 0).astype(np.uint8), points, np.full(len(points), TRUCK, np.uint8)


def purple(sheet: Image.Image, box: tuple[int, int, int, int]) -> np.ndarray:
    """(height, width) bool: pixels of a panel in the truck's hue, however lit."""
    left, top, wide, high = box
    r, g, b = np.moveaxis(np.array(sheet).astype(int)[top : top + high, left : left + wide], 2, 0)
    return (b > g + 50) & (r > g + 30) & (b > r)


def extent(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right, bottom as shares of the panel."""
    rows, columns = np.nonzero(mask)
    high, wide = mask.shape
    return columns.min() / wide, rows.min() / high, (columns.max() + 1) / wide, (rows.max() + 1) / high


def turned_block(quarters: int) -> tuple[np.ndarray, ...]:
    """The same street where the vehicle's forward lies 0 to 3 quarter turns from the grid's x axis."""
    _, _, points, labels = block()
    angle = quarters * np.pi / 2
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    moved = (points @ pose[:3, :3].T).astype(np.float32)
    occupied = np.zeros(GRID.shape, dtype=bool)
    occupied[tuple(GRID.index(moved)[0].T)] = True
    return (
        np.where(occupied, TRUCK, 255).astype(np.uint8),
        np.where(occupied, 2, 0).astype(np.uint8),
        moved,
        labels,
        pose,
    )


@turns
def test_block_is_where_it_is(quarters: int) -> None:
    """Fails when an axis is flipped or swapped, in any panel, whichever way the grid's axes point."""
    semantics, state, points, labels, pose = turned_block(quarters)
    sheet = draw_frame(ShownFrame.of(semantics, state, GRID, points, labels, NUSCENES, "a block", grid_SE3_ego=pose))
    layout = Layout.of(view_of(semantics, state, GRID, points, labels, pose))
    # From above: x 8..14 of -20..20 forward is up, y 5..8 to the left.
    want = ((20 - 8) / 40, (20 - 14) / 40, (20 - 5) / 40, (20 - 8) / 40)
    assert extent(purple(sheet, layout.voxels)) == pytest.approx(want, abs=0.005)
    assert extent(purple(sheet, layout.points)) == pytest.approx(want, abs=0.011)
    # Across, seen from behind: left of the middle; along: right of it. The block lies in neither cut, but behind one.
    cut = extent(purple(sheet, layout.along))
    assert cut == pytest.approx((28 / 40, (3 - 2) / 4, 34 / 40, (3 - 0) / 4), abs=0.02)


def test_cuts_follow_the_slice() -> None:
    semantics, state, points, labels = block()
    layout = Layout.of(view_of(semantics, state, GRID, points, labels))
    pose = np.eye(4)
    pose[0, 3] = 10.0
    sheet = draw_frame(
        ShownFrame.of(semantics, state, GRID, points, labels, NUSCENES, "", grid_SE3_ego=pose), slice_y_m=6.0
    )
    assert extent(purple(sheet, layout.across)) == pytest.approx((12 / 40, 1 / 4, 15 / 40, 3 / 4), abs=0.02)
    # Cut voxels carry their points as light dots.
    left, top, wide, high = layout.along
    row, column = top + int(high * (3 - 1.25) / 4), left + int(wide * (20 + 11.25) / 40)
    assert min(sheet.getpixel((column, row))) > 200


def test_exact_colours_of_points() -> None:
    semantics, state, points, labels = block()
    sheet = draw_frame(ShownFrame.of(semantics, state, GRID, points, labels, NUSCENES, "a block"))
    left, top, wide, high = Layout.of(view_of(semantics, state, GRID, points, labels)).points
    row, column = top + int(high * (20 - 11.25) / 40), left + int(wide * (20 - 6.25) / 40)
    assert sheet.getpixel((column, row)) == NUSCENES.colours[TRUCK]


def test_oblique_view_is_not_mirrored() -> None:
    semantics, _, points, labels = block()
    right = semantics[:, ::-1].copy()
    images = [
        oblique_view(
            view_of(values, np.where(values == TRUCK, 2, 0).astype(np.uint8), GRID, points, labels), NUSCENES, 780, 320
        )
        for values in (semantics, right)
    ]
    middles = []
    for image in images:
        found = extent(purple(image, (0, 0, 780, 320)))
        middles.append((found[0] + found[2]) / 2)
        # Ahead of the ego vehicle is farther up.
        white = extent(np.array(image).min(axis=2) > 150)
        assert found[3] < white[1] + 0.05
    assert middles[0] < middles[1] - 0.15


def test_nearer_voxels_hide_farther_ones() -> None:
    """A wall between the camera and a block leaves nothing of it to see."""
    semantics, _, points, labels = block()
    a, b = GRID.index(np.array([LOW, HIGH]))[0]
    semantics[a[0] - 2, a[1] - 6 : b[1] + 6, :] = NUSCENES.id_of("manmade")
    semantics[a[0] :, :, a[2] + 1 :] = 255
    semantics[a[0] + 4 :] = 255
    view = view_of(semantics, np.where(semantics != 255, 2, 0).astype(np.uint8), GRID, points, labels)
    assert not purple(oblique_view(view, NUSCENES, 780, 320), (0, 0, 780, 320)).any()


@pytest.mark.parametrize("name", [*GRIDS])
def test_empty_frame(name: str) -> None:
    grid = GRIDS[name]
    semantics, state = np.full(grid.shape, 255, np.uint8), np.zeros(grid.shape, np.uint8)
    for labels in (None, np.zeros(0, np.uint8)):
        sheet = draw_frame(
            ShownFrame.of(semantics, state, grid, np.zeros((0, 3), np.float32), labels, NUSCENES, "nothing")
        )
        assert sheet.mode == "RGB"
        assert sheet.width == WIDTH


@pytest.mark.parametrize(
    "grid",
    [
        VoxelGrid((0.0, -25.6, -2.0), 0.2, (256, 256, 32)),
        VoxelGrid((-10.0, -3.0, -1.0), 0.1, (200, 60, 20)),
        VoxelGrid((100.0, 100.0, 100.0), 2.0, (1, 1, 1)),
    ],
)
def test_any_grid(grid: VoxelGrid) -> None:
    rng = np.random.default_rng(0)
    state = np.where(rng.random(grid.shape) < 0.02, 2, 0).astype(np.uint8)
    semantics = np.where(state == 2, rng.integers(0, 17, grid.shape), 255).astype(np.uint8)
    points = rng.uniform(-20, 20, (500, 3)).astype(np.float32)
    assert draw_frame(ShownFrame.of(semantics, state, grid, points, None, NUSCENES, "noise")).width == WIDTH


def test_unlabelled_voxels_are_grey_and_free_ones_nothing() -> None:
    semantics, state, points, labels = block()
    grey = draw_frame(ShownFrame.of(np.full_like(semantics, 255), state, GRID, points, labels, NUSCENES, ""))
    layout = Layout.of(view_of(semantics, state, GRID, points, labels))
    left, top, wide, high = layout.voxels
    r, g, b = grey.getpixel((left + int(wide * (20 - 6.25) / 40), top + int(high * (20 - 11.25) / 40)))
    assert max(r, g, b) - min(r, g, b) < 25
    assert r > 100
    free = draw_frame(ShownFrame.of(semantics, np.minimum(state, 1), GRID, points, labels, NUSCENES, ""))
    assert not purple(free, layout.voxels).any()


def test_arrays_that_do_not_fit() -> None:
    semantics, state, points, labels = block()
    with pytest.raises(ValueError, match="labels for"):
        draw_frame(ShownFrame.of(semantics, state, GRID, points, labels[1:], NUSCENES, ""))
    with pytest.raises(ValueError, match="grid of"):
        draw_frame(ShownFrame.of(semantics[1:], state, GRID, points, labels, NUSCENES, ""))
