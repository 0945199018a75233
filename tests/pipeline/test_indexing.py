"""The index step: what an edit of a dataset's tables makes new, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from occ_pipeline.pipeline.indexing import index
from occ_pipeline.pipeline.sample import write_nuscenes_sample
from occ_pipeline.pipeline.sources.nuscenes import NuScenesSource
from occ_pipeline.pipeline.store.hashes import FileHashes
from occ_pipeline.pipeline.store.store import Store, StoreIdentity
from occ_pipeline.schemas.errors import UsageError

IDENTITY = StoreIdentity(dataset="nuscenes", taxonomy="nuscenes_lidarseg", back_end="open3d", synthetic=True)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write_nuscenes_sample(tmp_path / "log", scenes=2, seconds=1, seed=3)
    return tmp_path / "log"


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


def test_an_unknown_scene_is_named_with_what_there_is(log: Path) -> None:
    store = Store.create_or_open(log.parent / "labels.zarr", IDENTITY)
    source = NuScenesSource(log, "v1.0-mini")
    with pytest.raises(UsageError, match=r"scene-9999.*scene-0001, scene-0002"):
        index(store, source, FileHashes(log.parent / "hashes.sqlite"), ["scene-9999"], lambda _: None)
