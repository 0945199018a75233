"""Bands of distance and height: every voxel where its centre lies, by hand."""

from __future__ import annotations

import math

import numpy as np
from occ_pipeline.pipeline.compare_bands import distance_bands, height_bands, limits_json, limits_words
from occ_pipeline.schemas.grid import GRIDS, VoxelGrid


def test_a_centre_on_a_limit_belongs_beyond_it() -> None:
    # Centres at x = 9, 10, 11 and y = 0; then at x = 0 and y = 30, 40, 50.
    ahead = distance_bands(VoxelGrid((8.5, -0.5, 0.0), 1.0, (3, 1, 1)))
    assert (ahead.limits, ahead.numbers.ravel().tolist()) == (((0, 10), (10, 20)), [0, 1, 1])
    left = distance_bands(VoxelGrid((-5.0, 25.0, 0.0), 10.0, (1, 3, 1)))
    assert left.limits == ((30, 40), (40, math.inf))
    assert left.numbers.ravel().tolist() == [0, 1, 1]


def test_distance_is_horizontal_and_from_the_grids_origin() -> None:
    grid = VoxelGrid((-40.0, -40.0, -30.0), 20.0, (4, 4, 3))
    bands = distance_bands(grid)
    # Centres at 10 and 30 m to all sides: 14, 32 and 42 m away.
    assert bands.limits == ((10, 20), (30, 40), (40, math.inf))
    assert bands.numbers[:, :, 0].tolist() == [[2, 1, 1, 2], [1, 0, 0, 1], [1, 0, 0, 1], [2, 1, 1, 2]]
    assert (bands.numbers == bands.numbers[:, :, :1]).all()


def test_heights_of_a_published_grid() -> None:
    bands = height_bands(GRIDS["occ3d"])
    # From -1 m on, 0.4 m each: the third centre is at 0, the last at 5.2 m.
    assert bands.numbers[7, 9].tolist() == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 5, 6]
    assert bands.limits == tuple((float(low), float(low + 1)) for low in range(-1, 6))
    assert bands.numbers.shape == GRIDS["occ3d"].shape


def test_every_voxel_is_in_its_band() -> None:
    grid = GRIDS["semantickitti"]
    centres = (np.argwhere(np.ones((64, 64, 1))) * 4 + 0.5) * grid.voxel_m + grid.min_m
    bands = distance_bands(grid)
    found = bands.numbers[::4, ::4, 0].ravel()
    for (x, y, _), number in zip(centres.tolist(), found.tolist(), strict=True):
        low, high = bands.limits[number]
        assert low <= math.hypot(x, y) + 1e-9
        assert math.hypot(x, y) < high + 1e-9


def test_words() -> None:
    assert limits_words((10.0, 20.0)) == "10 to 20 m"
    assert limits_words((40.0, math.inf)) == "40 m and more"
    assert limits_json((40.0, math.inf)) == {"from_m": 40.0, "to_m": None}
