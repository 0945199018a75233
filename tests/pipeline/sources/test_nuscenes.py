"""What the nuScenes reader makes of a hand-written log."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sources import SOURCES, LoggedScene
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.tests.pipeline.sources.nuscenes_log import (
    ADULT_LWH,
    BAD,
    CAR_LWH,
    GOOD,
    VERSION,
    NuScenesLog,
    box_pose,
    ego,
    stamp_us,
)


def read(log: NuScenesLog, scene: str = BAD) -> SceneTables:
    (found,) = SOURCES["nuscenes"](log.write(files=False).root, VERSION).index([scene])
    assert isinstance(found, LoggedScene), str(found)
    return found.tables


def test_tables_are_what_was_written(log: NuScenesLog) -> None:
    tables = read(log)
    assert tables.timestamps_ns.tolist() == [stamp_us(i) * 1000 for i in range(7)]
    assert tables.key_sweeps.tolist() == [0, 3, 6]
    assert tables.frame_tokens == ["b-sample0", "b-sample1", "b-sample2"]
    assert tables.scene_token == "b-scene"
    assert [tables.point_files[i] for i in tables.key_sweeps] == [
        f"samples/LIDAR_TOP/{token}.pcd.bin" for token in tables.lidar_tokens
    ]
    assert tables.world_SE3_ego[:, :3, 3].tolist() == [ego(i) for i in range(7)]
    assert np.allclose(tables.world_SE3_ego[0, :2, :2], [[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]])
    assert np.allclose(tables.ego_SE3_lidar[:, :3], [[0, 1, 0, 0.9], [-1, 0, 0, 0], [0, 0, 1, 1.8]])
    assert tables.track_tokens == ["b-adult", "b-car"]
    assert tables.track_classes == [7, 4]
    assert tables.box_track.tolist() == [0, 0, 1, 1, 1]
    assert tables.box_timestamps_ns.tolist() == [stamp_us(i) * 1000 for i in (0, 3, 0, 3, 6)]
    assert tables.box_size_m.tolist() == [list(ADULT_LWH)] * 2 + [list(CAR_LWH)] * 3
    assert tables.world_SE3_box[2:, :3, 3].tolist() == [box_pose("car", i)[0] for i in (0, 3, 6)]


def test_splits_are_the_official_ones(log: NuScenesLog) -> None:
    assert (read(log, GOOD).split, read(log, BAD).split) == ("val", "")


def test_order_of_rows_does_not_matter(log: NuScenesLog) -> None:
    before = read(log)
    for rows in log.tables.values():
        rows.reverse()
    after = read(log)
    assert after.attributes() == before.attributes()
    assert all((getattr(after, name) == getattr(before, name)).all() for name in SceneTables.specs())


@pytest.mark.parametrize(
    ("table", "token", "fields"),
    [
        ("sample_annotation", "b-car1", {"token": "b-zcar"}),
        ("sample_annotation", "b-car1", {}),
        ("sample_data", "b-sweep4", {}),
        ("ego_pose", "pose-b-sweep4", {}),
        ("lidarseg", "b-sweep3", {}),
    ],
)
def test_exact_doubles_change_nothing(table: str, token: str, fields: dict[str, str], log: NuScenesLog) -> None:
    before = read(log)
    log.tables[table].append(log.row(table, token) | fields)
    after = read(log)
    assert after.attributes() == before.attributes()
    assert (after.world_SE3_box == before.world_SE3_box).all()


@pytest.mark.parametrize(("of", "then"), [("b-sweep4", "b-sweep5"), ("b-sweep3", "b-sweep4")])
def test_sweep_listed_twice_counts_once(of: str, then: str, log: NuScenesLog) -> None:
    before = read(log)
    log.tables["sample_data"].append(
        log.row("sample_data", of) | {"token": "twin", "is_key_frame": False, "next": then}
    )
    log.row("sample_data", of)["next"] = "twin"
    after = read(log)
    assert after.attributes() == before.attributes()
    assert after.key_sweeps.tolist() == before.key_sweeps.tolist()


def test_sweeps_beyond_the_key_frames_are_left_out(log: NuScenesLog) -> None:
    before = read(log)
    last = log.row("sample_data", "b-sweep6")
    tail = {"token": "tail", "is_key_frame": False, "timestamp": stamp_us(7), "filename": "sweeps/tail.bin", "next": ""}
    log.tables["sample_data"].append(last | tail)
    last["next"] = "tail"
    assert read(log).point_files == before.point_files


def test_release_without_annotations(log: NuScenesLog) -> None:
    for table in ("sample_annotation", "instance"):
        log.tables[table].clear()
    tables = read(log)
    assert tables.track_tokens == []
    assert tables.world_SE3_box.shape == (0, 4, 4)


def test_unused_tables_maps_and_label_files_may_be_missing(log: NuScenesLog) -> None:
    before = read(log)
    log.write()
    shutil.rmtree(log.root / "lidarseg")
    for table in ("map", "log", "attribute", "visibility"):
        del log.tables[table]
        (log.root / VERSION / f"{table}.json").unlink()
    assert read(log).attributes() == before.attributes()


def test_simulated_logs_say_so(log: NuScenesLog) -> None:
    assert not read(log).synthetic
    assert not [file for file in SOURCES["nuscenes"](log.root, VERSION).table_files() if "SIMULATED" in file]
    (log.root / "SIMULATED.json").write_text("{}")
    assert read(log).synthetic
    assert "SIMULATED.json" in SOURCES["nuscenes"](log.root, VERSION).table_files()


def test_versions_are_folders_with_tables(log: NuScenesLog, tmp_path: Path) -> None:
    log.write(files=False)
    shutil.copytree(log.root / VERSION, log.root / "v1.0-trainval")
    (log.root / "maps").mkdir()
    assert SOURCES["nuscenes"].versions(log.root) == ["v1.0-mini", "v1.0-trainval"]
    assert SOURCES["nuscenes"].versions(tmp_path / "nowhere") == []
