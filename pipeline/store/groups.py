"""The ``zarr.json`` of groups: parents, which are constant, and products, whose attributes carry the manifest."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ...schemas.errors import VerificationError
from .durable import fsync, replace_file
from .fingerprint import digest, json_value
from .layout import METADATA, Folders
from .manifest import Manifest

RESERVED = "occ_pipeline"
"""Attribute that holds our manifest beside the product's own attributes."""


def group_text(attributes: Mapping[str, Any]) -> str:
    """A group's ``zarr.json``, the same bytes in every process."""
    document = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    return json.dumps(document, sort_keys=True, indent=1, allow_nan=False) + "\n"


PARENT = group_text({})
"""Of every folder between the root and the products: one without it is invisible to Zarr's listing."""


def read_attributes(path: Path) -> dict[str, Any]:
    """Attributes of a group's ``zarr.json``. Raises FileNotFoundError, or ValueError when it is no Zarr v3 group."""
    try:
        document: object = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error
    fields = cast("dict[str, object]", document if isinstance(document, dict) else {})
    attributes = fields.get("attributes")
    if fields.get("zarr_format") != 3 or fields.get("node_type") != "group" or not isinstance(attributes, dict):
        raise ValueError("it is no Zarr v3 group")
    return cast("dict[str, Any]", attributes)


def ensure_parents(folders: Folders, folder: Path) -> None:
    """Makes a folder below the store and its parents, each a Zarr group. Safe against other processes and crashes at any point."""
    below = folder.relative_to(folders.store).parts
    for depth in range(1, len(below) + 1):
        parent = folders.store.joinpath(*below[:depth])
        metadata = parent / METADATA
        if metadata.is_file() and metadata.read_text(encoding="utf-8", errors="replace") == PARENT:
            continue
        parent.mkdir(exist_ok=True)
        fsync(parent.parent)
        replace_file(metadata, PARENT, folders.files)


def write_product_group(folder: Path, attributes: Mapping[str, Any], manifest: Manifest) -> None:
    """Writes a product's own ``zarr.json``, the last file of its folder, and makes it durable."""
    if RESERVED in attributes:
        raise ValueError(f"product {manifest.product} has an attribute named {RESERVED}, which is reserved")
    content = {"attributes": json_value(attributes, manifest.product), "manifest": manifest.to_json()}
    own = {"manifest": content["manifest"], "sha256": digest(content)}
    with (folder / METADATA).open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(group_text({**content["attributes"], RESERVED: own}))
        stream.flush()
        os.fsync(stream.fileno())


def read_product_group(folders: Folders, folder: Path) -> tuple[Manifest, dict[str, Any]] | None:
    """Manifest and product attributes of a committed group; None where there is no committed group.

    Raises VerificationError when there is one that is not what was committed there.
    """
    path = folder / METADATA
    try:
        manifest, attributes = _parse(read_attributes(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError, KeyError, OSError) as error:
        found = str(error).partition("\n")[0]
        raise damage(folders, folder, "its zarr.json cannot be used", path, found=found) from error
    place = folder.relative_to(folders.store).parts[1:]
    if place != (
        *([manifest.scene] if manifest.scene else []),
        manifest.product,
        manifest.fingerprint[: len(folder.name)],
    ):
        home = f"{manifest.scene or 'dataset'}/{manifest.product}/{manifest.fingerprint[:16]}"
        raise damage(folders, folder, "it belongs elsewhere", path, found=home, expected="/".join(place))
    return manifest, attributes


def _parse(attributes: dict[str, Any]) -> tuple[Manifest, dict[str, Any]]:
    """Manifest and the product's own attributes. Raises ValueError, TypeError or KeyError for what was not committed."""
    own = attributes[RESERVED]
    fields = {name: value for name, value in attributes.items() if name != RESERVED}
    if digest({"attributes": fields, "manifest": own["manifest"]}) != own["sha256"]:
        raise ValueError("other content than its digest says")
    return Manifest.from_json(own["manifest"]), fields


def damage(
    folders: Folders,
    folder: Path,
    what: str,
    file: Path,
    *,
    array: str | None = None,
    found: str | None = None,
    expected: str | None = None,
) -> VerificationError:
    """The error for a damaged product, naming store, scene, product, array and file."""
    place = folder.relative_to(folders.store).parts
    product = place[-2] + (f".{array}" if array else "")
    return VerificationError(
        what=f"{product} in {folders.store.name} is damaged: {what}",
        file=folders.relative(file),
        scene=place[1] if place[0] == "scenes" else None,
        found=found,
        expected=expected,
        fix=f"delete the folder {folders.relative(folder)} and run again: it is made anew",
    )
