"""Products that the store's index calls current, by scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ..schemas.cameras import CameraTables
from ..schemas.errors import UsageError
from ..schemas.grid import VoxelGrid
from ..schemas.instance_offsets import InstanceOffsets, RefinedOffsets
from ..schemas.occupancy import (
    MADE_HERE,
    OCCUPANCIES,
    PredictedOccupancy,
    ReferenceOccupancy,
    SurfaceOccupancy,
    VotedOccupancy,
)
from ..schemas.product import Product, ProductReader, load
from ..schemas.refined_poses import RefinedPoses, refined_cameras, refined_tables
from ..schemas.scene import SceneTables
from ..schemas.sensor_frames import SensorFrames
from .checking import unknown
from .store.index import Index
from .store.reader import StoredProduct
from .store.store import Store

_MAKERS: Mapping[str, str] = MappingProxyType(
    {
        SensorFrames.name: "run occ-pipeline run inputs",
        InstanceOffsets.name: "run occ-pipeline run voxnt",
        RefinedOffsets.name: "run occ-pipeline run voxnt-refined",
        PredictedOccupancy.name: "run occ-pipeline predict",
    }
)
_NAMED_ONLY: Mapping[type[SurfaceOccupancy], tuple[str, str]] = MappingProxyType(
    {
        VotedOccupancy: ("voxel labels by another recipe are there to compare with, and none of our own", "scan-votes"),
        PredictedOccupancy: ("a network's predictions are there, and no labels", "predict"),
    }
)
"""Voxel labels that only who names them means: what they are, and what ``show`` calls the stage that made them."""


def how_to_make(product: str) -> str:
    """What an error advises where a product is missing."""
    return _MAKERS.get(product, "run the stage that makes it")


def labels_named(name: str | None) -> type[SurfaceOccupancy] | None:
    """The product of voxel labels that a user names, None for none. Raises UsageError."""
    if name is not None and name not in OCCUPANCIES:
        raise unknown("product of voxel labels", name, OCCUPANCIES)
    return None if name is None else OCCUPANCIES[name]


def chosen_scenes(
    store: Store, index: Index, scenes: Sequence[str] | None, product: type[SurfaceOccupancy] | None
) -> list[str]:
    """The scenes a user names, None for all that have voxel labels, of a given product or of any.

    Raises UsageError for a scene that is not there, and where no scene has labels.
    """
    for name in scenes or ():
        if name not in index.scenes:
            raise UsageError(
                "no such scene in the store", scene=name, expected=one_of(list(index.scenes)), fix="correct --scenes"
            )
    kinds = {name: product or first_labels(entry.products) for name, entry in index.scenes.items()}
    labelled = [name for name, kind in kinds.items() if kind is not None and kind.name in index.scenes[name].products]
    # A scene named twice is meant once.
    chosen = list(dict.fromkeys(scenes or labelled))
    if not chosen:
        if product is None:
            refuse_unnamed(index)
        missing = (product or SurfaceOccupancy).name
        raise UsageError(
            f"no scene has {missing}", file=str(store.path),
            fix=_MAKERS.get(missing, "run the stage that makes it, as occ-pipeline run densify"),
        )  # fmt: skip
    return chosen


def first_labels(products: Mapping[str, str]) -> type[SurfaceOccupancy] | None:
    """What the current labels of a scene with these products begin with: surfaces, else labels taken over; None without any."""
    return next((product for product in (SurfaceOccupancy, ReferenceOccupancy) if product.name in products), None)


def refuse_unnamed(index: Index, scene: str | None = None) -> None:
    """Raises UsageError where a scene, None for any, has voxel labels that only who names them means, and no others."""
    there = {name for each in ([scene] if scene else index.scenes) for name in index.scenes[each].products}
    for product, (what, stage) in _NAMED_ONLY.items():
        if product.name in there:
            raise UsageError(
                what, scene=scene, found=product.name,
                fix=f"name them with --product {product.name}, in show with --stage {stage}, or run occ-pipeline run visibility",
            )  # fmt: skip


def current_labels(
    store: Store, index: Index, scene: str, product: type[SurfaceOccupancy] | None = None
) -> StoredProduct:
    """Read access to a scene's voxel labels: a given product, or the most refined one made from the current surface's; labels
    taken over where none are made.

    Raises UsageError for a scene or product that is not there.
    """
    products: Mapping[str, str] = index.scenes[scene].products if scene in index.scenes else {}
    if product is None and products and first_labels(products) is None:
        refuse_unnamed(index, scene)
    found = current_product(store, index, scene, product or first_labels(products) or SurfaceOccupancy)
    if product is not None:
        return found
    for refined in MADE_HERE[1:]:
        if refined.name in products:
            more = store.reader(scene, refined, products[refined.name])
            # Made from what is current itself: a later run may have stopped short of it.
            if more.manifest.provenance.inputs.get(found.product.name) == found.manifest.fingerprint:
                found = more
    return found


def tables_behind(store: Store, index: Index, scene: str, made: StoredProduct) -> SceneTables:
    """A scene's tables with the poses that a product was made with: refined where it was made from refined ones.

    Raises UsageError where the scene has no tables.
    """
    tables = load(SceneTables, current_product(store, index, scene, SceneTables))
    refined = made.manifest.provenance.inputs.get(RefinedPoses.name)
    if refined is None:
        return tables
    return refined_tables(tables, load(RefinedPoses, store.reader(scene, RefinedPoses, refined)))


def cameras_behind(store: Store, index: Index, scene: str, made: StoredProduct) -> CameraTables:
    """The cameras that a product was made with, refined where it was made with refined poses.

    Raises UsageError where the scene has no tables, VerificationError where its cameras are gone.
    """
    inputs = made.manifest.provenance.inputs
    cameras = load(CameraTables, store.reader(scene, CameraTables, inputs[CameraTables.name]))
    if RefinedPoses.name not in inputs:
        return cameras
    tables = load(SceneTables, current_product(store, index, scene, SceneTables))
    return refined_cameras(
        cameras, tables, load(RefinedPoses, store.reader(scene, RefinedPoses, inputs[RefinedPoses.name]))
    )


def current_product(store: Store, index: Index, scene: str, product: type[Product]) -> StoredProduct:
    """Read access to a scene's current product. Raises UsageError for a scene or product that is not there, saying what is."""
    if scene not in index.scenes:
        raise UsageError("no such scene in the store", scene=scene, expected=one_of(list(index.scenes)))
    products = index.scenes[scene].products
    if product.name not in products:
        raise UsageError(
            f"the store has no {product.name} of this scene",
            scene=scene,
            found=", ".join(products) or "nothing",
            fix=how_to_make(product.name),
        )
    return store.reader(scene, product, products[product.name])


def grid_of(labels: ProductReader) -> VoxelGrid:
    """The grid of a product of voxel labels."""
    given = labels.attribute("grid")
    return VoxelGrid.from_json(given)


def one_of(names: Sequence[str], shown: int = 6) -> str:
    """What an error says was expected: the first of some names."""
    if not names:
        return "none: there are none"
    return f"one of {', '.join(names[:shown])}" + (", ..." if len(names) > shown else "")
