"""Grids: presets as published, what is inside, what is understood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from occ_pipeline.schemas.grid import GRIDS, GridParameter, VoxelGrid, parse_grid
from pydantic import TypeAdapter, ValidationError

SMALL = VoxelGrid((-1.0, 0.0, 2.0), 0.5, (4, 3, 2))


def test_presets_are_as_published() -> None:
    occ3d, surroundocc = GRIDS["occ3d"], GRIDS["surroundocc"]
    assert (occ3d.shape, occ3d.voxel_m, occ3d.frame) == ((200, 200, 16), 0.4, "ego")
    assert (occ3d.min_m, occ3d.max_m) == ((-40, -40, -1), pytest.approx((40, 40, 5.4)))
    assert (surroundocc.shape, surroundocc.voxel_m, surroundocc.frame) == ((200, 200, 16), 0.5, "lidar")
    assert (surroundocc.min_m, surroundocc.max_m) == ((-50, -50, -5), (50, 50, 3))


@pytest.mark.parametrize(
    ("name", "low", "high", "shape"),
    [
        ("openoccupancy", (-51.2, -51.2, -5), (51.2, 51.2, 3), (512, 512, 40)),
        ("semantickitti", (0, -25.6, -2), (51.2, 25.6, 4.4), (256, 256, 32)),
        ("kitti360", (0, -25.6, -2), (51.2, 25.6, 4.4), (256, 256, 32)),
    ],
)
def test_lidar_grids_of_a_fifth_of_a_metre(
    name: str, low: tuple[float, ...], high: tuple[float, ...], shape: tuple[int, ...]
) -> None:
    grid = GRIDS[name]
    assert (grid.shape, grid.voxel_m, grid.frame) == (shape, 0.2, "lidar")
    assert (grid.min_m, grid.max_m) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize("text", ["occ3d", "openoccupancy", "-25.6,-25.6,-2,25.6,25.6,4.4@0.2:ego"])
def test_text_and_json_lead_back(text: str) -> None:
    grid = parse_grid(text)
    assert isinstance(grid, VoxelGrid)
    assert grid.text == text
    assert VoxelGrid.from_json(grid.to_json()) == grid


def test_the_lower_bound_is_inside_and_the_upper_is_not() -> None:
    points = np.array([[-1, 0, 2], [0.999, 1.499, 2.999], [1, 0, 2], [-1, 1.5, 2], [-1, 0, 3], [-1.001, 0, 2]])
    cells, inside = SMALL.index(points)
    assert inside.tolist() == [True, True, False, False, False, False]
    assert cells[:2].tolist() == [[0, 0, 0], [3, 2, 1]]
    assert cells[5].tolist() == [-1, 0, 0]


@given(st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(-1, 5)))
def test_a_point_lies_between_its_voxels_bounds(point: tuple[float, float, float]) -> None:
    cells, inside = SMALL.index(np.array([point]))
    low = np.array(SMALL.min_m) + cells[0] * 0.5
    assert (low - 1e-9 <= point).all()
    assert (point <= low + 0.5 + 1e-9).all()
    assert inside[0] == all(a <= p < b for a, p, b in zip(SMALL.min_m, point, SMALL.max_m, strict=True))


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("occ3d", GRIDS["occ3d"]),
        ("surroundocc", GRIDS["surroundocc"]),
        ("-1,0,2,1,1.5,3@0.5", SMALL),
        ("-1, 0, 2, 1, 1.5, 3@0.5:ego", SMALL),
        ("0,0,0,0.6,0.4,0.2@0.2:lidar", VoxelGrid((0, 0, 0), 0.2, (3, 2, 1), "lidar")),
    ],
)
def test_grids_are_parsed(text: str, grid: VoxelGrid) -> None:
    assert parse_grid(text) == grid
    assert TypeAdapter(GridParameter).validate_python(text) == grid
    assert TypeAdapter(GridParameter).validate_python(grid.to_json()) == grid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "occ4d",
        "1,2,3@0.5",
        "0,0,0,1,1,1",
        "0,0,0,1,1,1@",
        "0,0,0,1,1,1@0.5:map",
        "a,0,0,1,1,1@0.5",
        "@",
        "0,0,0,1,1@1",
    ],
)
def test_what_is_no_grid_is_refused_and_says_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"occ3d, surroundocc, .*kitti360, or x0,y0,z0"):
        parse_grid(text)


@pytest.mark.parametrize(
    "text",
    [
        "0,0,0,1,1,1@0.3", "0,0,0,1,1,0@0.5", "1,1,1,0,0,0@0.5", "0,0,0,1,1,1@0", "0,0,0,1,1,1@-0.5",
        "0,0,0,1,1,1@nan", "0,0,0,inf,1,1@0.5", "0,0,0,nan,1,1@0.5", "0,0,0,1,1,1@inf",
    ],
)  # fmt: skip
def test_ranges_that_hold_no_whole_number_of_voxels_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"whole number|positive|finite"):
        parse_grid(text)
    with pytest.raises(ValidationError):
        TypeAdapter(GridParameter).validate_python(text)


@pytest.mark.parametrize(
    "change",
    [{"voxel_m": 0.0}, {"voxel_m": float("nan")}, {"shape": (0, 1, 1)}, {"shape": (1, 1)}, {"min_m": (0, 0)},
     {"min_m": (0, 0, float("inf"))}, {"frame": "world"}],
)  # fmt: skip
def test_grids_that_cannot_be_are_refused(change: dict[str, Any]) -> None:
    values = {"min_m": (0.0, 0.0, 0.0), "voxel_m": 0.5, "shape": (1, 1, 1), "frame": "ego"}
    with pytest.raises(ValueError, match=r"must be|must"):
        VoxelGrid(**(values | change))


def test_other_values_pass_to_the_next_check() -> None:
    assert parse_grid(SMALL) is SMALL
    assert parse_grid(3) == 3
