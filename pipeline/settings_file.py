"""YAML files of parameters, stage names over parameter names; errors name the line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import TypeAdapter, ValidationError
from yaml.nodes import MappingNode, Node

from ..schemas.errors import UsageError
from .checking import Stages, check_values, unknown
from .training.settings import SECTIONS, TRAIN, check_section

STAGES_KEY = "stages"
"""What makes a file a recipe: the stages it runs."""
_SHAPE: TypeAdapter[dict[str, dict[str, Any]]] = TypeAdapter(dict[str, dict[str, Any]])
_NAMES: TypeAdapter[list[str]] = TypeAdapter(list[str])


@dataclass(frozen=True)
class SettingsFile:
    """Checked content of a configuration or recipe."""

    values: dict[str, dict[str, Any]]
    """Stage name to parameter name to value."""
    training: dict[str, dict[str, Any]]
    """The same of what a training run has, :data:`SECTIONS`; values of network and loss are not checked yet."""
    stages: tuple[str, ...] | None
    """What a recipe runs; None in a configuration."""


def read_settings(path: Path, known: Stages, what: str) -> SettingsFile:
    """The file's content, names and values checked. ``what``: configuration or recipe. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the {what} cannot be read", file=str(path), found=str(error.strerror)) from error
    except UnicodeDecodeError as error:
        raise _no_yaml(str(path), what, error) from error
    return parse_settings(text, str(path), known, what)


def parse_settings(text: str, file: str, known: Stages, what: str) -> SettingsFile:
    """The same of a text; ``file`` names it in errors."""
    try:
        content: object = yaml.safe_load(text)
        node = cast("Node | None", yaml.compose(text, yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise _no_yaml(file, what, error) from error
    if content is None:
        content = {}
    stages: tuple[str, ...] | None = None
    if isinstance(content, dict):
        # A name with nothing below it: every parameter at its default.
        named: dict[Any, Any] = {
            name: {} if below is None else below for name, below in cast("dict[Any, Any]", content).items()
        }
        stages = _pop_stages(named, node, file, known)
        content = named
    try:
        values = _SHAPE.validate_python(content, strict=True)
    except ValidationError as error:
        line = _line(node, tuple(str(part) for part in error.errors()[0]["loc"][:1]))
        raise UsageError(
            f"the {what} has another shape",
            file=f"{file}, line {line}",
            found=type(error.errors()[0]["input"]).__name__,
            expected="stage names over parameter names, as in 'densify: {knn: 5}'",
            fix="correct it",
        ) from error
    for name, parameters in values.items():
        problem = _problem(name, parameters, known)
        if problem is not None:
            where, error = problem
            error.file = f"{file}, line {_line(node, where)}"
            raise error
    training = {name: values.pop(name) for name in SECTIONS if name in values}
    return SettingsFile(values, training, stages)


def _problem(name: str, values: dict[str, Any], known: Stages) -> tuple[tuple[str, ...], UsageError] | None:
    """The first thing in a section that cannot be: where it stands, and the error."""
    if name in known:
        return check_values(known[name], values)
    if name == TRAIN:
        found = check_section(values)
        return None if found is None else ((name, found[0]), found[1])
    return None if name in SECTIONS else ((name,), unknown("stage or section", name, [*known, *SECTIONS]))


def _pop_stages(content: dict[Any, Any], node: Node | None, file: str, known: Stages) -> tuple[str, ...] | None:
    """Takes the list of stages out of a recipe's content, checked."""
    if STAGES_KEY not in content:
        return None
    where = f"{file}, line {_line(node, (STAGES_KEY,))}"
    try:
        names = _NAMES.validate_python(content.pop(STAGES_KEY), strict=True)
    except ValidationError as error:
        found = repr(error.errors()[0]["input"])
        raise UsageError(
            "the stages of a recipe are no list of names", file=where, found=found, expected="as in 'stages: [densify]'"
        ) from error
    if not names:
        raise UsageError("the recipe runs no stage", file=where, expected=f"some of {', '.join(known)}")
    for number, name in enumerate(names):
        if name not in known:
            error = unknown("stage", name, known)
            error.file = f"{file}, line {_item_line(node, number)}"
            raise error
    return tuple(names)


def _no_yaml(file: str, what: str, error: Exception) -> UsageError:
    fix = "correct it; values are stage names over parameter names"
    return UsageError(f"the {what} is no YAML", file=file, found=" ".join(str(error).split()), fix=fix)


def _value(node: Node | None, key: str) -> tuple[Node, Node] | None:
    """The nodes of a mapping's key and its value."""
    pairs: list[tuple[Any, Any]] = node.value if isinstance(node, MappingNode) else []
    return next((pair for pair in pairs if pair[0].value == key), None)


def _line(node: Node | None, where: tuple[str, ...]) -> int:
    """Line, from 1, of a key that lies below others; of the nearest there is."""
    line = 1
    for key in where:
        found = _value(node, key)
        if found is None:
            break
        line, node = _start(found[0]), found[1]
    return line


def _item_line(node: Node | None, number: int) -> int:
    """Line of an entry of the list of stages."""
    found = _value(node, STAGES_KEY)
    return _start(found[1].value[number]) if found else 1


def _start(node: Node) -> int:
    mark: Any = node.start_mark
    return int(mark.line) + 1
