"""A store of published labels, made within this process."""

from __future__ import annotations

from pathlib import Path

from occ_pipeline.pipeline.sources import LABEL_FORMATS, LoggedScene
from occ_pipeline.pipeline.store.index import update_index
from occ_pipeline.pipeline.store.store import Store, StoreIdentity
from occ_pipeline.schemas.product import Product
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.stages.import_labels import ImportLabels
from occ_pipeline.tests.pipeline.judged_store import commit
from occ_pipeline.tests.stages.small_world import World


def taken_over(name: str, folder: Path, path: Path) -> Store:
    """A store of a folder's labels, made within this process."""
    source = LABEL_FORMATS[name](folder, "labels")
    identity = StoreIdentity(dataset=source.stored_as(), taxonomy=source.taxonomy, back_end="open3d", synthetic=False)
    store = Store.create_or_open(path, identity)
    current: dict[str, dict[type[Product], str]] = {}
    for found in source.index():
        assert isinstance(found, LoggedScene)
        tables = found.tables
        frames = range(len(tables.key_sweeps))
        world = World(tables, published=[source.read(source.data_root, tables, k) for k in frames])
        labels, flow = world.run(ImportLabels())
        made: dict[type[Product], str] = {SceneTables: commit(store, tables.scene, tables, {})}
        for product in (labels, flow):
            made[type(product)] = commit(store, tables.scene, product, {SceneTables: made[SceneTables]})
        current[tables.scene] = made
    update_index(store, current)
    return store
