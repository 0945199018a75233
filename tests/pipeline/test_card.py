"""The data card counts what is in the store and says what a user must know before using it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.card import card
from occ_pipeline.pipeline.card_text import markdown
from occ_pipeline.pipeline.indexing import index
from occ_pipeline.pipeline.parameters import as_json
from occ_pipeline.pipeline.sample import write_nuscenes_sample
from occ_pipeline.pipeline.sources import SOURCES
from occ_pipeline.pipeline.store.fingerprint import Provenance
from occ_pipeline.pipeline.store.hashes import FileHashes
from occ_pipeline.pipeline.store.index import update_index
from occ_pipeline.pipeline.store.store import Store, StoreIdentity
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import SurfaceOccupancy
from occ_pipeline.stages.densify import Densify
from occ_pipeline.tests.pipeline.program import Program

GRID = VoxelGrid((0.0, 0.0, 0.0), 0.5, (4, 4, 2))
IDENTITY = StoreIdentity(dataset="nuscenes", taxonomy="nuscenes_lidarseg", back_end="open3d", synthetic=True)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = tmp_path_factory.mktemp("card") / "log"
    write_nuscenes_sample(log, scenes=1, seconds=1, seed=1)
    return log


@pytest.fixture
def store(log: Path, tmp_path: Path) -> Store:
    return made(log, tmp_path / "labels.zarr", IDENTITY)


def made(log: Path, path: Path, identity: StoreIdentity) -> Store:
    """Three key frames; in each four voxels are cars, one has no class."""
    store = Store.create_or_open(path, identity)
    source = SOURCES["nuscenes"](log, "v1.0-mini")
    found = index(store, source, FileHashes(path.parent / "h"), None, lambda _: None)
    (scene,) = found.scenes.values()
    state = np.zeros((len(scene.tables.key_sweeps), *GRID.shape), np.uint8)
    state[:, 0] = 2
    semantics = np.full_like(state, 255)
    semantics[:, 0, :, 0] = 4
    semantics[:, 0, 1:, 1] = 11
    labels = SurfaceOccupancy(
        state=state, semantics=semantics, body=(state // 2).astype(np.uint8),
        world_SE3_grid=np.tile(np.eye(4), (len(state), 1, 1)), grid=GRID.to_json(), taxonomy="nuscenes_lidarseg",
        frame_tokens=list(scene.tables.frame_tokens),
    )  # fmt: skip
    provenance = Provenance(
        stage="densify", stage_version=1, schema_version=1, parameters=as_json(Densify(grid=GRID, knn=7)), inputs={},
        libraries={"numba": "0.60.0"},
    )  # fmt: skip
    fingerprint = store.commit(scene.tables.scene, labels, provenance).fingerprint
    update_index(store, {scene.tables.scene: {**scene.products, SurfaceOccupancy: fingerprint}})
    return store


def test_what_it_counts(store: Store) -> None:
    told = card(store)
    assert (told["scenes"], told["key_frames"]) == (1, 3)
    (labels,) = told["labels"]
    assert labels["grid"] == GRID.to_json()
    assert labels["counts"]["states"] == {"unknown": 72, "free": 0, "occupied": 24}
    assert {name: n for name, n in labels["counts"]["classes"].items() if n} == {
        "car": 12, "driveable_surface": 9, "no label": 3,
    }  # fmt: skip
    assert labels["counts"]["bodies"] == {"static": 24, "rigid": 0, "deforming": 0}
    (densify,) = told["settings"]
    assert densify["parameters"]["knn"]["value"] == 7
    assert densify["parameters"]["knn"]["help"].startswith("Labelled points")
    assert told["versions"]["libraries"] == {"numba": ["0.60.0"]}
    assert told["quality"] is None
    json.dumps(told)


def test_as_text(store: Store) -> None:
    text = markdown(card(store))
    assert "**SYNTHETIC" in text
    assert "| licence of the source | none: simulated by occ-pipeline |" in text
    assert "4 x 4 x 2 voxels of 0.5 m" in text
    assert "| car | 12 | 50.00 % |" in text
    assert "None measured." in text
    assert "never read unknown as free" in text
    assert "| `knn` | 7 | Labelled points" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")


def test_a_real_log_keeps_its_licence(log: Path, tmp_path: Path) -> None:
    text = markdown(card(made(log, tmp_path / "real.zarr", replace(IDENTITY, synthetic=False))))
    assert "CC BY-NC-SA 4.0" in text
    assert "SYNTHETIC" not in text


def test_an_empty_store(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no finished scene"):
        card(Store.create_or_open(tmp_path / "labels.zarr", IDENTITY))


def test_the_command(store: Store, log: Path, tmp_path: Path, program: Program) -> None:
    out = tmp_path / "card.md"
    assert program.told("card", store.path, "--out", out)[:2] == (0, f"{out}\n")
    assert "None measured." in out.read_text()
    code, text, _ = program.told("card", store.path, "--reference", f"truth:{log}")
    assert code == 0
    assert "exact truth of a simulated log, 3 key frames" in text
    measured = tmp_path / "quality.json"
    measured.write_text(program.told("compare", store.path, "--reference", f"truth:{log}", "--json")[1])
    code, text, _ = program.told("card", store.path, "--quality", measured, "--json")
    assert code == 0
    assert json.loads(text)["quality"]["frames"] == 3
    measured.write_text("{}")
    code, _, err = program.told("card", store.path, "--quality", measured)
    assert code == 2
    assert "compare STORE --reference" in err
