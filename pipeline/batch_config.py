"""Configuration files of ``--cluster``: read, their names checked, and what every worker is started with."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from ..schemas.errors import UsageError
from .cluster import MALLOC, SETTINGS, THREADS


def read_batch_config(path: Path) -> dict[str, Any]:
    """Names over values from a YAML file. Raises UsageError."""
    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            "the cluster configuration cannot be read", file=str(path), found=str(error.strerror),
            fix="correct --cluster-config",
        ) from error  # fmt: skip
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        found = " ".join(str(error).split())
        raise UsageError("the cluster configuration is no YAML", file=str(path), found=found) from error
    if not isinstance(content, dict):
        raise UsageError(
            "the cluster configuration has another shape", file=str(path), found=type(content).__name__,
            expected="names over values, as in 'queue: cpu'", fix="see workflows/",
        )  # fmt: skip
    return cast("dict[str, Any]", content)


def check_names(
    config: Mapping[str, Any],
    known: Collection[str],
    fixed: Collection[str],
    file: Path,
    renamed: Mapping[str, str] | None = None,
) -> None:
    """Raises UsageError for a name that is not known, or that says what the command line says (``fixed``).

    ``renamed``: names of old, and what they are called now.
    """
    for name in config:
        if name in fixed:
            raise UsageError(
                f"the cluster configuration sets {name}, which is not its to set", file=place(file, name),
                fix="remove it: a worker is one process of one thread, and --workers says how many there are",
            )  # fmt: skip
        if name not in known:
            near = (renamed or {}).get(name) or next(iter(difflib.get_close_matches(name, sorted(known), n=1)), None)
            raise UsageError(
                f"the cluster configuration has an unknown name {name!r}", file=place(file, name),
                fix=f"did you mean {near!r}?" if near else f"known: {', '.join(sorted(known))}",
            )  # fmt: skip


def listed(config: Mapping[str, Any], name: str, file: Path) -> list[Any]:
    """The list under a name, empty where there is none. Raises UsageError for anything else."""
    found = config.get(name)
    if found is not None and not isinstance(found, list):
        raise UsageError(
            f"{name} is no list",
            file=place(file, name),
            found=repr(found),
            fix="write one entry a line, each after '- '",
        )
    return cast("list[Any]", found or [])


def place(file: Path, name: str) -> str:
    """The file, and the line that sets a name, for errors."""
    lines = file.read_text(encoding="utf-8").splitlines()
    line = next((i for i, text in enumerate(lines, 1) if text.strip().startswith(f"{name}:")), None)
    return str(file) if line is None else f"{file}, line {line}"


def worker_environment() -> dict[str, str]:
    """Variables of a worker that make it like those of this machine, whenever it comes: set before it starts."""
    dask = {f"DASK_{name.upper().replace('.', '__').replace('-', '_')}": str(v) for name, v in SETTINGS.items()}
    return dask | dict.fromkeys(THREADS, "1") | MALLOC


def load(module: str, distribution: str) -> Any:
    """A module of the extra ``cluster``. Raises UsageError."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{distribution} cannot be loaded", found=str(error), fix="pip install 'occ-pipeline[cluster]'"
        ) from error
