"""A store of two scenes whose labels are judged: a car that is not there is refined away in one, and never was in the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from occ_pipeline.pipeline.store.fingerprint import Provenance
from occ_pipeline.pipeline.store.index import update_index
from occ_pipeline.pipeline.store.store import Store, StoreIdentity
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.consistency import Consistency
from occ_pipeline.schemas.image_labels import ImageLabels
from occ_pipeline.schemas.occupancy import CarvedOccupancy, RefinedOccupancy, SurfaceOccupancy
from occ_pipeline.schemas.product import Product
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.stages.consistency import MeasureConsistency
from occ_pipeline.stages.refine import RefineWithImages
from occ_pipeline.tests.stages.seen_world import car, seen_world, things
from occ_pipeline.tests.stages.small_world import World

IDENTITY = StoreIdentity(dataset="nuscenes", taxonomy="nuscenes_lidarseg", back_end="open3d", synthetic=True)


def commit(
    store: Store, scene: str, product: Product, inputs: Mapping[type[Product], str], **parameters: object
) -> str:
    """Fingerprint of what is committed."""
    provenance = Provenance(
        stage=product.name, stage_version=1, schema_version=product.schema_version, parameters={"scene": scene, **parameters},
        inputs={kind.name: fingerprint for kind, fingerprint in inputs.items()}, libraries={},
    )  # fmt: skip
    store.commit(scene, product, provenance)
    return provenance.fingerprint


def commit_scene(store: Store, scene: str, world: World, judged: Sequence[type[SurfaceOccupancy]]) -> dict[type[Product], str]:  # fmt: skip
    """Commits a scene with the consistency of the labels ``judged``; fingerprints of what is current then."""
    world.run(RefineWithImages(votes=20))
    carved = world.products[CarvedOccupancy]
    world.products[SurfaceOccupancy] = SurfaceOccupancy(
        **{name: getattr(carved, name) for name in (*SurfaceOccupancy.specs(), *SurfaceOccupancy.attribute_names())}
    )
    made: dict[type[Product], str] = {SceneTables: commit(store, scene, world.tables, {})}
    for kind, inputs in (
        (CameraTables, ()), (ImageLabels, (CameraTables,)), (SurfaceOccupancy, ()), (CarvedOccupancy, (SurfaceOccupancy,)),
        (RefinedOccupancy, (CarvedOccupancy, ImageLabels, CameraTables)),
    ):  # fmt: skip
        made[kind] = commit(store, scene, world.products[kind], {name: made[name] for name in inputs})
    for kind in judged:
        (found,) = world.run(MeasureConsistency(product=kind.name))  # type: ignore[arg-type]
        inputs = {name: made[name] for name in (kind, ImageLabels, CameraTables)}
        made[Consistency] = commit(store, scene, found, inputs, judged=kind.name)
    return made


def judged_store(path: Path) -> Store:
    """Scene ``ghost``, judged before and after its refinement; scene ``plain``, judged after it."""
    store = Store.create_or_open(path, IDENTITY)
    empty = {v: what for v, what in things().items() if v not in car()}
    current = {
        "ghost": commit_scene(store, "ghost", seen_world(things(), empty), [RefinedOccupancy, CarvedOccupancy]),
        "plain": commit_scene(store, "plain", seen_world(things(), things()), [RefinedOccupancy]),
    }
    update_index(store, current)
    return store
