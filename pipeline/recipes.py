"""Recipes: which stages a user runs under one name, and with what parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..schemas.errors import UsageError
from .checking import Stages
from .settings_file import STAGES_KEY, SettingsFile, parse_settings, read_settings

SUFFIXES = (".yaml", ".yml")
_IS_RECIPE = re.compile(rf"^{STAGES_KEY}\s*:", re.MULTILINE)
_FOLDER = f"{__name__.partition('.')[0]}.workflows"


@dataclass(frozen=True)
class Recipe:
    """Stages and their parameters, under one name."""

    name: str
    stages: tuple[str, ...]
    values: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Stage name to parameter name to value: above defaults, below everything a user gives."""
    training: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """The same for ``occ-pipeline train``; empty where the recipe says nothing of it."""
    about: str = ""
    """The comment at the file's top, as one line."""


def packaged(known: Stages) -> dict[str, Recipe]:
    """The recipes of ``workflows/``, by name. Job files that lie beside them name no stages at their top."""
    found: dict[str, Recipe] = {}
    for entry in sorted(files(_FOLDER).iterdir(), key=lambda entry: entry.name):
        name, dot, suffix = entry.name.rpartition(".")
        if dot + suffix in SUFFIXES and _IS_RECIPE.search(text := entry.read_text(encoding="utf-8")):
            content = parse_settings(text, f"workflows/{entry.name}", known, "recipe")
            found[name] = _recipe(name, content, text, entry.name)
    return found


def read_recipe(path: Path, known: Stages) -> Recipe:
    """A user's own recipe. Raises UsageError naming the line."""
    content = read_settings(path, known, "recipe")
    return _recipe(path.stem, content, path.read_text(encoding="utf-8"), str(path))


def is_path(text: str) -> bool:
    """Whether a user names a recipe by its file."""
    return text.endswith(SUFFIXES)


def _recipe(name: str, content: SettingsFile, text: str, file: str) -> Recipe:
    if content.stages is None:
        raise UsageError(
            "the recipe does not say what to run",
            file=file,
            expected="a line as 'stages: [separate, reconstruct, densify]'",
            fix="add it; a file of parameters alone is given with --config",
        )
    lines = text.splitlines()
    top = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    about = " ".join(line.strip("# ") for line in lines[:top])
    return Recipe(name, content.stages, content.values, content.training, about)
