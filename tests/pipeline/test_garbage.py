"""What no current index names: found with its reason, kept on demand, deleted in one rename each."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.garbage import Garbage, delete, leftovers, unnamed
from occ_pipeline.pipeline.store.fingerprint import Provenance, SourceFile, Sources
from occ_pipeline.pipeline.store.index import update_index
from occ_pipeline.pipeline.store.lock import run_lock
from occ_pipeline.pipeline.store.owner import Owner
from occ_pipeline.pipeline.store.store import Store, StoreIdentity
from occ_pipeline.schemas.occupancy import SurfaceOccupancy
from occ_pipeline.schemas.product import Product
from occ_pipeline.schemas.scene import SceneList
from occ_pipeline.schemas.surfaces import Surfaces
from occ_pipeline.tests.pipeline.program import Program

IDENTITY = StoreIdentity(dataset="nuscenes", taxonomy="nuscenes_lidarseg", back_end="open3d", synthetic=True)
SCENE = "scene-1"


def provenance(
    stage: str, inputs: dict[str, str] | None = None, schema_version: int = 1, **parameters: object
) -> Provenance:
    return Provenance(
        stage=stage, stage_version=1, schema_version=schema_version, parameters=parameters, inputs=inputs or {},
        sources=Sources.of([SourceFile("a", 1, "0" * 64)]), back_end="open3d", libraries={},
    )  # fmt: skip


def surfaces(store: Store, **parameters: object) -> str:
    none, bounds = np.zeros((0, 3), np.float32), np.zeros(1, np.int64)
    product = Surfaces(
        vertices=none, triangles=none.astype(np.int32), labels=np.zeros(0, np.uint8),
        piece_track=np.zeros(0, np.int32), piece_sweeps=np.zeros((0, 2), np.int32), piece_vertices=bounds, piece_triangles=bounds,
        piece_bounds=np.zeros((0, 6), np.float32), origin_m=[0.0, 0.0, 0.0],
    )  # fmt: skip
    made_by = provenance("reconstruct", schema_version=Surfaces.schema_version, **parameters)
    return store.commit(SCENE, product, made_by).fingerprint


def labels(store: Store, of: str, **parameters: object) -> str:
    some = np.zeros((1, 2, 2, 2), np.uint8)
    product = SurfaceOccupancy(
        state=some, semantics=some, body=some, world_SE3_grid=np.eye(4)[None], grid={}, taxonomy="x", frame_tokens=["f"]
    )
    return store.commit(SCENE, product, provenance("densify", {"surfaces": of}, **parameters)).fingerprint


def age(store: Store, product: type[Product], fingerprint: str, days: float) -> None:
    path = store.folders.group(SCENE, product, fingerprint) / "zarr.json"
    made = path.stat().st_mtime - days * 86_400
    os.utime(path, (made, made))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two settings of surfaces with labels of each, the second current; labels of a third grid that no run has ended with."""
    store = Store.create_or_open(tmp_path / "labels.zarr", IDENTITY)
    old = surfaces(store, cell_m=0.2)
    age(store, Surfaces, old, 9)
    age(store, SurfaceOccupancy, labels(store, old, grid="a"), 9)
    new = surfaces(store, cell_m=0.3)
    current = labels(store, new, grid="a")
    update_index(store, {SCENE: {Surfaces: new, SurfaceOccupancy: current}})
    age(store, SurfaceOccupancy, labels(store, new, grid="b"), -1)
    return store


def told(found: list[Garbage]) -> list[tuple[str, str]]:
    return sorted((item.kind, item.product) for item in found)


def test_found_with_the_difference_in_words(store: Store) -> None:
    found = unnamed(store)
    assert told(found) == [
        ("newer", "surface_occupancy"),
        ("superseded", "surface_occupancy"),
        ("superseded", "surfaces"),
    ]
    why = {(item.kind, item.product): item.why for item in found}
    assert why["superseded", "surfaces"] == "this -> current: cell_m 0.2 -> 0.3"
    assert "surfaces changed" in why["superseded", "surface_occupancy"]
    assert "grid b -> a" in why["newer", "surface_occupancy"]
    assert all(item.bytes == sum(p.stat().st_size for p in item.path.rglob("*") if p.is_file()) for item in found)


def test_what_is_kept_keeps_what_it_was_made_from(store: Store) -> None:
    assert unnamed(store, keep=["surface_occupancy"]) == []
    assert told(unnamed(store, keep=["surfaces"])) == [
        ("newer", "surface_occupancy"),
        ("superseded", "surface_occupancy"),
    ]


