"""The index step: a dataset's tables are read once and kept per scene in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

from ..schemas.errors import InputError, UsageError
from ..schemas.product import load
from ..schemas.scene import DatasetTables, SceneList, SceneTables
from .sources import Source, preflight
from .store.fingerprint import NO_SOURCES, Provenance, Sources, digest
from .store.hashes import FileHashes
from .store.manifest import Manifest
from .store.store import Store

VERSION = 1
"""Raised when what is read from a dataset's tables changes meaning."""


@dataclass(frozen=True)
class IndexedScene:
    """A scene that can be computed: its tables as this copy of the dataset holds them."""

    tables: SceneTables
    fingerprint: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Indexed:
    """The scenes asked for."""

    scenes: dict[str, IndexedScene]
    failures: dict[str, list[InputError]]
    """Scenes whose tables or files are broken."""
    absent: tuple[str, ...]
    """Scenes of which this copy of the dataset holds no file."""
    scene_list: str
    """Fingerprint of the committed :class:`SceneList`."""


def index(
    store: Store, source: Source, hashes: FileHashes, wanted: Sequence[str] | None, note: Callable[[str], None]
) -> Indexed:
    """Tables of the scenes wanted (None: all), committed. Raises InputError where a table as a whole cannot be read."""
    parameters = {"dataset": source.name, "version": source.version}
    listing = _provenance(
        SceneList.schema_version, parameters, Sources.of(hashes.of(source.data_root, source.table_files()))
    )
    if not store.committed(None, SceneList, listing.fingerprint):
        note(f"reading the tables of {source.name} {source.version}")
        _read_tables(store, source, listing)
    known = load(SceneList, store.reader(None, SceneList, listing.fingerprint))
    names = [*known.scenes, *known.broken]
    for name in wanted or ():
        if name not in names:
            shown = ", ".join(sorted(names)[:8]) + (", ..." if len(names) > 8 else "")
            raise UsageError("no such scene", scene=name, expected=f"one of {shown}", fix="correct --scenes")
    failures = {n: [InputError(*fields)] for n, fields in known.broken.items() if wanted is None or n in wanted}  # type: ignore[arg-type]
    scenes: dict[str, IndexedScene] = {}
    absent: list[str] = []
    for name in known.scenes:
        if wanted is not None and name not in wanted:
            continue
        stored = store.reader(name, DatasetTables, _of_scene(listing, name).fingerprint)
        told = load(SceneTables, stored)
        found = preflight(source.data_root, told)
        if found.tables is not None:
            scenes[name] = _commit_present(
                store, tables_content(stored.manifest, told.attributes()), found.tables, found.warnings
            )
        elif found.problems:
            failures[name] = list(found.problems)
        else:
            absent.append(name)
    return Indexed(scenes, failures, tuple(absent), listing.fingerprint)


def _read_tables(store: Store, source: Source, listing: Provenance) -> None:
    sound: list[str] = []
    broken: dict[str, list[str | None]] = {}
    for found in source.index():
        if isinstance(found, InputError):
            broken[found.scene or "?"] = list(astuple(found))
        else:
            values: dict[str, Any] = {f.name: getattr(found, f.name) for f in fields(found)}
            store.commit(found.scene, DatasetTables(**values), _of_scene(listing, found.scene))
            sound.append(found.scene)
    # Last, so that the list stands for all the tables it names.
    store.commit(None, SceneList(scenes=sound, broken=broken), listing)


def tables_content(manifest: Manifest, attributes: Mapping[str, Any]) -> str:
    """Digest of what a release's tables say of one scene: an edit elsewhere in them leaves the scene as it is."""
    arrays = {name: entry.sha256 for name, entry in manifest.arrays.items()}
    return digest({"arrays": arrays, "attributes": dict(attributes)})


def _commit_present(store: Store, content: str, tables: SceneTables, warnings: tuple[str, ...]) -> IndexedScene:
    present = [name for name in (*tables.point_files, *tables.label_files) if name]
    provenance = _provenance(SceneTables.schema_version, {"tables": content, "files": present}, NO_SOURCES)
    if not store.committed(tables.scene, SceneTables, provenance.fingerprint):
        store.commit(tables.scene, tables, provenance, warnings)
    return IndexedScene(tables, provenance.fingerprint, warnings)


def _of_scene(listing: Provenance, scene: str) -> Provenance:
    return _provenance(DatasetTables.schema_version, {**listing.parameters, "scene": scene}, listing.sources)


def _provenance(schema_version: int, parameters: dict[str, Any], sources: Sources) -> Provenance:
    return Provenance(
        stage="index",
        stage_version=VERSION,
        schema_version=schema_version,
        parameters=parameters,
        inputs={},
        sources=sources,
        libraries={},
    )
