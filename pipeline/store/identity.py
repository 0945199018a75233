"""What a store began with and keeps, in the attributes of its root group."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ...schemas.errors import UsageError
from .durable import fsync, replace_file, storage_errors
from .groups import group_text, read_attributes
from .layout import METADATA, Folders

FORMAT = "occ-pipeline"
SCHEMA_VERSION = 1
"""Of the store's own layout; every product has one of its own."""


@dataclass(frozen=True, kw_only=True)
class StoreIdentity:
    """What a store began with and keeps: products that differ in these do not belong together."""

    dataset: str
    taxonomy: str
    back_end: str
    """What reconstructs surfaces: ``open3d`` or ``pymeshlab``."""
    synthetic: bool
    """Made from simulated logs."""

    def __post_init__(self) -> None:
        for name in ("dataset", "taxonomy", "back_end"):
            if not getattr(self, name):
                raise ValueError(f"a store's {name} cannot be empty")


def begin_store(folders: Folders, identity: StoreIdentity) -> None:
    """Makes the store's root where nothing is yet, or an empty folder, as a run killed between the two steps leaves."""
    path = folders.store
    with storage_errors(path):
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            path.mkdir(parents=True, exist_ok=True)
            text = group_text({"format": FORMAT, "schema_version": SCHEMA_VERSION, **asdict(identity)})
            replace_file(path / METADATA, text, folders.files)
            fsync(path.parent)


def read_identity(path: Path) -> StoreIdentity:
    """The identity of the store at this path. Raises UsageError, saying what was found, when it is no store we can read."""
    try:
        attributes = read_attributes(path / METADATA)
    except (OSError, ValueError) as error:
        raise _no_store(path, _what_is_there(path, error)) from error
    if attributes.get("format") != FORMAT:
        raise _no_store(path, "another Zarr hierarchy")
    if attributes.get("schema_version") != SCHEMA_VERSION:
        raise UsageError(
            what="the store's layout is of another version",
            file=str(path),
            found=str(attributes.get("schema_version")),
            expected=str(SCHEMA_VERSION),
            fix="use the occ-pipeline release that made it, or make the store anew",
        )
    try:
        return StoreIdentity(**{name: attributes[name] for name in StoreIdentity.__dataclass_fields__})
    except (KeyError, ValueError) as error:
        raise _no_store(path, f"attributes without a store's identity ({error})") from error


def refuse_other(path: Path, found: StoreIdentity, wanted: StoreIdentity) -> None:
    """Raises UsageError unless both are the same."""
    for name, value in asdict(found).items():
        if asdict(wanted)[name] != value:
            words = name.replace("_", " ")
            raise UsageError(
                what=f"the store was begun with another {words}"
                if name != "synthetic"
                else "simulated and real logs do not share a store",
                file=str(path),
                found=f"{words} {value}",
                expected=f"{words} {asdict(wanted)[name]}",
                fix=f"choose another --out, or run with {words} {value}",
            )


def _no_store(path: Path, found: str) -> UsageError:
    return UsageError(
        what="this is no occ-pipeline store",
        file=str(path),
        found=found,
        fix="give the folder NAME.zarr that a run made with --out",
    )


def _what_is_there(path: Path, error: Exception) -> str:
    if not path.exists():
        return "nothing there"
    if not path.is_dir():
        return "a file"
    if not isinstance(error, FileNotFoundError):
        return f"a zarr.json that cannot be used ({json.dumps(str(error))})"
    names = sorted(entry.name for entry in path.iterdir())
    return f"a folder without zarr.json, holding {', '.join(names[:5]) or 'nothing'}{' ...' if len(names) > 5 else ''}"
