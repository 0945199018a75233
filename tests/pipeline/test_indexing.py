"""The index step: what an edit of a dataset's tables makes new, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.indexing import IndexedScene, index
from occ_pipeline.pipeline.registry import PRODUCTS
from occ_pipeline.pipeline.sources.nuscenes import NuScenesSource
from occ_pipeline.pipeline.store.hashes import FileHashes
from occ_pipeline.pipeline.store.store import Store, StoreIdentity
from occ_pipeline.pipeline.store.validate import Validation
from occ_pipeline.schemas.cameras import CameraTables, DatasetCameras
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.product import load
from occ_pipeline.schemas.scene import SceneList, SceneTables
from occ_pipeline.tests.pipeline.sources.nuscenes_log import BAD, CAMERAS, GOOD, VERSION, NuScenesLog

IDENTITY = StoreIdentity(dataset="nuscenes", taxonomy="nuscenes_lidarseg", back_end="open3d", synthetic=True)


@pytest.fixture
def log(log: Path, tmp_path: Path) -> Path:
    """A copy of the log, to be edited."""
    return shutil.copytree(log, tmp_path / "log")


def fingerprints(log: Path, said: list[str] | None = None) -> dict[str, str]:
    store = Store.create_or_open(log.parent / "labels.zarr", IDENTITY)
    hashes = FileHashes(log.parent / "hashes.sqlite")
    notes = said if said is not None else []
    found = index(store, NuScenesSource(log, "v1.0-mini"), hashes, None, notes.append)
    return {name: scene.fingerprint for name, scene in found.scenes.items()}


def test_tables_are_read_once_and_an_edit_renews_only_its_scene(log: Path) -> None:
    said: list[str] = []
    before = fingerprints(log, said)
    assert len(before) == 2
    assert len(said) == 1
    assert fingerprints(log, said) == before
    assert len(said) == 1

    tables = log / "v1.0-mini"
    scene = json.loads((tables / "scene.json").read_text())[0]
    samples = {
        s["token"] for s in json.loads((tables / "sample.json").read_text()) if s["scene_token"] == scene["token"]
    }
    boxes = json.loads((tables / "sample_annotation.json").read_text())
    next(box for box in boxes if box["sample_token"] in samples)["translation"][0] += 0.01
    (tables / "sample_annotation.json").write_text(json.dumps(boxes))
    after = fingerprints(log, said)
    assert len(said) == 2
    assert {name for name in before if before[name] != after[name]} == {scene["name"]}


def test_a_missing_sweep_makes_another_scene(log: Path) -> None:
    before = fingerprints(log)
    tables = json.loads((log / "v1.0-mini" / "sample_data.json").read_text())
    (log / next(row["filename"] for row in tables if not row["is_key_frame"])).unlink()
    after = fingerprints(log)
    assert sum(before[name] != after[name] for name in before) == 1


@pytest.fixture
def camera_log(tmp_path: Path) -> NuScenesLog:
    return NuScenesLog(tmp_path / "log").write()


def indexed(log: NuScenesLog, said: list[str] | None = None) -> tuple[Store, dict[str, IndexedScene]]:
    identity = dataclasses.replace(IDENTITY, synthetic=False)
    store = Store.create_or_open(log.root.parent / "labels.zarr", identity)
    hashes = FileHashes(log.root.parent / "hashes.sqlite")
    notes = said if said is not None else []
    return store, index(store, NuScenesSource(log.root, VERSION), hashes, None, notes.append).scenes


def cameras_of(store: Store, scene: IndexedScene) -> CameraTables:
    return load(CameraTables, store.reader(scene.tables.scene, CameraTables, scene.cameras))


def test_cameras_are_kept_beside_the_tables(camera_log: NuScenesLog) -> None:
    store, scenes = indexed(camera_log)
    assert sorted(scenes) == [GOOD, BAD]
    for name, scene in scenes.items():
        assert scene.products == {SceneTables: scene.fingerprint, CameraTables: scene.cameras}
        cameras = cameras_of(store, scene)
        assert (cameras.scene, cameras.frame_tokens) == (name, scene.tables.frame_tokens)
        assert cameras.names == sorted(CAMERAS)
        assert np.isfinite(cameras.intrinsics).all()
        assert all(all(files) for files in cameras.image_files)
        assert (scene.warnings, scene.camera_warnings) == ((), ())
    assert list(Validation(store, PRODUCTS).errors()) == []


def test_images_copied_later_renew_the_cameras_alone(camera_log: NuScenesLog) -> None:
    late = [camera_log.root / f"samples/CAM_FRONT/b-CAM_FRONT{i}.jpg" for i in (0, 3)]
    contents = [path.read_bytes() for path in late]
    for path in late:
        path.unlink()
    said: list[str] = []
    store, before = indexed(camera_log, said)
    assert before[BAD].camera_warnings == (
        f"scene {BAD}: 2 of 6 images are missing, first samples/CAM_FRONT/b-CAM_FRONT0.jpg (no such file)",
    )
    assert store.manifest(BAD, CameraTables, before[BAD].cameras).warnings == before[BAD].camera_warnings
    cameras = cameras_of(store, before[BAD])
    assert [files[1] == "" for files in cameras.image_files] == [True, True, False]
    assert cameras.cameras_of(0) == [0, 1], "masks of what cameras see need no image"
    for path, content in zip(late, contents, strict=True):
        path.write_bytes(content)
    _, after = indexed(camera_log, said)
    assert len(said) == 1, "tables are read once"
    assert [after[name].fingerprint for name in after] == [before[name].fingerprint for name in after]
    assert {name for name in after if after[name].cameras != before[name].cameras} == {BAD}
    assert all(all(files) for files in cameras_of(store, after[BAD]).image_files)
    assert after[BAD].camera_warnings == ()


def test_an_edit_of_a_camera_renews_the_cameras_alone(camera_log: NuScenesLog) -> None:
    _, before = indexed(camera_log)
    camera_log.row("ego_pose", "pose-b-CAM_BACK3")["translation"][0] += 0.01
    _, after = indexed(camera_log.write())
    assert [after[name].fingerprint for name in after] == [before[name].fingerprint for name in after]
    assert {name for name in after if after[name].cameras != before[name].cameras} == {BAD}


def test_a_broken_camera_is_a_warning_that_is_kept(camera_log: NuScenesLog) -> None:
    camera_log.row("sample_data", "b-CAM_FRONT3")["ego_pose_token"] = "gone"
    camera_log.write()
    for _ in range(2):
        store, scenes = indexed(camera_log)
        (warning,) = scenes[BAD].camera_warnings
        assert "table row b-CAM_FRONT3: ego_pose_token points nowhere" in warning
        assert scenes[BAD].warnings == scenes[GOOD].camera_warnings == ()
        assert store.manifest(BAD, CameraTables, scenes[BAD].cameras).warnings == (warning,)
        assert cameras_of(store, scenes[BAD]).cameras_of(1) == [0]


def test_a_missing_key_frame_takes_its_cameras_along(camera_log: NuScenesLog) -> None:
    (camera_log.root / "samples/LIDAR_TOP/b-sweep3.pcd.bin").unlink()
    store, scenes = indexed(camera_log)
    cameras = cameras_of(store, scenes[BAD])
    assert cameras.frame_tokens == scenes[BAD].tables.frame_tokens == ["b-sample0", "b-sample2"]
    assert cameras.image_files[1] == ["samples/CAM_BACK/b-CAM_BACK6.jpg", "samples/CAM_FRONT/b-CAM_FRONT6.jpg"]


def test_a_log_without_cameras(log: Path) -> None:
    store = Store.create_or_open(log.parent / "labels.zarr", IDENTITY)
    found = index(store, NuScenesSource(log, VERSION), FileHashes(log.parent / "h"), None, lambda _: None)
    for name, scene in found.scenes.items():
        cameras = load(CameraTables, store.reader(name, CameraTables, scene.cameras))
        assert cameras.attributes() == CameraTables.none(name, scene.tables.frame_tokens).attributes()
        assert cameras.intrinsics.shape == (len(scene.tables.key_sweeps), 0, 3, 3)
        assert scene.camera_warnings == ()
    assert store.verify(deep=True) == []
    assert list(Validation(store, PRODUCTS).errors()) == []


def test_an_older_stores_tables_are_read_again_and_nothing_is_made_anew(
    camera_log: NuScenesLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made before there were cameras: the list of scenes promises none."""
    said: list[str] = []
    with monkeypatch.context() as older:
        older.setattr(SceneList, "schema_version", 1)
        store, before = indexed(camera_log, said)
    for scene in (GOOD, BAD):
        for product in (CameraTables, DatasetCameras):
            shutil.rmtree(store.path / "scenes" / scene / product.name)
    _, after = indexed(camera_log, said)
    assert len(said) == 2
    assert {name: scene.products for name, scene in after.items()} == {n: s.products for n, s in before.items()}
    assert indexed(camera_log, said)[1].keys() == after.keys()
    assert len(said) == 2


def test_an_unknown_scene_is_named_with_what_there_is(log: Path) -> None:
    store = Store.create_or_open(log.parent / "labels.zarr", IDENTITY)
    source = NuScenesSource(log, "v1.0-mini")
    with pytest.raises(UsageError, match=r"scene-9999.*scene-0001, scene-0002"):
        index(store, source, FileHashes(log.parent / "hashes.sqlite"), ["scene-9999"], lambda _: None)
