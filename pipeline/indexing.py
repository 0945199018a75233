"""The index step: a dataset's tables are read once and kept per scene in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

from ..schemas.cameras import CameraTables, DatasetCameras
from ..schemas.errors import InputError, UsageError
from ..schemas.product import Product, load
from ..schemas.scene import DatasetTables, SceneList, SceneTables
from ..stages.stage import Stage
from .sources import Source, preflight, present_images
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
    cameras: str
    """Fingerprint of its :class:`CameraTables`, which only stages that read them depend on."""
    camera_warnings: tuple[str, ...] = ()

    @property
    def products(self) -> dict[type[Product], str]:
        """What the index step committed, with fingerprints."""
        return {SceneTables: self.fingerprint, CameraTables: self.cameras}

    def warnings_for(self, stages: Iterable[Stage]) -> tuple[str, ...]:
        """What a user of these stages should know: of cameras only where one reads them."""
        reads_cameras = any(CameraTables in stage.reads() for stage in stages)
        return self.warnings + (self.camera_warnings if reads_cameras else ())


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
    parameters = {"dataset": source.name, "version": source.version, **source.identity()}
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
            content = tables_content(stored.manifest, told.attributes())
            fingerprint = _commit_present(store, content, found.tables, found.warnings)
            cameras, warnings = _commit_cameras(store, source, listing, found.tables)
            scenes[name] = IndexedScene(found.tables, fingerprint, found.warnings, cameras, warnings)
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
            scene = found.tables.scene
            store.commit(scene, DatasetTables(**_values(found.tables)), _of_scene(listing, scene))
            cameras = DatasetCameras(**_values(found.cameras))
            store.commit(scene, cameras, _of_scene(listing, scene, DatasetCameras), found.camera_warnings)
            sound.append(scene)
    # Last, so that the list stands for all the tables it names.
    store.commit(None, SceneList(scenes=sound, broken=broken), listing)


def _values(product: Product) -> dict[str, Any]:
    return {f.name: getattr(product, f.name) for f in fields(product)}


def tables_content(manifest: Manifest, attributes: Mapping[str, Any]) -> str:
    """Digest of what a release's tables say of one scene: an edit elsewhere in them leaves the scene as it is."""
    arrays = {name: entry.sha256 for name, entry in manifest.arrays.items()}
    return digest({"arrays": arrays, "attributes": dict(attributes)})


def _commit_present(store: Store, content: str, tables: SceneTables, warnings: tuple[str, ...]) -> str:
    """Fingerprint of the tables, committed."""
    present = [name for name in (*tables.point_files, *tables.label_files) if name]
    provenance = _provenance(SceneTables.schema_version, {"tables": content, "files": present}, NO_SOURCES)
    if not store.committed(tables.scene, SceneTables, provenance.fingerprint):
        store.commit(tables.scene, tables, provenance, warnings)
    return provenance.fingerprint


def _commit_cameras(
    store: Store, source: Source, listing: Provenance, tables: SceneTables
) -> tuple[str, tuple[str, ...]]:
    """Fingerprint of the cameras of the tables' key frames, committed, with the images that are there; and warnings."""
    stored = store.reader(tables.scene, DatasetCameras, _of_scene(listing, tables.scene, DatasetCameras).fingerprint)
    told: dict[str, Any] = {name: stored.attribute(name) for name in DatasetCameras.attribute_names()}
    there = set(tables.frame_tokens)
    kept = [k for k, token in enumerate(told["frame_tokens"]) if token in there]
    files, missing = present_images(source.data_root, tables.scene, [told["image_files"][k] for k in kept])
    warnings = (*stored.manifest.warnings, *missing)
    parameters = {
        "cameras": tables_content(stored.manifest, told),
        "frames": len(kept),
        "images": sum(bool(file) for frame in files for file in frame),
        "present": digest([tables.frame_tokens, files]),
    }
    provenance = _provenance(CameraTables.schema_version, parameters, NO_SOURCES)
    if not store.committed(tables.scene, CameraTables, provenance.fingerprint):
        values: dict[str, Any] = {name: stored.read(name)[kept] for name in CameraTables.specs()}
        values |= told | {"frame_tokens": list(tables.frame_tokens), "image_files": files}
        store.commit(tables.scene, CameraTables(**values), provenance, warnings)
    return provenance.fingerprint, warnings


def _of_scene(listing: Provenance, scene: str, product: type[Product] = DatasetTables) -> Provenance:
    return _provenance(product.schema_version, {**listing.parameters, "scene": scene}, listing.sources)


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
