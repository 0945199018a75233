"""What a store could do without: groups that no current index names, and what dead processes left.

Products of other settings lie side by side on purpose; the index names the current one. So nothing here is wrong, and nothing
goes unless a user says so.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..schemas.cameras import CameraTables, DatasetCameras
from ..schemas.errors import VerificationError
from ..schemas.scene import DatasetTables, SceneList, SceneTables
from .indexing import tables_content
from .plan import difference
from .store.durable import discard, fsync, storage_errors
from .store.fingerprint import canonical_json
from .store.groups import read_product_group
from .store.index import Index, read_index
from .store.layout import METADATA
from .store.manifest import Manifest
from .store.owner import Owner
from .store.store import Store

Kind = Literal["superseded", "newer", "tables", "scratch", "runs"]
"""superseded: made before the current product. newer: made after it, or nothing is current: a run with its settings would use
it. tables: of a release that no current scene was made from. scratch: left by processes that ended before their time."""
_ELSEWHERE_S = 86_400.0
"""What a process of another host left is old enough to be of a dead one: no product takes a day to write."""

_RELEASE = {product.name for product in (SceneList, DatasetTables, DatasetCameras)}
"""Products that hold a release's tables as they are, whatever of them a scene needs."""

_Key = tuple[str, str, str]
"""Scene (empty: none), product, whole fingerprint."""


@dataclass(frozen=True)
class Garbage:
    """A folder or file that could go."""

    path: Path
    kind: Kind
    product: str
    """Empty for what is no product."""
    scene: str
    bytes: int
    modified_s: float
    """Seconds since the epoch."""
    why: str


@dataclass(frozen=True)
class _Group:
    path: Path
    manifest: Manifest
    attributes: dict[str, Any]

    @property
    def key(self) -> _Key:
        return self.manifest.scene, self.manifest.product, self.manifest.fingerprint

    @property
    def made_s(self) -> float:
        return (self.path / METADATA).stat().st_mtime

    def garbage(self, kind: Kind, why: str) -> Garbage:
        size = self.manifest.bytes + (self.path / METADATA).stat().st_size
        return Garbage(self.path, kind, self.manifest.product, self.manifest.scene, size, self.made_s, why)


def unnamed(store: Store, keep: Collection[str] = ()) -> list[Garbage]:
    """Groups that the index does not name, nor anything it names was made from. ``keep``: products of which all stay.

    Damaged groups are left out: whether one is current cannot be told.
    """
    index = read_index(store)
    groups = {group.key: group for group in _groups(store)}
    kept = _kept(index, groups, keep)
    tables = {key for key in groups if key[1] in _RELEASE}
    found = list(_old_tables(groups, kept)) if _RELEASE.isdisjoint(keep) else []
    for key in sorted(groups.keys() - kept - tables):
        entry = index.scenes.get(key[0])
        current = groups.get((key[0], key[1], entry.products.get(key[1], ""))) if entry else None
        if current is None:
            found.append(groups[key].garbage("newer", "no run of its scene has ended with it yet"))
            continue
        _, why = difference(groups[key].manifest.provenance, current.manifest.provenance)
        older = groups[key].made_s <= current.made_s
        found.append(groups[key].garbage("superseded" if older else "newer", f"this -> current: {why}"))
    return found


def leftovers(store: Store) -> list[Garbage]:
    """What killed processes left in the folder beside the store. Only while nobody runs: a living run's parts look the same."""
    folders = store.folders
    result = [_file(path, "scratch", "a deletion that was interrupted") for path in _entries(folders.trash)]
    result += [_file(path, "scratch", "results of parts of a run that ended") for path in _entries(folders.parts)]
    for place in (folders.build, folders.files):
        for path in _entries(place):
            owner = Owner.of_tag(path.name)
            dead = owner is None or owner.is_dead
            if dead or (dead is None and time.time() - path.stat().st_mtime > _ELSEWHERE_S):
                result.append(_file(path, "scratch", "half written by a process that ended"))
    return result


