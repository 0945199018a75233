"""The commented configuration file: every parameter of some stages, what it is for, its value and where that comes from."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import yaml

from ..schemas.grid import GRIDS, VoxelGrid
from ..stages.stage import Stage
from .checking import adapter
from .parameters import Values, parameters

WIDTH = 100
_INDENT = "  "
_HEAD = """# Parameters of occ-pipeline. Use it with: occ-pipeline run densify --config FILE
# What is left out has its default."""


@dataclass(frozen=True)
class Layer:
    """Parameters given at one place."""

    origin: str
    """The place, as a user knows it: a file's name, ``--set``."""
    values: Values


def origins(layers: Sequence[Layer]) -> dict[str, dict[str, str]]:
    """Stage name to parameter name to the place that decides it; what is not there has its default."""
    found: dict[str, dict[str, str]] = {}
    for layer in layers:
        for stage, values in layer.values.items():
            found.setdefault(stage, {}).update(dict.fromkeys(values, layer.origin))
    return found


def shown_values(stage: Stage) -> dict[str, Any]:
    """Every parameter of a stage as a user would write it: plain values, grids by name where they have one."""
    plain: dict[str, Any] = adapter(type(stage)).dump_python(stage, mode="json")
    return {field.name: _named(getattr(stage, field.name), plain[field.name]) for field in fields(stage)}


def _named(value: object, plain: Any) -> Any:
    if isinstance(value, VoxelGrid):
        return next((name for name, grid in GRIDS.items() if grid == value), plain)
    return plain


def commented(stages: Sequence[Stage], decided: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """YAML text that ``run --config`` reads back to these stages.

    ``decided``: where values come from, which is then said of each; without it nothing is.
    """
    blocks = [_HEAD]
    blocks += [_block(stage, None if decided is None else decided.get(stage.name, {})) for stage in stages]
    return "\n\n".join(blocks) + "\n"


def _block(stage: Stage, decided: Mapping[str, str] | None) -> str:
    values = shown_values(stage)
    about = (type(stage).__doc__ or "").strip()
    lines = [*_comment(about, ""), f"{stage.name}:"]
    for parameter in parameters(type(stage)):
        lines += _comment(parameter.help, _INDENT)
        entry = f"{_INDENT}{parameter.name}: {_flow(values[parameter.name])}"
        if decided is not None:
            entry += f"  # {_origin(parameter.name, decided, shown_values(type(stage)()))}"
        lines.append(entry)
    return "\n".join(lines)


def _origin(name: str, decided: Mapping[str, str], defaults: Mapping[str, Any]) -> str:
    return f"{decided[name]}; default {_flow(defaults[name])}" if name in decided else "default"


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _flow(value: Any) -> str:
    """A value on one line of YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    return text.removesuffix("...\n").strip()
