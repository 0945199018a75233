"""Shell completion of names: fast, so it imports nothing heavy and reads no more than a folder's listing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from ...schemas.grid import GRIDS
from ..datasets import DATASETS
from ..registry import RECIPES, STAGES


def stages(incomplete: str) -> list[str]:
    """Names of stages."""
    return _beginning(STAGES, incomplete)


def shown_stages(incomplete: str) -> list[str]:
    """Names of stages whose products have a picture."""
    from .show import STAGES as SHOWN

    return _beginning(SHOWN, incomplete)


def targets(incomplete: str) -> list[str]:
    """Names of stages and recipes, and paths of recipes in this folder."""
    return _beginning([*STAGES, *RECIPES, *_recipe_files(incomplete)], incomplete)


def recipes(incomplete: str) -> list[str]:
    """Names of recipes, and paths of recipes."""
    return _beginning([*RECIPES, *_recipe_files(incomplete)], incomplete)


def grids(incomplete: str) -> list[str]:
    """Names of grids."""
    return _beginning(GRIDS, incomplete)


def datasets(incomplete: str) -> list[str]:
    """Names of datasets: each has a module of its name, and importing the readers would take a second."""
    return _beginning(DATASETS, incomplete)


def masks(incomplete: str) -> list[str]:
    """Names of masks."""
    from .compare import MASKS

    return _beginning(MASKS, incomplete)


def bands(incomplete: str) -> list[str]:
    """What voxels are told apart by."""
    from .compare import BANDS

    return _beginning(BANDS, incomplete)


def scenes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Scenes of the store that the command line names, from its folders' names; the last of several, by commas."""
    # While an option is completed, arguments are not yet given their names.
    given = ctx.params.get("store") or next(iter(ctx.args), None) or ctx.params.get("out")
    folder = Path(str(given)) / "scenes" if given else None
    if folder is None or not folder.is_dir():
        return []
    before, comma, last = incomplete.rpartition(",")
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    return [f"{before}{comma}{name}" for name in names if name.startswith(last)]


def _recipe_files(incomplete: str) -> list[str]:
    folder = Path(incomplete).parent if "/" in incomplete else Path()
    return sorted(str(path) for pattern in ("*.yaml", "*.yml") for path in folder.glob(pattern))


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
