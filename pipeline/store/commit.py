"""The commit protocol: built aside, read back, manifest last, made durable, renamed into place. One writer wins a race."""

from __future__ import annotations

import errno
import hashlib
import logging
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from ...schemas.errors import VerificationError
from ...schemas.product import Product
from .arrays import check_array, write_array
from .durable import fsync, fsync_tree, storage_errors
from .fingerprint import Provenance, json_value
from .groups import damage, ensure_parents, read_product_group, write_product_group
from .layout import Folders
from .manifest import ArrayEntry, FileEntry, Manifest
from .owner import Owner

logger = logging.getLogger(__name__)


def commit_product(
    folders: Folders, scene: str | None, product: Product, provenance: Provenance, warnings: Sequence[str]
) -> Manifest:
    """Commits a product, or finds that it is committed. Returns the manifest of what is in the store.

    Raises StorageError, VerificationError; either way nothing partial is readable.
    """
    if provenance.schema_version != product.schema_version:
        raise ValueError(
            f"{product.name} has schema {product.schema_version}, its provenance says {provenance.schema_version}"
        )
    json_value(product.attributes(), product.name)
    final = folders.group(scene, type(product), provenance.fingerprint)
    build = folders.build / f"{Owner.current().tag}.{uuid.uuid4().hex}"
    needed = sum(_bytes(value.shape, value.dtype.itemsize) for value in product.arrays().values())
    with storage_errors(folders.store, needed):
        try:
            build.mkdir(parents=True)
            arrays = {
                name: write_array(build / name, spec, product.arrays()[name]) for name, spec in product.specs().items()
            }
            manifest = Manifest(
                product=product.name,
                scene=scene or "",
                fingerprint=provenance.fingerprint,
                provenance=provenance,
                files=_files(build),
                arrays=arrays,
                counts=product.counts(),
                warnings=tuple(warnings),
            )
            _read_back(folders, build, final, product, arrays)
            write_product_group(build, product.attributes(), manifest)
            fsync_tree(build)
            return _rename_into_place(folders, build, final, manifest)
        finally:
            # After the rename there is nothing left here.
            shutil.rmtree(build, ignore_errors=True)


def _bytes(shape: tuple[int, ...], itemsize: int) -> int:
    for n in shape:
        itemsize *= n
    return itemsize


def _files(folder: Path) -> dict[str, FileEntry]:
    """Every file below a folder, by its path from there."""
    entries: dict[str, FileEntry] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            entries[path.relative_to(folder).as_posix()] = FileEntry(path.stat().st_size, sha256)
    return entries


def _read_back(folders: Folders, build: Path, final: Path, product: Product, arrays: dict[str, ArrayEntry]) -> None:
    """Raises VerificationError unless the disk holds what was written."""
    for name, spec in product.specs().items():
        # Codecs raise ValueError and RuntimeError on damaged bytes.
        try:
            problem = check_array(build / name, spec, arrays[name])
        except (ValueError, RuntimeError) as error:
            problem = str(error)
        if problem is not None:
            raise VerificationError(
                what=f"{product.name}.{name} reads back differently than it was written",
                file=folders.relative(final),
                found=problem,
                fix="nothing was committed; check the disk and the memory, then run again",
            )


def _rename_into_place(folders: Folders, build: Path, final: Path, manifest: Manifest) -> Manifest:
    ensure_parents(folders, final.parent)
    try:
        build.rename(final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return _winner(folders, final, manifest)
    fsync(final.parent)
    return manifest


def _winner(folders: Folders, final: Path, own: Manifest) -> Manifest:
    """The manifest of the group that is already there: another writer was faster, and committed groups never change."""
    committed = read_product_group(folders, final)
    if committed is None:
        raise damage(folders, final, "its zarr.json is missing", final / "zarr.json")
    manifest, _ = committed
    if manifest.fingerprint != own.fingerprint:
        raise damage(
            folders,
            final,
            "it holds another fingerprint",
            final / "zarr.json",
            found=manifest.fingerprint,
            expected=own.fingerprint,
        )
    if manifest != own:
        different = sorted(name for name in own.arrays if manifest.arrays.get(name) != own.arrays[name])
        logger.warning(
            "%s was made twice with different results (%s); the first is kept",
            folders.relative(final),
            ", ".join(different) or "other files",
        )
    return manifest
