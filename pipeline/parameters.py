"""Parameters of stages: from defaults, a configuration file, ``--set`` and options, checked, with their help texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..schemas.errors import UsageError
from ..stages.stage import Stage
from .checking import adapter, build, unknown
from .registry import STAGES
from .settings_file import SettingsFile, read_settings

Values = Mapping[str, Mapping[str, Any]]
"""Stage name to parameter name to value."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a stage."""

    name: str
    default: Any
    help: str


def parameters(stage: type[Stage]) -> list[Parameter]:
    """A stage's parameters in order; the help text is the field's docstring, which may stand in a stage it extends."""
    texts: dict[str, str] = {}
    for kind in reversed([kind for kind in stage.__mro__ if issubclass(kind, Stage) and kind is not Stage]):
        described = adapter(kind).json_schema()["properties"]
        texts |= {name: told["description"] for name, told in described.items() if "description" in told}
    return [Parameter(f.name, f.default, texts[f.name]) for f in dataclasses.fields(stage)]


def as_json(stage: Stage) -> dict[str, Any]:
    """Every parameter of a stage as JSON values: part of its fingerprint."""
    return adapter(type(stage)).dump_python(stage, mode="json")


def build_stages(values: Values) -> dict[str, Stage]:
    """All stages with these parameters, defaults for the rest. Raises UsageError naming what is wrong."""
    for name in values:
        if name not in STAGES:
            raise unknown("stage", name, STAGES)
    return {name: build(stage, values.get(name, {})) for name, stage in STAGES.items()}


def read_config(path: Path) -> dict[str, dict[str, Any]]:
    """Parameters from a YAML file: stage names over parameter names. Raises UsageError naming the file and line."""
    return _configuration(path).values


def read_training(path: Path) -> dict[str, dict[str, Any]]:
    """The same of the file's sections for training."""
    return _configuration(path).training


def _configuration(path: Path) -> SettingsFile:
    content = read_settings(path, STAGES, "configuration")
    if content.stages is not None:
        raise UsageError(
            "the configuration is a recipe: it names stages to run",
            file=str(path),
            found=f"stages: {', '.join(content.stages)}",
            fix="give it as occ-pipeline run --recipe FILE or occ-pipeline train FILE, or take that entry out",
        )
    return content


def parse_set(text: str) -> tuple[str, str, Any]:
    """Stage, parameter and value of ``stage.parameter=value``. Raises UsageError."""
    name, equals, value = text.partition("=")
    stage, dot, parameter = name.partition(".")
    if not (equals and dot and stage and parameter):
        raise UsageError("--set cannot be read", found=text, expected="stage.parameter=value, as in densify.knn=5")
    stage = stage.replace("_", "-") if stage not in STAGES else stage
    default = getattr(STAGES[stage], parameter, None) if stage in STAGES else None
    try:
        # A list may be given as help shows it, without brackets.
        bare = isinstance(default, tuple) and not value.lstrip().startswith("[")
        return stage, parameter, yaml.safe_load(f"[{value}]" if bare else value)
    except yaml.YAMLError as error:
        raise UsageError("--set cannot be read", found=text, expected="a YAML value after the equals sign") from error


def merged(*layers: Values) -> dict[str, dict[str, Any]]:
    """Later layers win."""
    result: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for stage, values in layer.items():
            result.setdefault(stage, {}).update(values)
    return result
