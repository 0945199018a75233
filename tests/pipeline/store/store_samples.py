"""Small products and provenances for the tests of the store, also for those that run in processes of their own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from occ_pipeline.pipeline.store.fingerprint import Provenance, SourceFile, Sources
from occ_pipeline.pipeline.store.index import update_index
from occ_pipeline.pipeline.store.lock import run_lock
from occ_pipeline.pipeline.store.store import Store, StoreIdentity
from occ_pipeline.schemas.product import Array, Product, array

IDENTITY = StoreIdentity(dataset="nuscenes", taxonomy="nuscenes_lidarseg", back_end="open3d", synthetic=True)


@dataclass(frozen=True, kw_only=True)
class Mixed(Product):
    """A framed, a ragged, an offset and a boolean array."""

    name: ClassVar[str] = "mixed"

    labels: Array = array("frame", "x", "y", dtype="uint8", fill=254)
    points: Array = array("point", "xyz", dtype="float32", fill=float("nan"), xyz=3)
    offsets: Array = array("bound", dtype="int64", fill=-1)
    flags: Array = array("point", dtype="bool", fill=False)
    tokens: list[str]
    settings: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Codebook(Product):
    """One for the whole dataset."""

    name: ClassVar[str] = "codebook"
    per_scene: ClassVar[bool] = False

    codes: Array = array("code", "channel", dtype="float32", fill=float("nan"), channel=4)


def mixed(frames: int = 3, points: int = 1000, seed: int = 0, size: tuple[int, int] = (8, 5)) -> Mixed:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(points, 3)).astype(np.float32)
    values[:1] = np.nan
    return Mixed(
        labels=rng.integers(0, 17, (frames, *size)).astype(np.uint8),
        points=values,
        offsets=np.linspace(0, points, frames + 1).astype(np.int64),
        flags=rng.random(points) < 0.5,
        tokens=[f"frame-{i}" for i in range(frames)],
        settings={"ä": 0.1, "b": 1e-300, "a": -0.0},
    )


def codebook() -> Codebook:
    return Codebook(codes=np.arange(8, dtype=np.float32).reshape(2, 4))


def provenance(stage: str = "make", schema_version: int = 1, **parameters: object) -> Provenance:
    source = SourceFile("samples/a.bin", 3, hashlib.sha256(b"abc").hexdigest())
    return Provenance(
        stage=stage,
        stage_version=1,
        schema_version=schema_version,
        parameters=parameters,
        inputs={},
        sources=Sources.of([source]),
        back_end="open3d",
        libraries={"scipy": "1.11.0", "numba": "0.60.0"},
    )


def whole_run(path: Path) -> None:
    """What a run does: lock, clean, commit what is missing, index."""
    with run_lock(path):
        store = Store.create_or_open(path, IDENTITY)
        store.clean_leftovers()
        current = {}
        for scene, seed in (("scene-1", 1), ("scene-2", 2)):
            made = provenance(seed=seed)
            if not store.committed(scene, Mixed, made.fingerprint):
                store.commit(scene, mixed(points=50, seed=seed), made, ["few points"])
            current[scene] = {Mixed: made.fingerprint}
        if not store.committed(None, Codebook, provenance("code").fingerprint):
            store.commit(None, codebook(), provenance("code"))
        update_index(store, current, {Codebook: provenance("code").fingerprint})


def tree_digest(path: Path) -> str:
    """SHA-256 over every relative path and its bytes."""
    total = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        total.update(file.relative_to(path).as_posix().encode() + b"\0")
        if file.is_file():
            total.update(file.read_bytes())
    return total.hexdigest()
