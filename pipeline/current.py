"""Products that the store's index calls current, by scene."""

from __future__ import annotations

from collections.abc import Sequence

from ..schemas.errors import UsageError
from ..schemas.grid import VoxelGrid
from ..schemas.product import Product, ProductReader
from .store.index import Index
from .store.store import Store


def current_product(store: Store, index: Index, scene: str, product: type[Product]) -> ProductReader:
    """Read access to a scene's current product. Raises UsageError for a scene or product that is not there, saying what is."""
    if scene not in index.scenes:
        raise UsageError("no such scene in the store", scene=scene, expected=one_of(list(index.scenes)))
    products = index.scenes[scene].products
    if product.name not in products:
        raise UsageError(
            f"the store has no {product.name} of this scene",
            scene=scene,
            found=", ".join(products) or "nothing",
            fix="run the stage that makes it",
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
