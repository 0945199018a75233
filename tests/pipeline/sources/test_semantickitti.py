"""SemanticKITTI: scans joined by number, poses, labels and what their values mean; what is wrong is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sources import LoggedScene, preflight, read_sweep
from occ_pipeline.pipeline.sources.semantickitti import EGO_SE3_LIDAR, LEARNING_MAP, SemanticKittiSource
from occ_pipeline.schemas.errors import InputError
from occ_pipeline.schemas.scene import PointKind, SceneTables
from occ_pipeline.schemas.taxonomy import SEMANTICKITTI
from occ_pipeline.tests.pipeline.sources.semantickitti_log import RAW, SemanticKittiLog, lidar_pose


@pytest.fixture
def written(tmp_path: Path) -> SemanticKittiLog:
    return SemanticKittiLog(tmp_path / "log").write()


def opened(log: SemanticKittiLog) -> list[LoggedScene | InputError]:
    return list(SemanticKittiSource(log.root, "odometry").index())


def tables(log: SemanticKittiLog, scene: str = "00") -> SceneTables:
    found = next(s for s in opened(log) if isinstance(s, LoggedScene) and s.tables.scene == scene)
    return found.tables


def test_scans_are_joined_by_number(written: SemanticKittiLog) -> None:
    found = tables(written)
    assert found.frame_tokens == ["000000", "000001", "000002", "000004"]
    assert found.timestamps_ns.tolist() == [0, 103_700_000, 207_400_000, 414_800_000]
    for sweep, frame in enumerate((0, 1, 2, 4)):
        assert np.allclose(found.world_SE3_lidar(sweep), EGO_SE3_LIDAR @ lidar_pose(frame), atol=1e-7)
    assert found.world_SE3_ego[0] == pytest.approx(np.eye(4), abs=1e-9)
    assert found.key_sweeps.tolist() == [0, 1, 2, 3]
    assert (found.split, tables(written, "08").split) == ("train", "val")


def test_points_labels_and_kinds(written: SemanticKittiLog) -> None:
    found = tables(written)
    sweep = read_sweep(written.root, found, 3)
    assert np.array_equal(sweep.points, written.points("00", 4)[:, :3])
    assert sweep.labels is not None
    assert sweep.kinds is not None
    names = [*RAW, *["road"] * 6]
    classes = {"car": "car", "moving-car": "car", "road": "road"}
    want = [SEMANTICKITTI.id_of(classes[name]) if name in classes else 255 for name in names]
    assert sweep.labels.tolist() == want
    kinds = {"outlier": PointKind.NOISE, "moving-car": PointKind.MOVING}
    assert sweep.kinds.tolist() == [kinds.get(name, PointKind.USUAL) for name in names]
    assert read_sweep(written.root, found, 1).labels is None
    assert found.label_files[1] == ""


def test_values_are_those_of_the_published_map() -> None:
    by_name = {
        "car": [10, 252], "bicycle": [11], "motorcycle": [15], "truck": [18, 258], "person": [30, 254], "bicyclist": [31, 253],
        "motorcyclist": [32, 255], "other-vehicle": [13, 16, 20, 256, 257, 259], "road": [40, 60], "parking": [44],
        "sidewalk": [48], "other-ground": [49], "building": [50], "fence": [51], "vegetation": [70], "trunk": [71],
        "terrain": [72], "pole": [80], "traffic-sign": [81],
    }  # fmt: skip
    assert {value: SEMANTICKITTI.id_of(name) for name, values in by_name.items() for value in values} == LEARNING_MAP


def test_without_own_poses_kittis_are_read(written: SemanticKittiLog) -> None:
    own = written.root / "sequences" / "00" / "poses.txt"
    before = tables(written)
    (written.root / "poses").mkdir()
    own.rename(written.root / "poses" / "00.txt")
    assert np.array_equal(tables(written).world_SE3_ego, before.world_SE3_ego)


def test_a_scan_more_is_another_release(written: SemanticKittiLog) -> None:
    before = SemanticKittiSource(written.root, "odometry").identity()
    (written.root / "sequences" / "08" / "velodyne" / "000000.bin").rename(
        written.root / "sequences" / "08" / "velodyne" / "000001.bin"
    )
    assert SemanticKittiSource(written.root, "odometry").identity() != before


def edit(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        (folder / name).write_text(change((folder / name).read_text()))

    return do


BROKEN = {
    "no calib": (lambda f: (f / "calib.txt").unlink(), "file is missing or too large", "sequences/00/calib.txt"),
    "no Tr": (edit("calib.txt", lambda t: t.replace("Tr:", "Tx:")), "no usable 'Tr'", "no such row"),
    "short Tr": (edit("calib.txt", lambda t: t.rsplit(" ", 1)[0] + "\n"), "no usable 'Tr'", "11 numbers"),
    "no poses": (lambda f: (f / "poses.txt").unlink(), "file is missing or too large", "poses/00.txt"),
    "nan pose": (edit("poses.txt", lambda t: t.replace("1.000000000e+00", "nan", 1)), "not finite", "poses.txt, line 1"),
    "words": (edit("poses.txt", lambda t: "one " + t), "no number", "poses.txt, line 1"),
    "short pose": (edit("poses.txt", lambda t: t[: t.index(" ")] + t[t.index("\n") :]), "no pose", "found 1 numbers"),
    "skewed pose": (edit("poses.txt", lambda t: t.replace("1.000000000e+00", "1.5", 1)), "no pose", "a matrix that is no rotation"),
    "few poses": (edit("poses.txt", lambda t: t[: t.index("\n") + 1]), "table ends before the last scan", "found 1 rows"),
    "few times": (edit("times.txt", lambda t: t[: t.index("\n") + 1]), "table ends before the last scan", "times.txt"),
    "times go back": (edit("times.txt", lambda t: t.replace("2.074", "0.074")), "do not increase", "frame 000002"),
    "odd name": (lambda f: (f / "velodyne/000000.bin").rename(f / "velodyne/0.bin"), "scan has no number", "velodyne/0.bin"),
    "binary": (lambda f: (f / "times.txt").write_bytes(b"\xff\xfe\x00"), "cannot be read as text", "times.txt"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_sequence_says_what_is_wrong_and_the_others_are_read(name: str, written: SemanticKittiLog) -> None:
    spoil, *says = BROKEN[name]
    spoil(written.root / "sequences" / "00")
    broken, sound = opened(written)
    assert isinstance(broken, InputError)
    assert broken.scene == "00"
    for words in says:
        assert words in str(broken)
    assert isinstance(sound, LoggedScene)


def test_labels_of_another_length_fail_before_anything_runs(written: SemanticKittiLog) -> None:
    path = written.root / "sequences" / "00" / "labels" / "000002.label"
    path.write_bytes(path.read_bytes()[:-4])
    (problem,) = preflight(written.root, tables(written)).problems
    assert "found 11 labels, expected 12, one for each point of sequences/00/velodyne/000002.bin" in str(problem)


def test_a_value_that_nobody_defined(written: SemanticKittiLog) -> None:
    path = written.root / "sequences" / "00" / "labels" / "000002.label"
    values = np.fromfile(path, np.uint32)
    values[3] = 300
    values.tofile(path)
    with pytest.raises(InputError, match=r"value that the dataset's list of categories lacks .*found 300"):
        read_sweep(written.root, tables(written), 2)
