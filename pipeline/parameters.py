"""Parameters of stages: from defaults, a configuration file, ``--set`` and options, checked, with their help texts."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from ..schemas.errors import UsageError
from ..stages.stage import Stage
from .registry import STAGES

_CONFIG: TypeAdapter[dict[str, dict[str, Any]]] = TypeAdapter(dict[str, dict[str, Any]])

Values = Mapping[str, Mapping[str, Any]]
"""Stage name to parameter name to value."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a stage."""

    name: str
    default: Any
    help: str


@cache
def adapter(stage: type[Stage]) -> TypeAdapter[Any]:
    """Checks and serialises a stage's parameters."""
    return TypeAdapter(stage)


def parameters(stage: type[Stage]) -> list[Parameter]:
    """A stage's parameters in order; the help text is the field's docstring."""
    described = adapter(stage).json_schema()["properties"]
    return [Parameter(f.name, f.default, described[f.name]["description"]) for f in dataclasses.fields(stage)]


def as_json(stage: Stage) -> dict[str, Any]:
    """Every parameter of a stage as JSON values: part of its fingerprint."""
    return adapter(type(stage)).dump_python(stage, mode="json")


def build_stages(values: Values) -> dict[str, Stage]:
    """All stages with these parameters, defaults for the rest. Raises UsageError naming what is wrong."""
    for name in values:
        if name not in STAGES:
            raise _unknown("stage", name, STAGES)
    return {name: _build(stage, values.get(name, {})) for name, stage in STAGES.items()}


def _build(stage: type[Stage], values: Mapping[str, Any]) -> Stage:
    known = [f.name for f in dataclasses.fields(stage)]
    for name in values:
        if name not in known:
            raise _unknown(f"parameter of {stage.name}", name, known)
    try:
        return adapter(stage).validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in (stage.name, *first["loc"]))
        raise UsageError(
            f"parameter {name} cannot be {first['input']!r}: {_lower(first['msg'].removeprefix('Value error, '))}",
            fix=f"see: occ-pipeline run {stage.name} --help",
        ) from error


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    near = difflib.get_close_matches(name, list(known), n=1)
    return UsageError(
        f"no {kind} is called {name!r}",
        expected=f"one of {', '.join(known)}",
        fix=f"did you mean {near[0]!r}?" if near else "correct the name",
    )


def read_config(path: Path) -> dict[str, dict[str, Any]]:
    """Parameters from a YAML file: stage names over parameter names. Raises UsageError naming the file and line."""
    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError("the configuration cannot be read", file=str(path), found=str(error.strerror)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        fix = "correct it; values are stage names over parameter names"
        raise UsageError(
            "the configuration is no YAML", file=str(path), found=" ".join(str(error).split()), fix=fix
        ) from error
    if content is None:
        return {}
    try:
        return _CONFIG.validate_python(content, strict=True)
    except ValidationError as error:
        raise UsageError(
            "the configuration has another shape",
            file=str(path),
            found=type(content).__name__,
            expected="stage names over parameter names, as in 'densify: {knn: 5}'",
        ) from error


def parse_set(text: str) -> tuple[str, str, Any]:
    """Stage, parameter and value of ``stage.parameter=value``. Raises UsageError."""
    name, equals, value = text.partition("=")
    stage, dot, parameter = name.partition(".")
    if not (equals and dot and stage and parameter):
        raise UsageError("--set cannot be read", found=text, expected="stage.parameter=value, as in densify.knn=5")
    try:
        return stage.replace("_", "-") if stage not in STAGES else stage, parameter, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UsageError("--set cannot be read", found=text, expected="a YAML value after the equals sign") from error


def merged(*layers: Values) -> dict[str, dict[str, Any]]:
    """Later layers win."""
    result: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for stage, values in layer.items():
            result.setdefault(stage, {}).update(values)
    return result
