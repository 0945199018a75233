from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from nuscenes.nuscenes import NuScenes
from nuscenes.utils.geometry_utils import points_in_box
from occ_pipeline.pipeline.sample import MARKER, write_nuscenes_sample
from occ_pipeline.pipeline.sample.labels import CATEGORIES
from occ_pipeline.schemas.errors import UsageError

LINKS = {
    "instance": {
        "category_token": "category",
        "first_annotation_token": "sample_annotation",
        "last_annotation_token": "sample_annotation",
    },
    "calibrated_sensor": {"sensor_token": "sensor"},
    "scene": {"log_token": "log", "first_sample_token": "sample", "last_sample_token": "sample"},
    "sample": {"scene_token": "scene", "prev": "sample", "next": "sample"},
    "sample_data": {
        "sample_token": "sample",
        "ego_pose_token": "ego_pose",
        "calibrated_sensor_token": "calibrated_sensor",
        "prev": "sample_data",
        "next": "sample_data",
    },
    "sample_annotation": {
        "sample_token": "sample",
        "instance_token": "instance",
        "visibility_token": "visibility",
        "prev": "sample_annotation",
        "next": "sample_annotation",
    },
    "lidarseg": {"sample_data_token": "sample_data"},
}


@pytest.fixture(scope="module")
def devkit(street_log: Path) -> NuScenes:
    return NuScenes("v1.0-mini", dataroot=str(street_log), verbose=False)


def digests(root: Path, word: str = "") -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file() and word in str(path))
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_devkit_reads_what_is_promised(devkit: NuScenes) -> None:
    assert [scene["name"] for scene in devkit.scene] == ["scene-0001", "scene-0002"]
    assert [scene["nbr_samples"] for scene in devkit.scene] == [3, 3]
    assert len(devkit.sample_data) == 2 * 21
    assert [devkit.lidarseg_idx2name_mapping[k] for k in range(32)] == list(CATEGORIES)
    assert devkit.map[0]["mask"].mask().any()


def test_every_token_points_somewhere(devkit: NuScenes) -> None:
    for table, links in LINKS.items():
        for row in getattr(devkit, table):
            for field, target in links.items():
                if row[field] or field not in ("prev", "next"):
                    assert devkit.get(target, row[field])
    for table in devkit.table_names:
        tokens = [row["token"] for row in getattr(devkit, table)]
        assert len(set(tokens)) == len(tokens)


def test_sweeps_are_in_order_and_complete(devkit: NuScenes, street_log: Path) -> None:
    for scene in devkit.scene:
        token = devkit.get("sample", scene["first_sample_token"])["data"]["LIDAR_TOP"]
        stamps = []
        while token:
            row = devkit.get("sample_data", token)
            points = np.fromfile(street_log / row["filename"], np.float32).reshape(-1, 5)
            assert len(points) == 1085 * 32
            assert np.isfinite(points).all()
            assert set(np.unique(points[:, 4])) == set(range(32))
            stamps.append(row["timestamp"])
            assert row["is_key_frame"] == ((len(stamps) - 1) % 10 == 0)
            token = row["next"]
        assert np.all(np.diff(stamps) == 50_000)
        assert len(stamps) == 21


def test_labels_boxes_and_point_counts_agree(devkit: NuScenes, street_log: Path) -> None:
    inside_all, inside_right = 0, 0
    for sample in devkit.sample:
        data = devkit.get("sample_data", sample["data"]["LIDAR_TOP"])
        points = np.fromfile(street_log / data["filename"], np.float32).reshape(-1, 5)[:, :3]
        labels = np.fromfile(street_log / devkit.get("lidarseg", data["token"])["filename"], np.uint8)
        assert len(labels) == len(points)
        assert labels.max() < 32
        _, boxes, _ = devkit.get_sample_data(data["token"])
        for box in boxes:
            row = devkit.get("sample_annotation", box.token)
            inside = points_in_box(box, points.T.astype(np.float64))
            # float32 coordinates of points on a face
            assert abs(int(inside.sum()) - row["num_lidar_pts"]) <= 1 + 0.01 * row["num_lidar_pts"]
            names = np.array(CATEGORIES)[labels[inside]]
            flat = np.char.startswith(names, "flat") | (names == "noise")
            inside_all += int((~flat).sum())
            inside_right += int((names[~flat] == row["category_name"]).sum())
    assert inside_right > 0.97 * inside_all > 0


def test_a_seed_gives_the_same_bytes_and_scenes_stand_alone(street_log: Path, tmp_path: Path) -> None:
    write_nuscenes_sample(tmp_path / "again", scenes=1, seconds=1.0, seed=3)
    first, again = digests(street_log), digests(tmp_path / "again")
    shared = [name for name in again if not name.startswith("v1.0-mini") and name != MARKER]
    assert len(shared) >= 30
    assert all(first[name] == again[name] for name in shared)
    assert json.loads((street_log / MARKER).read_text())["seed"] == 3


def test_another_seed_gives_another_street(street_log: Path, tmp_path: Path) -> None:
    write_nuscenes_sample(tmp_path / "other", seconds=0.5, seed=4)
    ours, other = ((root / "v1.0-mini" / "ego_pose.json").read_text() for root in (street_log, tmp_path / "other"))
    assert json.loads(ours)[0]["translation"] != json.loads(other)[0]["translation"]


def test_a_folder_in_use_is_refused_and_nothing_half_written_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note").write_text("keep")
    with pytest.raises(UsageError, match="in use"):
        write_nuscenes_sample(tmp_path / "mine", seconds=0.5)

    def stop(scene: str, done: float) -> None:
        raise KeyboardInterrupt(f"{scene} {done}")

    with pytest.raises(KeyboardInterrupt):
        write_nuscenes_sample(tmp_path / "log", seconds=0.5, progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]
    with pytest.raises(UsageError, match="sample log"):
        write_nuscenes_sample(tmp_path / "log", scenes=0)
