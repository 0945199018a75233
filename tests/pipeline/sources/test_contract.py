"""What every dataset reader must do. A new dataset adds one line to ``CASES``, and better a hand-written log than none.

How the peculiar ones map:

- Argoverse 2: one sweep holds two stacked 32-beam LiDARs, already moved to the ego frame at the sweep's time: the reader
  gives identity as ``ego_SE3_lidar`` and ray origins stay 1.6 m off until ``SceneTables`` holds a sensor per point.
  Feather files need a column format beside ``point_columns``. City poses come per sweep; time stamps are nanoseconds
  already and stay int64 (float64 would lose up to 256 ns). Annotations are in the ego frame of their sweep, at 10 Hz:
  every sweep is a key frame. The test split has no tracks.
- Waymo: five LiDARs a frame, a pose per *pixel* of the top one: points are de-skewed to the frame's vehicle pose, and one
  sweep is one frame of the top LiDAR, key frames those with segmentation labels. Time stamps are microseconds. Boxes are
  in the vehicle frame; frames of the test split have none: no tracks is right, boxes of size 0 are not.
- SemanticKITTI and KITTI-360 hold labels of 16 bits with instance ids above, and tracks are missing: ``track_tokens`` is empty.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from occ_pipeline.pipeline.sources import SOURCES, Source, missing_files, preflight, read_sweep, resolve_within
from occ_pipeline.schemas.errors import InputError, UsageError
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.taxonomy import NO_LABEL, TAXONOMIES
from occ_pipeline.tests.pipeline.sources.nuscenes_log import NuScenesLog

REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True)
class Opened:
    """A log under test, indexed once."""

    source: Source
    scenes: list[SceneTables]

    def sweeps(self) -> Iterator[tuple[SceneTables, int]]:
        """A few sweeps of every scene, key frames among them."""
        for tables in self.scenes:
            some = {0, len(tables.point_files) // 2, *tables.key_sweeps[:3].tolist()}
            yield from ((tables, i) for i in sorted(some))


def hand_written(root: Path) -> Path:
    return NuScenesLog(root).write().root


def hand_written_unlabelled(root: Path) -> Path:
    return NuScenesLog(root, lidarseg=False).write().root


def recording(folder: str) -> Callable[[Path], Path]:
    """A real recording, which is not part of this repository."""

    def find(_: Path) -> Path:
        data = Path(os.environ.get("OCC_PIPELINE_TEST_DATA", REPOSITORY / "../shared/data")) / folder
        if not data.is_dir():
            pytest.skip(f"no real recording {folder}: set OCC_PIPELINE_TEST_DATA to a folder that holds it")
        return data.resolve()

    return find


CASES = {
    "nuscenes-hand-written": ("nuscenes", hand_written),
    "nuscenes-without-labels": ("nuscenes", hand_written_unlabelled),
    "nuscenes-scene0001": ("nuscenes", recording("nuscenes_scene0001")),
    "nuscenes-keyframes": ("nuscenes", recording("nuscenes_keyframes")),
}


@pytest.fixture(scope="module", params=list(CASES))
def opened_log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    name, find = CASES[request.param]
    root = find(tmp_path_factory.mktemp("logs") / "log")
    versions = SOURCES[name].versions(root)
    assert versions == sorted(versions)
    assert len(versions) == 1
    source = SOURCES[name](root, versions[0])
    scenes = list(source.index())
    assert not [str(scene) for scene in scenes if isinstance(scene, InputError)]
    return Opened(source, [scene for scene in scenes if isinstance(scene, SceneTables)])


def test_scenes_come_sorted_and_say_where_from(opened_log: Opened) -> None:
    source = opened_log.source
    assert [tables.scene for tables in opened_log.scenes] == source.scene_names() == sorted(source.scene_names())
    for tables in opened_log.scenes:
        assert (tables.dataset, tables.version) == (source.name, source.version)
        assert tables.split in ("train", "val", "test", "")
        assert not tables.synthetic
        assert tables.scene == Path(tables.scene).name
        assert source.name in SOURCES


def test_other_folders_hold_no_version(opened_log: Opened, tmp_path: Path) -> None:
    assert type(opened_log.source).versions(tmp_path) == []
    assert type(opened_log.source).versions(tmp_path / "nowhere") == []


def test_table_files_exist_and_are_relative(opened_log: Opened) -> None:
    files = opened_log.source.table_files()
    assert files == sorted(set(files))
    assert all(resolve_within(opened_log.source.data_root, file).is_file() for file in files)


def test_index_of_some_scenes_equals_index_of_all(opened_log: Opened) -> None:
    last = opened_log.scenes[-1]
    (again,) = opened_log.source.index([last.scene])
    assert isinstance(again, SceneTables)
    assert_same(again, last)
    assert list(opened_log.source.index([])) == []


def test_unknown_scene_is_the_users_error(opened_log: Opened) -> None:
    with pytest.raises(UsageError, match="no scene 'atlantis'"):
        list(opened_log.source.index(["atlantis"]))


def test_sweeps_are_in_order_and_key_frames_among_them(opened_log: Opened) -> None:
    for tables in opened_log.scenes:
        assert (np.diff(tables.timestamps_ns) > 0).all()
        # After 2001 and before 2100: nanoseconds, not micro- or milliseconds.
        assert ((tables.timestamps_ns > 1e18) & (tables.timestamps_ns < 4.1e18)).all()
        assert len(tables.key_sweeps) > 0
        assert (np.diff(tables.key_sweeps) > 0).all()
        assert tables.key_sweeps[0] >= 0
        assert tables.key_sweeps[-1] < len(tables.timestamps_ns)
        assert len(set(tables.frame_tokens)) == len(tables.frame_tokens)


def test_poses_are_rigid(opened_log: Opened) -> None:
    for tables in opened_log.scenes:
        for poses in (tables.world_SE3_ego, tables.ego_SE3_lidar, tables.world_SE3_box):
            assert np.isfinite(poses).all()
            rotation = poses[:, :3, :3]
            assert np.allclose(rotation @ rotation.transpose(0, 2, 1), np.eye(3), atol=1e-9)
            assert np.allclose(np.linalg.det(rotation), 1.0)
            assert (poses[:, 3] == [0, 0, 0, 1]).all()
        # Sensors sit on the car, and cars stay below 300 km/h.
        assert np.linalg.norm(tables.ego_SE3_lidar[:, :3, 3], axis=1).max() < 10
        steps = np.linalg.norm(np.diff(tables.world_SE3_ego[:, :3, 3], axis=0), axis=1)
        assert (steps / (np.diff(tables.timestamps_ns) * 1e-9) < 85).all()


def test_boxes_are_sorted_and_sized(opened_log: Opened) -> None:
    for tables in opened_log.scenes:
        order = list(zip(tables.box_track.tolist(), tables.box_timestamps_ns.tolist(), strict=True))
        assert order == sorted(set(order))
        assert set(tables.box_track.tolist()) == set(range(len(tables.track_tokens)))
        assert len(set(tables.track_tokens)) == len(tables.track_tokens)
        assert (tables.box_size_m > 0).all()
        assert (tables.box_size_m < 100).all()
        assert np.isin(tables.box_timestamps_ns, tables.timestamps_ns[tables.key_sweeps]).all()


def test_classes_are_the_taxonomys(opened_log: Opened) -> None:
    for tables in opened_log.scenes:
        known = {*range(len(TAXONOMIES[tables.taxonomy].classes)), NO_LABEL}
        assert known.issuperset(tables.track_classes)
        assert known.issuperset(tables.label_classes)
        assert all(tables.label_classes[value] == NO_LABEL for value in tables.label_ego_values)


def test_files_are_relative_inside_and_there(opened_log: Opened) -> None:
    for tables in opened_log.scenes:
        root = opened_log.source.data_root
        files = [*tables.point_files, *filter(None, tables.label_files)]
        assert len(set(files)) == len(files)
        assert all(resolve_within(root, file).is_relative_to(root.resolve()) for file in files)
        assert missing_files(root, tables) == []
        found = preflight(root, tables, "error")
        assert (found.problems, found.warnings) == ((), ())
        assert found.tables is not None
        assert_same(found.tables, tables)


def test_sweeps_read_back(opened_log: Opened) -> None:
    for tables, i in opened_log.sweeps():
        sweep = read_sweep(opened_log.source.data_root, tables, i)
        again = read_sweep(opened_log.source.data_root, tables, i)
        assert sweep.points.dtype == np.float32
        assert sweep.points.shape[1:] == (3,)
        assert len(sweep.points) > 0
        assert np.isfinite(sweep.points).all()
        assert (sweep.points == again.points).all()
        frames = np.flatnonzero(tables.key_sweeps == i)
        labelled = len(frames) > 0 and tables.label_files[int(frames[0])] != ""
        assert (sweep.labels is not None) == (sweep.is_ego is not None) == labelled
        if sweep.labels is not None and sweep.is_ego is not None:
            assert sweep.labels.dtype == np.uint8
            assert sweep.is_ego.dtype == np.bool_
            assert len(sweep.labels) == len(sweep.is_ego) == len(sweep.points)
            assert {*range(len(TAXONOMIES[tables.taxonomy].classes)), NO_LABEL}.issuperset(
                np.unique(sweep.labels).tolist()
            )
            assert (sweep.labels[sweep.is_ego] == NO_LABEL).all()


def test_boxes_hold_their_points_the_right_way_round(opened_log: Opened) -> None:
    """Length along x, width along y: of the points near cars, most lie in the boxes, and fewer in boxes turned by 90 degrees."""
    near = inside = turned = labelled = right = 0
    for tables in opened_log.scenes:
        car = TAXONOMIES[tables.taxonomy].id_of("car")
        for i in tables.key_sweeps.tolist():
            sweep = read_sweep(opened_log.source.data_root, tables, i)
            boxes = np.flatnonzero(
                (tables.box_timestamps_ns == tables.timestamps_ns[i])
                & (np.array(tables.track_classes)[tables.box_track] == car)
            )
            for box in boxes:
                local = in_box(tables, sweep.points, i, int(box))
                half = tables.box_size_m[box] / 2
                # Above the wheels, so that the road does not count.
                above = (local[:, 2] > 0.3 - half[2]) & (local[:, 2] < half[2])
                hit = above & (np.abs(local[:, :2]) < half[:2] + 0.15).all(axis=1)
                near += int((above & (np.linalg.norm(local[:, :2], axis=1) < np.linalg.norm(half[:2]))).sum())
                inside += int(hit.sum())
                turned += int((above & (np.abs(local[:, :2]) < half[[1, 0]] + 0.15).all(axis=1)).sum())
                if sweep.labels is not None:
                    labelled += int(hit.sum())
                    right += int((sweep.labels[hit] == car).sum())
    if near < 20:
        pytest.skip("no car box with points in this log")
    # Boxes of a detector, as one recording has them, miss a third.
    assert inside > 0.6 * near
    assert inside > 1.2 * turned
    assert right >= 0.8 * labelled


def in_box(tables: SceneTables, points: NDArray[np.float32], sweep: int, box: int) -> NDArray[np.float64]:
    """Points of a sweep in a box's frame."""
    box_SE3_lidar = np.linalg.inv(tables.world_SE3_box[box]) @ tables.world_SE3_lidar(sweep)
    return points.astype(np.float64) @ box_SE3_lidar[:3, :3].T + box_SE3_lidar[:3, 3]


def assert_same(a: SceneTables, b: SceneTables) -> None:
    assert a.attributes() == b.attributes()
    for name in SceneTables.specs():
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
