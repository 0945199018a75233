"""The store: one Zarr v3 hierarchy of committed products that never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...schemas.errors import UsageError, VerificationError
from ...schemas.product import Product
from .commit import commit_product
from .durable import discard, storage_errors
from .fingerprint import FOLDER_DIGITS, Provenance
from .groups import read_product_group
from .identity import StoreIdentity, begin_store, read_identity, refuse_other
from .layout import SUFFIX, Folders, check_name
from .manifest import Manifest
from .owner import Owner
from .reader import StoredProduct, Verify
from .verify import check_file, verify_store

__all__ = ["Store", "StoreIdentity"]


@dataclass(frozen=True)
class Store:
    """A store on disk. Small and picklable: workers get it whole."""

    path: Path
    identity: StoreIdentity

    @classmethod
    def create_or_open(cls, path: Path, identity: StoreIdentity) -> Store:
        """The store at this path, made if there is none.

        Raises UsageError when something else lies there, or a store of another identity; StorageError when it cannot
        be written.
        """
        folders = Folders(path.absolute())
        begin_store(folders, identity)
        store = cls.open(folders.store)
        refuse_other(folders.store, store.identity, identity)
        return store

    @classmethod
    def open(cls, path: Path) -> Store:
        """The store at this path; writes nothing. Raises UsageError when there is none."""
        if path.suffix != SUFFIX:
            raise UsageError(
                "this is no store", file=str(path), found="a folder" if path.is_dir() else "nothing of that name",
                expected="a folder NAME.zarr, as occ-pipeline run makes it", fix="correct the path",
            )  # fmt: skip
        cls.check_place(path)
        folders = Folders(path.absolute())
        return cls(folders.store, read_identity(folders.store))

    @staticmethod
    def check_place(path: Path) -> None:
        """Raises UsageError where no store can lie: a path of another form, or one at which a file lies."""
        Folders(path.absolute())
        if path.is_file():
            raise UsageError(
                "a file lies where the store should", file=str(path), found="a file", expected="a folder NAME.zarr",
                fix="choose another path",
            )  # fmt: skip

    @property
    def folders(self) -> Folders:
        """Where things lie."""
        return Folders(self.path)

    def committed(self, scene: str | None, product: type[Product], fingerprint: str) -> bool:
        """Whether the product is there, by its manifest alone. Raises VerificationError when its manifest is damaged."""
        return self._find(scene, product, fingerprint) is not None

    def intact(self, scene: str | None, product: type[Product], fingerprint: str) -> bool:
        """Whether the product is there, every file with its size. Raises VerificationError when it is damaged."""
        found = self._find(scene, product, fingerprint)
        if found is None:
            return False
        folder = self.folders.group(scene, product, fingerprint)
        for path in found[0].files:
            check_file(self.folders, folder, found[0], path, digest=False)
        return True

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

    def clean_leftovers(self, *, scratch: bool = True, alone: bool = True) -> int:
        """Removes what killed runs left; returns how many folders and files. Only for the holder of the store's lock.

        Products being built by a process that still lives on this host stay. ``scratch``: results of parts go too.
        ``alone``: no other process writes now, on whatever host; else only what dead processes of this host built goes.
        """
        folders = self.folders
        owned = [entry for place in (folders.build, folders.files) for entry in _entries(place)]
        leftovers = [
            entry
            for entry in owned
            if ((owner := Owner.of_tag(entry.name)) is None or owner.is_dead is not False)
            and (alone or (owner is not None and owner.is_dead))
        ]
        if alone:
            leftovers += _entries(folders.trash)
        if scratch and alone:
            leftovers += _entries(folders.parts)
        for entry in leftovers:
            discard(entry, folders.trash)
        return len(leftovers)

    def verify(self, *, deep: bool) -> list[VerificationError]:
        """Everything that is wrong with committed products: presence and size of every file, content too if ``deep``."""
        return list(verify_store(self.folders, deep=deep))

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
