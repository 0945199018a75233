from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from occ_pipeline.pipeline.store.store import Store
from store_samples import IDENTITY, Mixed, mixed, provenance


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create_or_open(tmp_path / "labels.zarr", IDENTITY)


@pytest.fixture
def committed(store: Store) -> tuple[Store, Mixed, str]:
    """A store with one product in it, the product, its fingerprint."""
    product = mixed()
    return store, product, store.commit("scene-1", product, provenance()).fingerprint


@pytest.fixture
def script() -> list[str]:
    """Runs the rest of the command line in ``store_script.py``."""
    return [sys.executable, str(Path(__file__).parent / "store_script.py")]
