from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sample import Truth
from occ_pipeline.pipeline.sample.meshes import box
from occ_pipeline.pipeline.sample.truth import Scene
from occ_pipeline.schemas.errors import InputError, UsageError
from occ_pipeline.schemas.grid import GRIDS, VoxelGrid
from scipy.spatial import cKDTree


def tiny(**changes: object) -> Scene:
    """A scene with a static box, class 15, a sheet of road, class 11, and one moving box, class 4."""
    house, sheet = (
        box((1.1, 1.1, 0.1), (2.9, 1.9, 0.9), 1).corners,
        box((0, 0, 0.5), (4, 4, 1), 1, without="xXyYZ").corners,
    )
    scene = Scene(
        origin_m=np.array([100.0, 200.0, 0.0]),
        static=np.concatenate([house, sheet]),
        static_classes=np.array([15] * len(house) + [11] * len(sheet), dtype=np.uint8),
        bodies=box((-0.2, -0.2, -0.2), (0.2, 0.2, 0.2), 1).corners,
        bodies_classes=np.full(12, 4, dtype=np.uint8),
        body_triangles=np.array([0, 12]),
        body_deforming=np.array([False]),
        tokens=("a",),
        world_SE3_ego=np.eye(4)[None],
        world_SE3_lidar=np.eye(4)[None],
        world_SE3_body=np.eye(4)[None, None] + [[[[0, 0, 0, 103.5], [0, 0, 0, 203.5], [0, 0, 0, 1.5], [0, 0, 0, 0]]]],
        body_returns=np.array([0, 1]),
        moving_returns=np.array([[0.2, 0, 0]], dtype=np.float32),
        static_returns=(np.array([[0.5, 0.5, 0.5], [9, 9, 9]], dtype=np.float32),),
    )
    return replace(scene, **changes)  # type: ignore[arg-type]


def test_truth_of_hand_placed_boxes_is_exact(tmp_path: Path) -> None:
    truth = Truth(tmp_path, ("s",))
    truth._loaded["s"] = tiny()
    frame = truth.frame("s", "a", VoxelGrid((100.0, 200.0, 0.0), 1.0, (4, 4, 2)))
    static = np.full((4, 4, 2), 255, dtype=np.uint8)
    static[:, :, 0] = 11
    static[1:3, 1, 0] = 15
    rigid = np.full((4, 4, 2), 255, dtype=np.uint8)
    rigid[3, 3, 1] = 4
    assert np.array_equal(frame.static, static)
    assert np.array_equal(frame.rigid, rigid)
    assert (frame.deforming == 255).all()
    assert np.array_equal(frame.semantics, np.minimum(static, rigid))
    assert np.argwhere(frame.seen_static).tolist() == [[0, 0, 0]]
    assert np.argwhere(frame.seen_rigid).tolist() == [[3, 3, 1]]
    assert np.argwhere(frame.seen).tolist() == [[0, 0, 0], [3, 3, 1]]


def test_the_larger_area_wins_and_ties_go_to_the_lower_class(tmp_path: Path) -> None:
    truth = Truth(tmp_path, ("s",))
    low, high = (box((0.1, 0.1, z), (0.9, 0.9, 1), 1, without="xXyYZ").corners for z in (0.2, 0.4))
    truth._loaded["s"] = tiny(
        static=np.concatenate([low, high]), static_classes=np.array([13, 13, 12, 12], dtype=np.uint8)
    )
    grid = VoxelGrid((100.0, 200.0, 0.0), 1.0, (1, 1, 1))
    assert truth.frame("s", "a", grid).static.tolist() == [[[12]]]
    truth._loaded["s"] = tiny(
        static=np.concatenate([low, high[:1]]), static_classes=np.array([13, 13, 12], dtype=np.uint8)
    )
    assert truth.frame("s", "a", grid).static.tolist() == [[[13]]]


@pytest.mark.parametrize("grid", ["occ3d", "surroundocc"])
def test_every_class_is_there_and_seen_lies_on_surfaces(street_log: Path, grid: str) -> None:
    truth = Truth.open(street_log)
    assert truth.scenes == ("scene-0001", "scene-0002")
    for scene in truth.scenes:
        found = set[int]()
        for token in truth.frame_tokens(scene):
            frame = truth.frame(scene, token, GRIDS[grid])
            found |= set(np.unique(frame.semantics).tolist())
            for seen, layer in (
                (frame.seen, frame.semantics),
                (frame.seen_static, frame.static),
                (frame.seen_rigid, frame.rigid),
                (frame.seen_deforming, frame.deforming),
            ):
                assert seen.any()
                assert not (seen & (layer == 255)).any()
        assert found >= set(range(1, 17)) - {3}
        assert found <= {*range(17), 255}


def test_returns_lie_on_true_surfaces(street_log: Path) -> None:
    scene = Truth.open(street_log).scene("scene-0001")
    points = scene.static_returns[0][::997].astype(np.float64)
    assert far_from(scene.static, points) < 1e-4
    body = int(np.argmax(np.diff(scene.body_returns)))
    hits = scene.moving_returns[scene.body_returns[body] : scene.body_returns[body + 1]][::5].astype(np.float64)
    assert far_from(scene.bodies[scene.body_triangles[body] : scene.body_triangles[body + 1]], hits) < 1e-5


def far_from(triangles: np.ndarray, points: np.ndarray) -> float:
    """The largest distance of a point to the nearest plane of a triangle whose interior it faces."""
    centre = triangles.mean(axis=1)
    reach = np.linalg.norm(triangles - centre[:, None], axis=2).max(axis=1)
    tree, worst = cKDTree(centre), 0.0
    for point in points:
        near = np.array(tree.query_ball_point(point, reach.max()))
        a, e1, e2 = triangles[near, 0], triangles[near, 1] - triangles[near, 0], triangles[near, 2] - triangles[near, 0]
        normal = np.cross(e1, e2)
        offset = point - a
        square = np.maximum((normal**2).sum(axis=1), 1e-30)
        u = (np.cross(offset, e2) * normal).sum(axis=1) / square
        v = (np.cross(e1, offset) * normal).sum(axis=1) / square
        away = np.abs((offset * normal).sum(axis=1)) / np.sqrt(square)
        facing = (u > -1e-3) & (v > -1e-3) & (u + v < 1 + 1e-3)
        worst = max(worst, float(away[facing].min(initial=np.inf)))
    return worst


def test_what_is_no_simulated_log_is_refused(tmp_path: Path, street_log: Path) -> None:
    with pytest.raises(UsageError, match="not a simulated log"):
        Truth.open(tmp_path)
    truth = Truth.open(street_log)
    with pytest.raises(InputError, match="no such scene"):
        truth.frame_tokens("scene-0099")
    with pytest.raises(InputError, match="no such key frame"):
        truth.frame("scene-0001", "x", GRIDS["occ3d"])