def old_runs(store: Store, days: float) -> list[Garbage]:
    """Records of runs begun more than so many days ago."""
    before = time.time() - days * 86_400
    entries = _entries(store.path.with_suffix(".runs"))
    return [_file(path, "runs", f"older than {days:g} days") for path in entries if path.stat().st_mtime < before]


def delete(store: Store, garbage: Collection[Garbage]) -> None:
    """Each vanishes from readers in one rename, and only then are its files removed; what a crash leaves, the next gc ends.

    Only for the holder of the store's lock. Raises StorageError.
    """
    with storage_errors(store.path):
        # The list of scenes before the tables it promises.
        for item in sorted(garbage, key=lambda item: item.product != SceneList.name):
            discard(item.path, store.folders.trash)
            fsync(item.path.parent)


def _groups(store: Store) -> Iterator[_Group]:
    for pattern in ("scenes/*/*/*", "dataset/*/*"):
        for folder in sorted(store.path.glob(pattern)):
            try:
                found = read_product_group(store.folders, folder) if folder.is_dir() else None
            except VerificationError:
                continue
            if found is not None:
                yield _Group(folder, *found)


def _kept(index: Index, groups: dict[_Key, _Group], keep: Collection[str]) -> set[_Key]:
    """What the index names or a user keeps, and all that went into it."""
    waiting = [("", product, fingerprint) for product, fingerprint in index.dataset.items()]
    waiting += [(scene, *item) for scene, entry in index.scenes.items() for item in entry.products.items()]
    waiting += [key for key in groups if key[1] in keep]
    kept: set[_Key] = set()
    while waiting:
        key = waiting.pop()
        if key in groups and key not in kept:
            kept.add(key)
            for product, fingerprint in groups[key].manifest.provenance.inputs.items():
                waiting += [(key[0], product, fingerprint), ("", product, fingerprint)]
    return kept


def _old_tables(groups: dict[_Key, _Group], kept: set[_Key]) -> Iterator[Garbage]:
    """Releases' tables that no kept scene was made from. A list of scenes and the tables it promises go or stay together."""
    in_use = {(key[0], content) for key in kept if (content := _content_used(groups[key])) is not None}
    newest: dict[tuple[str, str], tuple[float, str]] = {}
    releases: dict[str, list[_Group]] = defaultdict(list)
    for (scene, product, _), group in groups.items():
        if product not in _RELEASE:
            continue
        release = _release(group)
        releases[release].append(group)
        if product != SceneList.name and (scene, tables_content(group.manifest, group.attributes)) in in_use:
            # An edit elsewhere in the tables leaves a scene's own alike: the later release is the current one.
            newest[scene, product] = max(newest.get((scene, product), (0.0, "")), (group.made_s, release))
    current = {release for _, release in newest.values()}
    if not current:
        return
    for release in releases.keys() - current:
        for group in releases[release]:
            version = group.manifest.provenance.parameters.get("version", "?")
            yield group.garbage("tables", f"tables of {version} as they were before")


def _content_used(group: _Group) -> str | None:
    """Digest of what a release's tables say of a scene or its cameras, that a product was made from; None of another product."""
    field = {SceneTables.name: "tables", CameraTables.name: "cameras"}.get(group.manifest.product)
    return None if field is None else str(group.manifest.provenance.parameters.get(field))


def _release(group: _Group) -> str:
    """What a list of scenes and its tables have in common: the tables' files and the version read from them."""
    provenance = group.manifest.provenance
    parameters = {name: value for name, value in provenance.parameters.items() if name != "scene"}
    return canonical_json({"parameters": parameters, "files": provenance.sources.sha256})


def _file(path: Path, kind: Kind, why: str) -> Garbage:
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files if file.is_file())
    return Garbage(path, kind, "", "", size, path.stat().st_mtime, why)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
