"""Names and values of parameters, checked; what is wrong is named with what it may have meant."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from ..schemas.errors import UsageError
from ..schemas.taxonomy import Taxonomy
from ..stages.stage import Stage

Stages = Mapping[str, type[Stage]]
"""Stage classes by name."""
T = TypeVar("T")
Path = tuple[str, ...]
"""Stage name, then parameter name."""


@cache
def adapter(stage: type[Any]) -> TypeAdapter[Any]:
    """Checks and serialises a stage's parameters, or another dataclass's."""
    return TypeAdapter(stage)


def names_of(stage: type[Stage]) -> list[str]:
    """Names of a stage's parameters, in order."""
    return [field.name for field in dataclasses.fields(stage)]


def build(stage: type[Stage], values: Mapping[str, Any]) -> Stage:
    """A stage with these parameters, defaults for the rest. Raises UsageError."""
    return checked(stage, values, stage.name, _help(stage))


def checked(kind: type[T], values: Mapping[str, Any], name: str, fix: str, fixed: Mapping[str, Any] | None = None) -> T:
    """A dataclass of parameters with these values, given by a user, and those that are ``fixed``.

    ``name`` and ``fix`` are for the UsageError that is raised for values that cannot be.
    """
    known = [field.name for field in dataclasses.fields(cast("Any", kind))]
    for each in values:
        if each not in known:
            raise unknown(f"parameter of {name}", each, known)
    try:
        return adapter(kind).validate_python({**values, **(fixed or {})})
    except ValidationError as error:
        raise _refused(name, fix, error) from error


def check_values(stage: type[Stage], values: Mapping[str, Any]) -> tuple[Path, UsageError] | None:
    """The first value that cannot be, whatever the other layers say: where it stands, and the error."""
    for name, value in values.items():
        if name not in names_of(stage):
            return (stage.name, name), unknown(f"parameter of {stage.name}", name, names_of(stage))
        try:
            adapter(stage).validate_python({name: value})
        except ValidationError as error:
            # Without a place it is about several parameters together, and others may still come.
            if error.errors()[0]["loc"]:
                return (stage.name, name), _refused(stage.name, _help(stage), error)
    return None


def refuse_foreign_classes(stages: Iterable[Stage], taxonomy: Taxonomy) -> None:
    """Raises UsageError where a parameter names a class that labels of this taxonomy never have.

    Defaults name classes of every taxonomy, of which each takes its own; a user may extend them.
    """
    for stage in stages:
        usual = type(stage)().named_classes()
        for name, classes in stage.named_classes().items():
            known = {*taxonomy.classes, *(usual[name] if set(usual[name]) <= set(classes) else ())}
            foreign = next((each for each in classes if each not in known), None)
            if foreign is not None:
                error = unknown(f"class of {taxonomy.name}", foreign, taxonomy.classes)
                error.found = f"parameter {stage.name}.{name}"
                raise error


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that nothing has."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return UsageError(
        f"no {kind} is called {name!r}",
        expected=f"one of {', '.join(known)}",
        fix=f"did you mean {near[0]!r}?" if near else "correct the name",
    )


def _help(stage: type[Stage]) -> str:
    return f"see: occ-pipeline run {stage.name} --help"


def _refused(owner: str, fix: str, error: ValidationError) -> UsageError:
    first = error.errors()[0]
    what = _lower(first["msg"].removeprefix("Value error, "))
    if not first["loc"] and first["type"] == "value_error":
        # What a class checks itself, often about several together: all values would be no help.
        return UsageError(f"parameters of {owner} are refused: {what}", fix=fix)
    name = ".".join(str(part) for part in (owner, *first["loc"]))
    return UsageError(f"parameter {name} cannot be {first['input']!r}: {what}", fix=fix)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
