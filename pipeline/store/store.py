"""The store: one Zarr v3 hierarchy of committed products that never change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...schemas.errors import UsageError, VerificationError
from ...schemas.product import Product
from .commit import commit_product
from .durable import discard, fsync, replace_file, storage_errors
from .fingerprint import FOLDER_DIGITS, Provenance
from .groups import group_text, read_attributes, read_product_group
from .layout import METADATA, Folders, check_name
from .manifest import Manifest
from .owner import Owner
from .reader import StoredProduct, Verify
from .verify import verify_store

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


@dataclass(frozen=True)
class Store:
    """A store on disk. Small and picklable: workers get it whole."""

    path: Path
    identity: StoreIdentity

    @classmethod
    def create_or_open(cls, path: Path, identity: StoreIdentity) -> Store:
        """The store at this path, made if there is none.

        Raises UsageError when something else lies there, or a store of another identity; StorageError when it cannot be written.
        """
        path = path.absolute()
        folders = Folders(path)
        with storage_errors(path):
            # A run killed between these two steps leaves an empty folder, which the next one takes over.
            if not path.exists() or (path.is_dir() and not any(path.iterdir())):
                path.mkdir(parents=True, exist_ok=True)
                text = group_text({"format": FORMAT, "schema_version": SCHEMA_VERSION, **asdict(identity)})
                replace_file(path / METADATA, text, folders.files)
                fsync(path.parent)
        store = cls.open(path)
        for name, found in asdict(store.identity).items():
            if (wanted := asdict(identity)[name]) != found:
                raise UsageError(
                    what=f"the store was begun with another {name.replace('_', ' ')}",
                    file=str(path),
                    found=str(found),
                    expected=str(wanted),
                    fix=f"choose another --out, or run with {name.replace('_', ' ')} {found}",
                )
        return store

    @classmethod
    def open(cls, path: Path) -> Store:
        """The store at this path; writes nothing. Raises UsageError when there is none."""
        path = path.absolute()
        Folders(path)
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
            return cls(
                path,
                StoreIdentity(**{name: attributes[name] for name in ("dataset", "taxonomy", "back_end", "synthetic")}),
            )
        except (KeyError, ValueError) as error:
            raise _no_store(path, f"attributes without a store's identity ({error})") from error

    @property
    def folders(self) -> Folders:
        """Where things lie."""
        return Folders(self.path)

    def committed(self, scene: str | None, product: type[Product], fingerprint: str) -> bool:
        """Whether the product is there, by its manifest alone. Raises VerificationError when its manifest is damaged."""
        return self._find(scene, product, fingerprint) is not None

    def manifest(self, scene: str | None, product: type[Product], fingerprint: str) -> Manifest:
        """What was committed. Raises UsageError when nothing was."""
        return self._need(scene, product, fingerprint)[0]

    def commit(
        self, scene: str | None, product: Product, provenance: Provenance, warnings: Sequence[str] = ()
    ) -> Manifest:
        """Commits a product under its provenance's fingerprint; ``scene`` is None for what is not per scene.

        Returns the manifest of what is in the store, which is another writer's when that was faster. Raises StorageError or
        VerificationError, and TypeError or ValueError for attributes that JSON cannot hold.
        """
        return commit_product(self.folders, scene, product, provenance, warnings)

    def reader(
        self, scene: str | None, product: type[Product], fingerprint: str, verify: Verify = "first_touch"
    ) -> StoredProduct:
        """Read access to a committed product. Raises UsageError when there is none, VerificationError when it is damaged."""
        manifest, attributes = self._need(scene, product, fingerprint)
        return StoredProduct(
            self.folders, self.folders.group(scene, product, fingerprint), product, manifest, attributes, verify
        )

    def fingerprints(self, scene: str | None, product: type[Product]) -> list[str]:
        """Whole fingerprints of a product's committed groups, sorted."""
        folders = _subfolders(self.folders.versions(scene, product))
        return sorted(
            found[0].fingerprint
            for folder in folders
            if (found := read_product_group(self.folders, folder)) is not None
        )

    def scenes(self) -> list[str]:
        """Scenes that have a folder, sorted."""
        return [folder.name for folder in _subfolders(self.path / "scenes")]

    def scratch(self, *names: str) -> Path:
        """A folder for results of parts, made if missing, beside the store on its file system.

        Whoever asked for it removes it.
        """
        folder = self.folders.parts.joinpath(*(check_name(name, "scratch folder") for name in names))
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def clean_leftovers(self, *, scratch: bool = True) -> int:
        """Removes what killed runs left; returns how many folders and files. Only for the holder of the store's lock.

        Products being built by a process that still lives on this host stay. ``scratch``: results of parts go too.
        """
        folders = self.folders
        owned = [entry for place in (folders.build, folders.files) for entry in _entries(place)]
        leftovers = [
            entry for entry in owned if (owner := Owner.of_tag(entry.name)) is None or owner.is_dead is not False
        ]
        leftovers += _entries(folders.trash)
        if scratch:
            leftovers += _entries(folders.parts)
        for entry in leftovers:
            discard(entry, folders.trash)
        return len(leftovers)

    def verify(self, *, deep: bool) -> list[VerificationError]:
        """Everything that is wrong with committed products: presence and size of every file, content too if ``deep``."""
        return verify_store(self.folders, deep=deep)

    def _find(
        self, scene: str | None, product: type[Product], fingerprint: str
    ) -> tuple[Manifest, dict[str, Any]] | None:
        found = read_product_group(self.folders, self.folders.group(scene, product, fingerprint))
        return found if found is not None and found[0].fingerprint.startswith(fingerprint) else None

    def _need(self, scene: str | None, product: type[Product], fingerprint: str) -> tuple[Manifest, dict[str, Any]]:
        found = self._find(scene, product, fingerprint)
        if found is None:
            others = ", ".join(name[:FOLDER_DIGITS] for name in self.fingerprints(scene, product))
            raise UsageError(
                what=f"{product.name} is not in {self.path.name}",
                scene=scene,
                found=others or "none",
                expected=fingerprint[:FOLDER_DIGITS],
                fix="run the stage that makes it",
            )
        return found


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _subfolders(folder: Path) -> list[Path]:
    return [entry for entry in _entries(folder) if entry.is_dir()]


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
    names = [entry.name for entry in _entries(path)]
    return f"a folder without zarr.json, holding {', '.join(names[:5]) or 'nothing'}{' ...' if len(names) > 5 else ''}"
