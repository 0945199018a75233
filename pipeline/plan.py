"""What would run, and why: the fingerprint of every stage's products against what is committed."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..schemas.cameras import CameraTables
from ..schemas.errors import VerificationError
from ..schemas.grid import VoxelGrid
from ..schemas.product import Product
from ..schemas.scene import SceneTables
from ..stages.stage import Stage
from .indexing import IndexedScene
from .parameters import as_json
from .sources import STORED_FORMATS, label_files
from .store.fingerprint import NO_SOURCES, Provenance, Sources
from .store.hashes import FileHashes
from .store.index import Index
from .store.store import Store

Reason = Literal["done", "missing", "changed", "upstream"]


@dataclass(frozen=True)
class Step:
    """One stage on one scene."""

    scene: str
    stage: Stage
    provenances: Mapping[type[Product], Provenance]
    reason: Reason
    why: str
    """In words: which parameter, file, version or input differs from what is there."""

    @property
    def fingerprints(self) -> dict[type[Product], str]:
        """Of every product written."""
        return {product: provenance.fingerprint for product, provenance in self.provenances.items()}


@dataclass(frozen=True)
class ScenePlan:
    """All stages of a scene, in order."""

    scene: str
    indexed: IndexedScene
    steps: tuple[Step, ...]

    @property
    def to_run(self) -> tuple[Step, ...]:
        """Steps that are not done."""
        return tuple(step for step in self.steps if step.reason != "done")


def plan_scene(
    store: Store, index: Index, indexed: IndexedScene, stages: Sequence[Stage], data_root: Path, hashes: FileHashes
) -> ScenePlan:
    """Compares fingerprints; reads no sensor file but to hash it. Raises InputError where one cannot be read, and
    VerificationError where a product is damaged.
    """
    scene = indexed.tables.scene
    entry = index.scenes.get(scene)
    current = dict(entry.products) if entry else {}
    known = indexed.products
    steps: list[Step] = []
    for stage in stages:
        sources = _sources(store, stage, indexed, data_root, hashes)
        provenances = {product: _provenance(store, stage, product, known, sources) for product in stage.writes}
        reason, why = _reason(store, scene, provenances, current)
        step = Step(scene, stage, provenances, reason, why)
        known |= step.fingerprints
        steps.append(step)
    return ScenePlan(scene, indexed, tuple(steps))


def _sources(store: Store, stage: Stage, indexed: IndexedScene, data_root: Path, hashes: FileHashes) -> Sources:
    names: list[str] = []
    tables, folder = indexed.tables, stage.reads_image_labels()
    if stage.reads_sweeps() or stage.reads_reference_labels():
        names += [name for name in (*tables.point_files, *tables.label_files) if name]
    if stage.reads_reference_labels():
        names += [name for file in tables.point_files for name in STORED_FORMATS[tables.dataset].companions(file)]
    if folder is not None or stage.reads_images():
        images = store.reader(tables.scene, CameraTables, indexed.cameras).attribute("image_files")
        names += label_files(data_root, tables.scene, folder, images) if folder is not None else []
        names += [name for frame in images for name in frame if name] if stage.reads_images() else []
    return Sources.of(hashes.of(data_root, names)) if names else NO_SOURCES


def _provenance(
    store: Store, stage: Stage, product: type[Product], known: Mapping[type[Product], str], sources: Sources
) -> Provenance:
    read = {SceneTables, *stage.reads()}
    return Provenance(
        stage=stage.name,
        stage_version=stage.version,
        schema_version=product.schema_version,
        parameters=as_json(stage),
        inputs={p.name: known[p] for p in sorted(read, key=lambda p: p.name)},
        sources=sources,
        back_end=store.identity.back_end,
        libraries={name: version for name in stage.libraries if (version := _version(name))},
    )


@cache
def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _reason(
    store: Store, scene: str, provenances: Mapping[type[Product], Provenance], current: Mapping[str, str]
) -> tuple[Reason, str]:
    try:
        if all(store.intact(scene, product, p.fingerprint) for product, p in provenances.items()):
            return "done", "committed"
    except VerificationError as error:
        error.scene = error.scene or scene
        raise
    for product, provenance in provenances.items():
        if product.name in current and store.committed(scene, product, current[product.name]):
            before = store.manifest(scene, product, current[product.name]).provenance
            return difference(before, provenance)
    return "missing", "new"


def _shown(value: Any) -> str:
    """A parameter's value as a user would give it."""
    try:
        return VoxelGrid.from_json(value).text
    except (TypeError, KeyError):
        return str(value)


def difference(before: Provenance, now: Provenance) -> tuple[Reason, str]:
    """What differs between two products of the same name, in words."""
    old: dict[str, Any] = before.to_json()
    changes: list[str] = []
    upstream: list[str] = []
    for field, value in now.to_json().items():
        was = old[field]
        if was == value:
            continue
        if field == "parameters":
            changes += [
                f"{n} {_shown(was.get(n))} -> {_shown(value.get(n))}"
                for n in sorted({*was, *value})
                if was.get(n) != value.get(n)
            ]
        elif field == "inputs":
            upstream += [f"{name} changed" for name in sorted({*was, *value}) if was.get(name) != value.get(name)]
        elif field == "sources":
            changes.append(
                f"files changed: {was['count']} files of {was['bytes']} bytes -> {value['count']} of {value['bytes']}"
            )
        else:
            changes.append(f"{field.replace('_', ' ')} {was} -> {value}")
    if changes:
        return "changed", "; ".join(changes + upstream)
    return ("upstream", "; ".join(upstream)) if upstream else ("missing", "new")
