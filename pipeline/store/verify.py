"""Checks files against manifests: one file, one product, a whole store whatever products it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from ...schemas.errors import VerificationError
from .groups import PARENT, damage, read_product_group
from .layout import METADATA, Folders
from .manifest import Manifest

Check = Callable[[Path, Manifest, dict[str, Any]], Iterator[VerificationError]]
"""Errors of one group, from its folder, manifest and attributes."""


def check_file(folders: Folders, folder: Path, manifest: Manifest, path: str, *, digest: bool) -> None:
    """Raises VerificationError unless one file of a product is there with its size and, if ``digest``, its content."""
    entry, file = manifest.files[path], folder / path
    array = path.partition("/")[0]
    sha256 = entry.sha256
    try:
        size = file.stat().st_size
        if digest and size == entry.bytes:
            with file.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise damage(folders, folder, "a file is missing", file, array=array) from error
    except OSError as error:
        raise damage(folders, folder, f"a file cannot be read ({error.strerror})", file, array=array) from error
    if size != entry.bytes:
        found, expected = f"{size} bytes", f"{entry.bytes}"
        raise damage(folders, folder, "a file has another size", file, array=array, found=found, expected=expected)
    if sha256 != entry.sha256:
        found, expected = f"sha256 {sha256[:16]}", entry.sha256[:16]
        raise damage(folders, folder, "a file has other content", file, array=array, found=found, expected=expected)


def file_errors(folders: Folders, folder: Path, manifest: Manifest, *, deep: bool) -> Iterator[VerificationError]:
    """Everything that is wrong with a product's files: missing, damaged, or not its own."""
    for path in manifest.files:
        try:
            check_file(folders, folder, manifest, path, digest=deep)
        except VerificationError as error:
            yield error
    known = {folder / path for path in (*manifest.files, METADATA)}
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() and path not in known:
            yield damage(folders, folder, "a file does not belong there", path)


def verify_store(
    folders: Folders, *, deep: bool, scenes: Collection[str] | None = None, check: Check | None = None
) -> Iterator[VerificationError]:
    """All errors of all committed groups and of the folders around them, in the order of their paths.

    ``scenes``: only these. ``check`` is asked about every group whose files are sound.
    """
    for place, depth in (("scenes", 3), ("dataset", 2)):
        chosen = scenes if place == "scenes" else None
        yield from _walk(folders, folders.store / place, depth, deep, check, chosen)


def _walk(
    folders: Folders, folder: Path, depth: int, deep: bool, check: Check | None, only: Collection[str] | None = None
) -> Iterator[VerificationError]:
    """Errors of a folder that has products ``depth`` levels below it."""
    if not folder.exists():
        return
    if depth == 0:
        yield from _group(folders, folder, deep, check)
        return
    metadata = folder / METADATA
    if not metadata.is_file() or metadata.read_text(encoding="utf-8", errors="replace") != PARENT:
        yield _outside(
            folders, metadata, "a parent group's zarr.json is missing or changed", "run again: it is made anew"
        )
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            if only is None or entry.name in only:
                yield from _walk(folders, entry, depth - 1, deep, check)
        elif entry != metadata:
            yield _outside(folders, entry, "a file does not belong there", "delete it")


def _group(folders: Folders, folder: Path, deep: bool, check: Check | None) -> Iterator[VerificationError]:
    try:
        found = read_product_group(folders, folder)
    except VerificationError as error:
        yield error
        return
    if found is None:
        yield damage(folders, folder, "its zarr.json is missing", folder / METADATA)
        return
    errors = list(file_errors(folders, folder, found[0], deep=deep))
    yield from errors
    if check is not None and not errors:
        yield from check(folder, *found)


def _outside(folders: Folders, file: Path, what: str, fix: str) -> VerificationError:
    return VerificationError(what=f"{folders.store.name} is damaged: {what}", file=folders.relative(file), fix=fix)
