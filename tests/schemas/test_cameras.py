"""Tables of cameras that contradict themselves are refused; points fall onto the pixels they should."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from occ_pipeline.schemas.cameras import CameraTables, inside, project
from occ_pipeline.tests.schemas.camera_samples import AHEAD, INTRINSICS, cameras

TABLES = cameras()


def spoiled(name: str, place: Any, value: float) -> dict[str, Any]:
    array = getattr(TABLES, name).copy()
    array[place] = value
    return {name: array}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"names": ["left"]}, "1 names for 2"),
        ({"image_sizes": []}, "0 image_sizes for 2"),
        ({"frame_tokens": ["a"]}, "1 frame_tokens for 3"),
        ({"image_files": [["", ""]]}, "1 image_files for 3"),
        ({"names": ["right", "left"]}, "sorted and differ"),
        ({"names": ["left", "left"]}, "sorted and differ"),
        ({"names": ["", "left"]}, "sorted and differ"),
        ({"image_sizes": [[8, 6], [0, 6]]}, r"images of right cannot have size \[0, 6\]"),
        ({"image_sizes": [[8, 6], [8]]}, "cannot have size"),
        ({"image_sizes": [[8, 6], [8, 65_536]]}, "cannot have size"),
        ({"image_files": [["a", "b"], ["c", "d"], ["e", "f"]]}, "key frame f1 must have a file for each of its images"),
        ({"image_files": [["a", "b"], ["c"], ["e", "f"]]}, "key frame f1"),
        (spoiled("timestamps_ns", (0, 0), -1), "world_SE3_ego must be finite where there is a time stamp"),
        (spoiled("timestamps_ns", (1, 1), 5), "world_SE3_ego must be finite"),
        (spoiled("ego_SE3_camera", (0, 0, 1, 3), np.nan), "ego_SE3_camera must be finite"),
        (spoiled("intrinsics", (1, 1, 0, 0), 1.0), "intrinsics must be finite .* and NaN elsewhere"),
        (spoiled("intrinsics", (0, 0, 1, 0), 0.1), "upper triangular"),
        (spoiled("intrinsics", (0, 0, 1, 1), 0.0), "positive focal lengths"),
        (spoiled("intrinsics", (0, 0, 2, 2), 2.0), "upper triangular"),
        ({"world_SE3_ego": np.zeros((3, 1, 4, 4))}, "axis camera"),
        ({"timestamps_ns": np.zeros((3, 2), np.int32)}, "int32"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(TABLES, **change)


def test_an_image_file_may_be_missing_where_the_camera_is_known() -> None:
    assert dataclasses.replace(TABLES, image_files=[["", ""]] * 3).cameras_of(0) == [0, 1]


def test_cameras_of_a_frame() -> None:
    assert [TABLES.cameras_of(frame) for frame in range(3)] == [[0, 1], [0], [0, 1]]
    assert TABLES.world_SE3_camera(2, 1) == pytest.approx(TABLES.world_SE3_ego[2, 1] @ AHEAD)
    assert np.isnan(TABLES.world_SE3_camera(1, 1)).all()
    # The camera looks along the vehicle's x, its image's right is the vehicle's right, its down is down.
    assert TABLES.world_SE3_camera(0, 0)[:3, :3].tolist() == [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]


def test_a_scene_without_cameras() -> None:
    none = CameraTables.none("s", ["a", "b"])
    assert (none.names, none.image_files, none.frame_tokens) == ([], [[], []], ["a", "b"])
    assert none.counts() == {"frame": 2, "camera": 0, "row": 4, "column": 4, "uvw": 3, "xyz": 3}
    assert none.cameras_of(1) == []


def test_frames_are_chunks() -> None:
    assert {spec.frame_axis for spec in CameraTables.specs().values()} == {0}


def test_points_fall_onto_pixels() -> None:
    """In the vehicle's frame: 4 m ahead, 1 m to the left and half a metre below the camera, which stands 1.5 m high at x = 1."""
    pixels, depth = project(np.array([[5.0, 1.0, 1.0]]), np.linalg.inv(AHEAD), INTRINSICS)
    assert depth == pytest.approx([4.0])
    assert pixels == pytest.approx(np.array([[40.0 - 100 / 4, 30.0 + 110 / 8]]))


def test_skew_and_float32() -> None:
    skewed = INTRINSICS.copy()
    skewed[0, 1] = 8.0
    pixels, depth = project(np.array([[1, 2, 4]], np.float32), np.eye(4), skewed)
    assert (pixels.dtype, depth.dtype) == (np.float64, np.float64)
    assert pixels == pytest.approx(np.array([[40.0 + 100 / 4 + 8 / 2, 30.0 + 110 / 2]]))


@pytest.mark.parametrize("depth_m", [0.0, -0.0, -3.0, 1e-300, np.nan])
def test_what_is_not_ahead_has_no_pixel(depth_m: float) -> None:
    pixels, depth = project(np.array([[1.0, 1.0, depth_m], [0.0, 0.0, 1.0]]), np.eye(4), INTRINSICS)
    assert np.isnan(pixels[0]).all()
    assert depth[0] == pytest.approx(depth_m, nan_ok=True)
    assert pixels[1].tolist() == [40.0, 30.0]
    assert inside(pixels, [80, 60]).tolist() == [False, True]


def test_a_pixels_middle_is_at_a_half() -> None:
    """The ray through (i + 0.5, j + 0.5) comes back to pixel (i, j), whose edges belong to it below and not above."""
    columns, rows = (axis.ravel() for axis in np.meshgrid(np.arange(80), np.arange(60)))
    rays = np.c_[columns + 0.5, rows + 0.5, np.ones(len(rows))] @ np.linalg.inv(INTRINSICS).T
    pixels, _ = project(7.0 * rays, np.eye(4), INTRINSICS)
    assert np.floor(pixels).astype(int).tolist() == np.c_[columns, rows].tolist()
    assert inside(pixels, [80, 60]).all()
    edges = np.array([[0.0, 0.0], [80.0, 5.0], [5.0, 60.0], [-1e-9, 5.0], [79.999, 59.999]])
    assert inside(edges, [80, 60]).tolist() == [True, False, False, False, True]


def test_nothing_to_project() -> None:
    pixels, depth = project(np.zeros((0, 3)), np.eye(4), INTRINSICS)
    assert (pixels.shape, depth.shape, inside(pixels, [80, 60]).shape) == ((0, 2), (0,), (0,))
