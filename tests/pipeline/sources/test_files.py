"""Sensor files that are missing, broken or elsewhere: found before anything is computed, and again when read."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sources import SOURCES, LoggedScene, missing_files, preflight, read_sweep, resolve_within
from occ_pipeline.schemas.errors import InputError
from occ_pipeline.schemas.scene import PointKind, SceneTables
from occ_pipeline.tests.pipeline.sources.nuscenes_log import BAD, CATEGORIES, VERSION, NuScenesLog

KEY, KEY_LABELS = "samples/LIDAR_TOP/b-sweep3.pcd.bin", f"lidarseg/{VERSION}/b-sweep3_lidarseg.bin"
BETWEEN = "sweeps/LIDAR_TOP/b-sweep4.pcd.bin"


@pytest.fixture
def scene(log: NuScenesLog) -> SceneTables:
    """The second scene of a written log."""
    (found,) = SOURCES["nuscenes"](log.write().root, VERSION).index([BAD])
    assert isinstance(found, LoggedScene)
    return found.tables


def cut(count: int) -> Callable[[Path], object]:
    return lambda path: os.truncate(path, path.stat().st_size - count)


def spoil_coordinates(share: float, value: float) -> Callable[[Path], object]:
    def spoil(path: Path) -> None:
        points = np.fromfile(path, dtype=np.float32).reshape(-1, 5)
        points[: int(share * len(points)), 1] = value
        points.tofile(path)

    return spoil


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


BROKEN = {
    "cut-at-byte": (KEY, cut(3), "point file is cut off", "6797 bytes", "a multiple of 20 bytes", True),
    "cut-at-point": (KEY, cut(20), "label file has the wrong length", "340 labels", "339, one for each point", True),
    "empty": (BETWEEN, lambda path: path.write_bytes(b""), "point file is empty", "0 bytes", "multiple of 20", True),
    "huge": (BETWEEN, lambda path: os.truncate(path, 20 * 9_000_000), "too large", "9000000 points", "at most", True),
    "labels-short": (KEY_LABELS, cut(1), "label file has the wrong length", "339 labels", "340, one", True),
    "labels-empty": (KEY_LABELS, lambda path: path.write_bytes(b""), "wrong length", "0 labels", "340, one", True),
    "labels-unknown": (KEY_LABELS, lambda path: path.write_bytes(b"\x63" * 340), "a value that", "99", "0 to 5", False),
    "nan-all": (BETWEEN, spoil_coordinates(1.0, np.nan), "too many points without", "280 of 280", "at most 10%", False),
    "nan-many": (BETWEEN, spoil_coordinates(0.2, np.nan), "too many points without", "56 of 280", "at most 10%", False),
    "infinite": (BETWEEN, spoil_coordinates(0.2, -np.inf), "too many points without", "56 of 280", "at most 10%", False),
    "absurd": (BETWEEN, spoil_coordinates(0.2, 1e30), "too many points without", "56 of 280", "at most 10%", False),
    "pipe": (BETWEEN, replace_by_pipe, "not a regular file", "", "", True),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_is_named_with_scene_and_frame(case: str, log: NuScenesLog, scene: SceneTables) -> None:
    file, spoil, what, found, expected, by_size = BROKEN[case]
    spoil(log.root / file)
    sweep = 4 if file == BETWEEN else 3
    with pytest.raises(InputError) as caught:
        read_sweep(log.root, scene, sweep)
    problems = preflight(log.root, scene).problems
    assert len(problems) == by_size
    for error in (caught.value, *problems):
        assert what in error.what
        assert (error.scene, error.frame) == (BAD, "sweep 4" if sweep == 4 else "b-sample1")
        assert error.file in (file, KEY_LABELS)
        assert found in (error.found or "")
        assert expected in (error.expected or "")
        assert error.fix
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_some_nan_are_dropped_and_counted(log: NuScenesLog, scene: SceneTables) -> None:
    whole = read_sweep(log.root, scene, 3)
    spoil_coordinates(0.05, np.nan)(log.root / KEY)
    sweep = read_sweep(log.root, scene, 3)
    assert (whole.dropped, sweep.dropped) == (0, 17)
    assert (sweep.points == whole.points[17:]).all()
    assert sweep.labels is not None
    assert whole.labels is not None
    assert (sweep.labels == whole.labels[17:]).all()


def test_labels_go_by_name(log: NuScenesLog, scene: SceneTables) -> None:
    assert scene.label_classes == [4, 255, 7, 255, 11, 255]
    assert [value for value, kind in enumerate(scene.label_kinds) if kind == PointKind.EGO] == [CATEGORIES.index("vehicle.ego")]  # fmt: skip
    sweep = read_sweep(log.root, scene, 0)
    assert sweep.labels is not None
    assert sweep.is_ego is not None
    assert np.bincount(sweep.labels, minlength=256)[[4, 7, 11, 255]].tolist() == [60, 60, 199, 21]
    assert sweep.is_ego.sum() == 20
    assert sweep.is_ego[-20:].all()


def test_sweep_between_key_frames_has_no_labels(log: NuScenesLog, scene: SceneTables) -> None:
    sweep = read_sweep(log.root, scene, 1)
    assert sweep.labels is None
    assert sweep.is_ego is None


def test_missing_sweeps_are_left_out(log: NuScenesLog, scene: SceneTables) -> None:
    for i in (1, 4):
        (log.root / f"sweeps/LIDAR_TOP/b-sweep{i}.pcd.bin").unlink()
    found = preflight(log.root, scene)
    assert found.tables is not None
    assert not found.absent
    assert found.warnings == (
        f"scene {BAD}: 2 of 4 sweeps between key frames are missing, first sweeps/LIDAR_TOP/b-sweep1.pcd.bin",
    )
    assert found.tables.key_sweeps.tolist() == [0, 2, 4]
    assert found.tables.timestamps_ns.tolist() == scene.timestamps_ns[[0, 2, 3, 5, 6]].tolist()
    assert [found.tables.point_files[i] for i in found.tables.key_sweeps] == [
        scene.point_files[i] for i in scene.key_sweeps
    ]
    assert (found.tables.world_SE3_ego[2] == scene.world_SE3_ego[3]).all()
    assert missing_files(log.root, found.tables) == []


def test_missing_key_frame_is_left_out(log: NuScenesLog, scene: SceneTables) -> None:
    (log.root / KEY).unlink()
    (log.root / scene.label_files[2]).unlink()
    found = preflight(log.root, scene)
    assert found.tables is not None
    assert len(found.warnings) == 2
    assert "1 of 3 key frames are missing, first " + KEY in found.warnings[0]
    assert "1 of 3 label files are missing" in found.warnings[1]
    assert found.tables.frame_tokens == ["b-sample0", "b-sample2"]
    assert found.tables.lidar_tokens == [scene.lidar_tokens[0], scene.lidar_tokens[2]]
    assert found.tables.label_files == [scene.label_files[0], ""]
    assert found.tables.key_sweeps.tolist() == [0, 5]
    # The box of the frame that is gone still tells where the object was.
    assert len(found.tables.box_track) == len(scene.box_track)


def test_scene_without_any_file_is_absent(log: NuScenesLog, scene: SceneTables) -> None:
    for name in scene.point_files:
        (log.root / name).unlink()
    found = preflight(log.root, scene)
    assert found.absent
    assert (found.tables, found.problems, found.warnings) == (None, (), ())
    assert missing_files(log.root, scene) == scene.point_files


def test_scene_without_key_frames_cannot_be_used(log: NuScenesLog, scene: SceneTables) -> None:
    for i in scene.key_sweeps.tolist():
        (log.root / scene.point_files[i]).unlink()
    found = preflight(log.root, scene)
    assert not found.absent
    assert [problem.what for problem in found.problems] == ["no key frame of the scene has its sensor file"]


def test_strict_policy_lists_every_missing_file(log: NuScenesLog, scene: SceneTables) -> None:
    gone = [BETWEEN, KEY, scene.label_files[0]]
    for name in gone:
        (log.root / name).unlink()
    found = preflight(log.root, scene, "error")
    assert found.tables is None
    assert sorted(str(problem.file) for problem in found.problems) == sorted(gone)
    assert {problem.frame for problem in found.problems} == {"sweep 4", "b-sample1", "b-sample0"}


def test_all_problems_are_listed_at_once(log: NuScenesLog, scene: SceneTables) -> None:
    for name in scene.point_files[:4]:
        cut(1)(log.root / name)
    cut(5)(log.root / scene.label_files[2])
    assert len(preflight(log.root, scene).problems) == 5


def test_missing_file_when_read(log: NuScenesLog, scene: SceneTables) -> None:
    (log.root / BETWEEN).unlink()
    with pytest.raises(
        InputError,
        match=f"file is missing .file {BETWEEN}, scene {BAD}, frame sweep 4.: found no such file; download it",
    ):
        read_sweep(log.root, scene, 4)


def test_category_without_class_is_told(log: NuScenesLog) -> None:
    log.row("instance", "b-car")["category_token"] = "cat-vehicle.ufo"
    (found,) = SOURCES["nuscenes"](log.write().root, VERSION).index([BAD])
    assert isinstance(found, LoggedScene)
    assert sorted(found.tables.track_classes) == [7, 255]
    assert preflight(log.root, found.tables).warnings == (
        f"scene {BAD}: tracks of category 'vehicle.ufo' have no class in taxonomy nuscenes_lidarseg",
    )


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../secret", "a/../../secret", "a\0b", "..\\secret", "", ".", "\ud800", "a/..", "a/", "a/."]
)
def test_names_that_leave_the_data_root(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file name"):
        resolve_within(tmp_path, name)


def test_links_that_leave_the_data_root_are_never_opened(
    log: NuScenesLog, scene: SceneTables, tmp_path: Path, opened: list[str]
) -> None:
    secret = tmp_path / "log-secret"  # shares a prefix with the data root's name
    secret.write_bytes((log.root / BETWEEN).read_bytes())
    (log.root / BETWEEN).unlink()
    (log.root / BETWEEN).symlink_to(secret)
    opened.clear()
    with pytest.raises(InputError, match="link that leads out of the data root") as caught:
        read_sweep(log.root, scene, 4)
    assert (caught.value.scene, caught.value.frame, caught.value.file) == (BAD, "sweep 4", BETWEEN)
    assert [problem.what for problem in preflight(log.root, scene).problems] == [
        "file is a link that leads out of the data root"
    ]
    assert opened == []


def test_links_inside_and_a_linked_data_root_are_fine(log: NuScenesLog, scene: SceneTables, tmp_path: Path) -> None:
    (log.root / BETWEEN).rename(log.root / "elsewhere.bin")
    (log.root / BETWEEN).symlink_to(log.root / "elsewhere.bin")
    (tmp_path / "link").symlink_to(log.root)
    assert len(read_sweep(tmp_path / "link", scene, 4).points) == 280
    assert resolve_within(tmp_path / "link", BETWEEN) == (log.root / "elsewhere.bin").resolve()


def test_preflight_looks_at_five_thousand_files_a_second(log: NuScenesLog, scene: SceneTables) -> None:
    preflight(log.root, scene)
    start = time.perf_counter()
    for _ in range(40):
        preflight(log.root, scene)
    assert 40 * (len(scene.point_files) + len(scene.label_files)) / (time.perf_counter() - start) > 5000


def test_workers_import_no_devkit() -> None:
    code = "import sys, occ_pipeline.pipeline.sources; print([m for m in sys.modules if m.split('.')[0] in ('nuscenes', 'matplotlib', 'cv2')])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
