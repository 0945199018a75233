"""A committed product, read chunk by chunk and checked against its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...schemas.errors import VerificationError
from ...schemas.product import Array, Product
from .arrays import StoredArray
from .groups import damage
from .layout import METADATA, Folders
from .manifest import Manifest
from .verify import check_file

Verify = Literal["size", "first_touch", "full"]
"""Of every file: its presence and size whenever it is read; its digest too when first read; all digests on opening."""


class StoredProduct:
    """A :class:`~occ_pipeline.schemas.product.ProductReader` over a committed group. Can be sent to other processes.

    Raises VerificationError, naming the file, for anything that is not what was committed: a missing shard, which Zarr
    itself would read as fill values, included.
    """

    def __init__(
        self,
        folders: Folders,
        folder: Path,
        product: type[Product],
        manifest: Manifest,
        attributes: dict[str, Any],
        verify: Verify,
    ) -> None:
        self.manifest = manifest
        self.product = product
        self._folders = folders
        self._folder = folder
        self._attributes = attributes
        self._verify = verify
        self._trusted: set[str] = set()
        self._arrays: dict[str, StoredArray] = {}
        self._check_declaration()
        if verify == "full":
            for path in manifest.files:
                self._check(path, digest=True)

    def __getstate__(self) -> dict[str, Any]:
        # Another process, perhaps on another host, has to see for itself.
        return {**self.__dict__, "_trusted": set[str](), "_arrays": {}}

    def read(self, name: str) -> Array:
        """One whole array."""
        return self.rows(name, 0, self.shape(name)[0])

    def rows(self, name: str, start: int, stop: int) -> Array:
        """Rows start to stop (excluded) of one array. Reads only the chunks that hold them.

        Raises IndexError for rows that are not there.
        """
        self.shape(name)
        array = self._open(name)
        layout = array.layout
        if not 0 <= start <= stop <= layout.shape[0]:
            raise IndexError(f"rows {start} to {stop} of {self.product.name}.{name}, which has {layout.shape[0]}")
        if layout.shards and stop > start:
            for shard in range(start // layout.shard[0], (stop - 1) // layout.shard[0] + 1):
                self._check(f"{name}/{layout.shard_file(shard)}", digest=self._verify != "size")
        # Codecs raise ValueError and RuntimeError on damaged bytes.
        try:
            return array.rows(start, stop)
        except (ValueError, RuntimeError, OSError) as error:
            file = self._folder / name / layout.shard_file(start // layout.shard[0])
            raise self._damage(
                "it cannot be decoded", file, name, found=f"{error} in rows {start} to {stop}"
            ) from error

    def attribute(self, name: str) -> Any:
        """One attribute. Raises KeyError naming the known ones."""
        if name not in self._attributes:
            raise KeyError(f"no attribute {name!r} in {self.product.name}; known: {', '.join(self._attributes)}")
        return self._attributes[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one array, from the manifest. Raises KeyError naming the known ones."""
        if name not in self.manifest.arrays:
            raise KeyError(f"no array {name!r} in {self.product.name}; known: {', '.join(self.manifest.arrays)}")
        return self.manifest.arrays[name].shape

    def _check_declaration(self) -> None:
        """Raises VerificationError unless the manifest's arrays are what the product class declares."""
        expected = {name: (np.dtype(spec.dtype).name, len(spec.dims)) for name, spec in self.product.specs().items()}
        found = {name: (entry.dtype, len(entry.shape)) for name, entry in self.manifest.arrays.items()}
        if found != expected or set(self._attributes) != set(self.product.attribute_names()):
            raise self._damage(
                "it does not hold what this version declares",
                self._folder / METADATA,
                found=f"{found}",
                expected=f"{expected}",
            )

    def _open(self, name: str) -> StoredArray:
        if name not in self._arrays:
            entry, spec = self.manifest.arrays[name], self.product.specs()[name]
            metadata = f"{name}/{METADATA}"
            # Always by content: it is small, and it says how all other bytes are read.
            self._check(metadata, digest=True)
            array = StoredArray(self._folder / name)
            layout = array.layout
            found = (layout.shape, layout.dtype.name, array.dims, layout.chunks)
            expected = (entry.shape, np.dtype(spec.dtype).name, spec.dims, entry.chunks)
            if found != expected:
                raise self._damage("not as declared", self._folder / metadata, name, f"{found}", f"{expected}")
            missing = {f"{name}/{layout.shard_file(i)}" for i in range(layout.shards)} - set(self.manifest.files)
            if missing:
                raise self._damage(
                    "its manifest lacks shards", self._folder / METADATA, name, ", ".join(sorted(missing))
                )
            self._arrays[name] = array
        return self._arrays[name]

    def _check(self, path: str, *, digest: bool) -> None:
        """Presence and size each time, content once."""
        check_file(self._folders, self._folder, self.manifest, path, digest=digest and path not in self._trusted)
        if digest:
            self._trusted.add(path)

    def _damage(
        self, what: str, file: Path, array: str | None = None, found: str | None = None, expected: str | None = None
    ) -> VerificationError:
        return damage(self._folders, self._folder, what, file, array=array, found=found, expected=expected)
