from __future__ import annotations

import shutil

import numpy as np
import pytest
import zarr
from occ_pipeline.pipeline.store.index import Index, read_index, update_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.errors import UsageError, VerificationError
from occ_pipeline.schemas.scene import SceneTables
from store_samples import Codebook, Mixed, codebook, mixed, provenance


def tables(scene: str, frames: int = 2) -> SceneTables:
    sweeps = frames * 3
    poses = np.tile(np.eye(4), (sweeps, 1, 1))
    empty = np.zeros(0)
    values = {
        "timestamps_ns": np.arange(sweeps, dtype=np.int64) * 50_000_000 + 10**18,
        "world_SE3_ego": poses,
        "ego_SE3_lidar": poses,
        "key_sweeps": np.arange(frames, dtype=np.int32) * 3,
        "box_track": empty.astype(np.int32),
        "box_timestamps_ns": empty.astype(np.int64),
        "world_SE3_box": np.zeros((0, 4, 4)),
        "box_size_m": np.zeros((0, 3)),
        "scene": scene,
        "scene_token": "",
        "point_files": [f"{i}.bin" for i in range(sweeps)],
        "label_files": [""] * frames,
        "frame_tokens": [f"{scene}-{i}" for i in range(frames)],
        "split": "val",
        "dataset": "nuscenes",
        "version": "v1.0-mini",
        "taxonomy": "nuscenes_lidarseg",
        "synthetic": True,
        "point_columns": 5,
    }
    lists = {name: [] for name in SceneTables.attribute_names() if name not in values}
    return SceneTables(**values, **lists)


def test_index_of_a_run(store: Store) -> None:
    assert read_index(store) == Index()
    made, labels = provenance("index", SceneTables.schema_version).fingerprint, provenance().fingerprint
    for scene in ("scene-2", "scene-1"):
        store.commit(scene, tables(scene), provenance("index", SceneTables.schema_version))
        store.commit(scene, mixed(), provenance())
    store.commit(None, codebook(), provenance())
    index = update_index(
        store, {s: {SceneTables: made, Mixed: labels} for s in ("scene-2", "scene-1")}, {Codebook: labels}
    )
    assert read_index(store) == index
    assert list(index.scenes) == ["scene-1", "scene-2"]
    entry = index.scenes["scene-1"]
    assert entry.products == {"mixed": labels, "scene_tables": made}
    assert entry.frames == ("scene-1-0", "scene-1-1")
    assert entry.timestamps_ns == (10**18, 10**18 + 150_000_000)
    assert entry.split == "val"
    assert index.dataset == {"codebook": labels}
    assert zarr.open_group(store.path / "index", mode="r").attrs["scenes"]["scene-2"]["frames"][0] == "scene-2-0"


def test_what_is_not_given_stays_while_it_is_there(store: Store) -> None:
    made, old, new = (
        provenance("index", SceneTables.schema_version).fingerprint,
        provenance(k=1).fingerprint,
        provenance(k=2).fingerprint,
    )
    for scene in ("scene-1", "scene-2"):
        store.commit(scene, tables(scene), provenance("index", SceneTables.schema_version))
        store.commit(scene, mixed(), provenance(k=1))
    update_index(store, {scene: {SceneTables: made, Mixed: old} for scene in ("scene-1", "scene-2")})
    store.commit("scene-1", mixed(), provenance(k=2))
    index = update_index(store, {"scene-1": {Mixed: new}})
    assert index.scenes["scene-1"].products == {"mixed": new, "scene_tables": made}
    assert index.scenes["scene-1"].frames == ("scene-1-0", "scene-1-1")
    assert index.scenes["scene-2"].products["mixed"] == old
    shutil.rmtree(store.path / "scenes" / "scene-2")
    assert list(update_index(store, {}).scenes) == ["scene-1"]


def test_only_committed_groups_are_named(store: Store) -> None:
    with pytest.raises(UsageError, match=r"not in labels\.zarr"):
        update_index(store, {"scene-1": {Mixed: provenance().fingerprint}})
    assert not store.folders.index.exists()


def test_a_damaged_index_is_found_and_made_anew(store: Store) -> None:
    fingerprint = store.commit("scene-1", mixed(), provenance()).fingerprint
    index = update_index(store, {"scene-1": {Mixed: fingerprint}})
    path = store.folders.index
    for text in (path.read_text().replace(fingerprint, "0" * 64), "{", "{}", path.read_text()[:-40]):
        path.write_text(text)
        with pytest.raises(VerificationError, match=r"index/zarr\.json"):
            read_index(store)
        assert update_index(store, {"scene-1": {Mixed: fingerprint}}) == index
