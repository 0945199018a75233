"""The derived index: which committed group of each product is the current one, and what a trainer needs to find its frames.

It can always be made anew from the committed groups, so it is replaced whole, in one step, and never trusted over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

from ...schemas.errors import VerificationError
from ...schemas.product import Product
from ...schemas.scene import SceneTables
from .durable import replace_file, storage_errors
from .fingerprint import canonical_json, digest, json_value
from .groups import ensure_parents, group_text, read_attributes, read_product_group
from .layout import Folders
from .lock import index_lock
from .store import Store

SCHEMA_VERSION = 1
_DIGEST = "sha256"

Current = Mapping[type[Product], str]
"""Product class to whole fingerprint."""


@dataclass(frozen=True, kw_only=True)
class SceneEntry:
    """One scene of the index."""

    products: Mapping[str, str]
    """Product name to the fingerprint of its current group."""
    frames: tuple[str, ...] = ()
    """Token of every key frame, in order of time."""
    timestamps_ns: tuple[int, ...] = ()
    """Of every key frame."""
    split: str = ""

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.timestamps_ns):
            raise ValueError(f"{len(self.frames)} frames but {len(self.timestamps_ns)} time stamps")


@dataclass(frozen=True, kw_only=True)
class Index:
    """The whole index."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    scenes: Mapping[str, SceneEntry] = field(default_factory=dict[str, SceneEntry])
    dataset: Mapping[str, str] = field(default_factory=dict[str, str])
    """Product name to fingerprint, of what is not per scene."""
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return json_value(asdict(self), "index")


_ADAPTER = TypeAdapter(Index)


def read_index(store: Store) -> Index:
    """The store's index, an empty one when none was written. Raises VerificationError when it is damaged."""
    path = store.folders.index
    try:
        return _parse(read_attributes(path))
    except FileNotFoundError:
        return Index()
    except (ValueError, TypeError, OSError) as error:
        raise VerificationError(
            what="the store's index cannot be used",
            file=store.folders.relative(path),
            found=str(error).partition("\n")[0],
            fix="delete it and run again: it is derived from what is committed",
        ) from error


def _parse(attributes: dict[str, Any]) -> Index:
    fields = {name: value for name, value in attributes.items() if name != _DIGEST}
    if digest(fields) != attributes.get(_DIGEST):
        raise ValueError("other content than its digest says")
    return _ADAPTER.validate_json(canonical_json(fields))


def update_index(store: Store, current: Mapping[str, Current], dataset: Current | None = None) -> Index:
    """Writes and returns the index with the given groups as the current ones of their scenes.

    ``current``: scene to product to fingerprint. Scenes and products that are not given stay as they were, unless their
    groups are gone. Raises UsageError for a group that is not committed. Safe beside other processes that do the same.
    """
    with index_lock(store.folders):
        return _update(store, current, dataset or {})


def _update(store: Store, current: Mapping[str, Current], dataset: Current) -> Index:
    try:
        before = read_index(store)
    except VerificationError:
        before = Index()
    scenes = {
        name: entry for name, old in before.scenes.items() if (entry := _still_there(store, name, old)) is not None
    }
    for name, products in current.items():
        scenes[name] = _entry(store, name, products, scenes.get(name))
    others = {name: found for name, found in before.dataset.items() if _is_there(store, None, name, found)}
    for product, fingerprint in dataset.items():
        others[product.name] = store.manifest(None, product, fingerprint).fingerprint
    index = Index(scenes=dict(sorted(scenes.items())), dataset=dict(sorted(others.items())))
    with storage_errors(store.path):
        ensure_parents(store.folders, store.path / "index")
        content = index.to_json()
        text = group_text({**content, _DIGEST: digest(content)})
        replace_file(store.folders.index, text, store.folders.files)
    return index


def _entry(store: Store, scene: str, current: Current, before: SceneEntry | None) -> SceneEntry:
    products = dict(before.products) if before else {}
    products |= {
        product.name: store.manifest(scene, product, fingerprint).fingerprint
        for product, fingerprint in current.items()
    }
    products = dict(sorted(products.items()))
    if SceneTables not in current:
        return SceneEntry(
            products=products,
            frames=before.frames if before else (),
            timestamps_ns=before.timestamps_ns if before else (),
            split=before.split if before else "",
        )
    tables = store.reader(scene, SceneTables, current[SceneTables])
    times = tables.read("timestamps_ns")[tables.read("key_sweeps")]
    return SceneEntry(
        products=products,
        frames=tuple(tables.attribute("frame_tokens")),
        timestamps_ns=tuple(int(time) for time in times),
        split=tables.attribute("split"),
    )


def _still_there(store: Store, scene: str, entry: SceneEntry) -> SceneEntry | None:
    """The entry without products that are gone, None when all are."""
    products = {name: found for name, found in entry.products.items() if _is_there(store, scene, name, found)}
    if not products:
        return None
    return SceneEntry(products=products, frames=entry.frames, timestamps_ns=entry.timestamps_ns, split=entry.split)


def _is_there(store: Store, scene: str | None, product: str, fingerprint: str) -> bool:
    """Whether a group is committed, by names alone: an older index may hold products this version does not know."""
    folders: Folders = store.folders
    try:
        return read_product_group(folders, folders.products(scene) / product / fingerprint[:16]) is not None
    except VerificationError:
        return False


def index_errors(store: Store) -> list[VerificationError]:
    """What is wrong with the index: unreadable, or naming groups that are not there. None is no error: no run has ended."""
    try:
        index = read_index(store)
    except VerificationError as error:
        return [error]
    where, fix = store.folders.relative(store.folders.index), "run again: it is made anew"
    return [
        VerificationError(
            f"the store's index names a {product} that is not there", file=where, scene=scene, found="no such group",
            expected=fingerprint[:16], fix=fix,
        )
        for scene, entry in index.scenes.items()
        for product, fingerprint in entry.products.items()
        if not _is_there(store, scene, product, fingerprint)
    ]  # fmt: skip
