"""Every stage there is, and the names a user may run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ..schemas.cameras import DatasetCameras
from ..schemas.errors import UsageError
from ..schemas.occupancy import PredictedOccupancy
from ..schemas.product import Product
from ..schemas.scene import DatasetTables, SceneList
from ..stages.clean import Clean
from ..stages.consistency import MeasureConsistency
from ..stages.densify import Densify
from ..stages.flow import Flow
from ..stages.import_labels import ImportLabels
from ..stages.inputs import CopyInputs
from ..stages.label_images import LabelImages
from ..stages.moving_objects import FindMovingObjects
from ..stages.raycast import Raycast
from ..stages.reconstruct import Reconstruct
from ..stages.refine import RefineWithImages
from ..stages.refine_poses import RefinePoses
from ..stages.scan_votes import ScanVotes
from ..stages.separate import Separate
from ..stages.stage import Stage
from ..stages.visibility import Visibility
from ..stages.voxnt import Voxnt, VoxntRefined
from .checking import unknown
from .graph import INDEXED
from .recipes import Recipe, is_path, packaged, read_recipe

STAGES: Mapping[str, type[Stage]] = MappingProxyType(
    {
        s.name: s
        for s in (
            *(
                RefinePoses,
                FindMovingObjects,
                Separate,
                Reconstruct,
                Densify,
                Raycast,
                Visibility,
                ImportLabels,
                ScanVotes,
            ),
            *(LabelImages, RefineWithImages, MeasureConsistency, Flow, Voxnt, Clean, VoxntRefined, CopyInputs),
        )
    }
)
"""Stage classes by name."""

PRODUCTS: Mapping[str, type[Product]] = MappingProxyType(
    {
        p.name: p
        for p in (
            *(SceneList, DatasetTables, DatasetCameras, *INDEXED),
            *(p for s in STAGES.values() for p in s.writes),
            PredictedOccupancy,
        )
    }
)
"""Product classes by name: of the index step, of stages, and of ``predict``."""

RECIPES: Mapping[str, Recipe] = MappingProxyType(packaged(STAGES))
"""Recipes that come with the package, by name."""

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType({name: recipe.stages for name, recipe in RECIPES.items()})
"""Names of several stages at once; what they need runs with them."""


def target_named(text: str) -> Recipe:
    """What a user asks to run: a stage, a packaged recipe, or the path of a recipe. Raises UsageError."""
    if is_path(text):
        return read_recipe(Path(text), STAGES)
    if text in RECIPES:
        return RECIPES[text]
    if text in STAGES:
        return Recipe(text, (text,))
    error: UsageError = unknown("stage or recipe", text, [*STAGES, *RECIPES])
    error.fix = f"{error.fix}; a recipe of your own is named by its path, ending in .yaml"
    raise error