def test_without_an_index_everything_is_work_in_progress(store: Store) -> None:
    shutil.rmtree(store.path / "index")
    assert {item.kind for item in unnamed(store)} == {"newer"}


def test_deletion_leaves_a_sound_store(store: Store) -> None:
    with run_lock(store.path):
        delete(store, unnamed(store))
    assert unnamed(store) == []
    assert store.verify(deep=True) == []
    assert len(store.fingerprints(SCENE, SurfaceOccupancy)) == 1
    assert leftovers(store) == []


def test_an_interrupted_deletion_is_ended_by_the_next(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed when the first group is renamed: readers miss it whole, its files are still there and are found."""
    monkeypatch.setattr("occ_pipeline.pipeline.store.durable.shutil.rmtree", _killed)
    with pytest.raises(KeyboardInterrupt):
        delete(store, unnamed(store))
    monkeypatch.undo()
    assert store.verify(deep=True) == []
    assert len(unnamed(store)) == 2
    (left,) = leftovers(store)
    assert left.bytes > 0
    delete(store, [*unnamed(store), *leftovers(store)])
    assert (unnamed(store), leftovers(store)) == ([], [])


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_what_a_living_process_builds_is_no_leftover(store: Store) -> None:
    for name in (f"{Owner.current().tag}.x", f"999999999.1.{Owner.current().host}.y", "1.1.elsewhere.z"):
        (store.folders.build / name).mkdir(parents=True)
    assert [item.path.name.rpartition(".")[2] for item in leftovers(store)] == ["y"]


def test_damaged_groups_are_left_alone(store: Store) -> None:
    for folder in (store.path / "scenes" / SCENE / "surfaces").iterdir():
        if folder.is_dir():
            (folder / "zarr.json").write_text("{}")
    assert "surfaces" not in {item.product for item in unnamed(store)}


def test_tables_of_older_releases_go_with_their_list(tmp_path: Path) -> None:
    from occ_pipeline.pipeline.indexing import index
    from occ_pipeline.pipeline.sample import write_nuscenes_sample
    from occ_pipeline.pipeline.sources import SOURCES
    from occ_pipeline.pipeline.store.hashes import FileHashes
    from occ_pipeline.schemas.cameras import DatasetCameras
    from occ_pipeline.schemas.scene import DatasetTables

    log = tmp_path / "log"
    write_nuscenes_sample(log, scenes=1, seconds=1, seed=1)
    store = Store.create_or_open(tmp_path / "labels.zarr", IDENTITY)
    (version,) = SOURCES["nuscenes"].versions(log)

    def indexed() -> None:
        found = index(store, SOURCES["nuscenes"](log, version), FileHashes(tmp_path / "h"), None, lambda _: None)
        update_index(store, {name: scene.products for name, scene in found.scenes.items()})

    indexed()
    assert unnamed(store) == []
    old = {path for path in (store.path / "dataset" / "scene_list").iterdir() if path.is_dir()}
    for path in old:
        os.utime(path / "zarr.json", (1, 1))
    for name in (DatasetTables.name, DatasetCameras.name):
        for path in store.path.glob(f"scenes/*/{name}/*/zarr.json"):
            os.utime(path, (1, 1))
    table = log / SOURCES["nuscenes"](log, version).table_files()[0]
    table.write_text(table.read_text() + "\n")
    indexed()
    found = unnamed(store)
    assert told(found) == [("tables", name) for name in (DatasetCameras.name, DatasetTables.name, SceneList.name)]
    assert unnamed(store, keep=[DatasetCameras.name]) == [], "a list of scenes promises tables and cameras"
    assert {item.path for item in found if item.product == SceneList.name} == old
    delete(store, found)
    indexed()
    assert unnamed(store) == []


def test_the_command(store: Store, program: Program) -> None:
    code, out, err = program.told("gc", store.path)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 100
    assert "--delete" in err
    assert len(unnamed(store)) == 3, "a list changes nothing"
    with run_lock(store.path):
        assert program.told("gc", store.path, "--delete")[0] == 5
        assert "a run is under way" in program.told("gc", store.path)[2]
    assert program.told("gc", store.path, "--keep", "surface")[0] == 2
    assert json.loads(program.told("gc", store.path, "--older-than", 20, "--json")[1])["garbage"] == []
    code, out, _ = program.told("gc", store.path, "--delete", "--product", "surfaces", "--json")
    assert [item["product"] for item in json.loads(out)["garbage"]] == ["surfaces"]
    assert told(unnamed(store)) == [("newer", "surface_occupancy"), ("superseded", "surface_occupancy")]
    assert program.told("gc", store.path, "--delete", "--newer")[0] == 0
    assert unnamed(store) == []
