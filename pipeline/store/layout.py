"""Where things lie: the folders of a store and of its temporary sibling, and the names they may have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...schemas.errors import InputError, UsageError
from ...schemas.product import Product
from .fingerprint import FOLDER_DIGITS

METADATA = "zarr.json"
SUFFIX = ".zarr"
# Zarr reserves names that begin with "__"; a leading dot hides; long names do not fit into a file name.
_NAME = re.compile(r"(?!__)[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_FINGERPRINT = re.compile(rf"[0-9a-f]{{{FOLDER_DIGITS}}}([0-9a-f]{{{64 - FOLDER_DIGITS}}})?")


def check_name(name: str, kind: str) -> str:
    """The name, when it can be a folder's. Raises InputError: scene names come from the log, which may hold anything."""
    if not _NAME.fullmatch(name) or name == METADATA:
        raise InputError(
            what=f"{kind} name cannot be a folder's name",
            scene=name if kind == "scene" else None,
            found=repr(name[:80]),
            expected="letters, digits, '.', '_', '-', at most 200, not beginning with '.' or '__'",
            fix="rename it in the log's tables",
        )
    return name


@dataclass(frozen=True)
class Folders:
    """Paths of the store ``NAME.zarr`` and its siblings."""

    store: Path
    """``NAME.zarr``."""

    def __post_init__(self) -> None:
        if self.store.suffix != SUFFIX or self.store.name == SUFFIX:
            raise UsageError(
                what="a store's folder is named NAME.zarr",
                file=str(self.store),
                found=self.store.name,
                fix=f"use {self.store.name or 'labels'}{SUFFIX}",
            )

    @property
    def temporary(self) -> Path:
        """``.NAME.tmp``, on the same file system: nothing in it is a result."""
        return self.store.with_name(f".{self.store.stem}.tmp")

    @property
    def build(self) -> Path:
        """Products being built."""
        return self.temporary / "build"

    @property
    def parts(self) -> Path:
        """Results of single parts."""
        return self.temporary / "parts"

    @property
    def files(self) -> Path:
        """Single files on their way."""
        return self.temporary / "files"

    @property
    def trash(self) -> Path:
        """Folders being removed."""
        return self.temporary / "trash"

    @property
    def lock(self) -> Path:
        """``.NAME.lock``: held by the one run that writes."""
        return self.store.with_name(f".{self.store.stem}.lock")

    @property
    def holder(self) -> Path:
        """Who holds the lock."""
        return self.temporary / "holder.json"

    def lock_of(self, shard: str | None) -> Path:
        """The lock of the whole store, or of one shard (``1-of-4``)."""
        return self.lock if shard is None else self.lock.with_name(f"{self.lock.name}.{shard}")

    def holder_of(self, shard: str | None) -> Path:
        """Who holds that lock."""
        return self.holder if shard is None else self.temporary / f"holder-{shard}.json"

    @property
    def index(self) -> Path:
        """The derived index."""
        return self.store / "index" / METADATA

    def products(self, scene: str | None) -> Path:
        """Folder of a scene's products, or of those that are not per scene (``scene`` None)."""
        return self.store / "dataset" if scene is None else self.store / "scenes" / check_name(scene, "scene")

    def versions(self, scene: str | None, product: type[Product]) -> Path:
        """Folder of one product's committed groups.

        Raises ValueError when a scene is given for a product that is not per scene, or the other way round.
        """
        if product.per_scene != (scene is not None):
            raise ValueError(
                f"product {product.name} is {'' if product.per_scene else 'not '}per scene, scene {scene!r} was given"
            )
        return self.products(scene) / check_name(product.name, "product")

    def group(self, scene: str | None, product: type[Product], fingerprint: str) -> Path:
        """Folder of one committed group. ``fingerprint``: whole, or its first 16 digits."""
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise ValueError(f"a fingerprint has {FOLDER_DIGITS} or 64 hex digits, found {fingerprint!r}")
        return self.versions(scene, product) / fingerprint[:FOLDER_DIGITS]

    def relative(self, path: Path) -> str:
        """A path below the store as errors name it: ``NAME.zarr/scenes/...``."""
        return path.relative_to(self.store.parent).as_posix()
