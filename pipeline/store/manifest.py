"""The manifest of a committed product: what it was made from, and every file, array and count it consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

from .fingerprint import Provenance, canonical_json, is_fingerprint, json_value


@dataclass(frozen=True)
class FileEntry:
    """One file of a product."""

    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        if self.bytes < 0 or not is_fingerprint(self.sha256):
            raise ValueError(f"file entry of {self.bytes} bytes with digest {self.sha256!r} cannot be")


@dataclass(frozen=True)
class ArrayEntry:
    """One array of a product."""

    shape: tuple[int, ...]
    dtype: str
    chunks: int
    """How many chunks hold it. All are written, so a missing one is damage and never an implied fill value."""
    sha256: str
    """Of the values themselves, C order, little-endian: free of compression and chunking."""

    def __post_init__(self) -> None:
        if min(self.shape, default=0) < 0 or self.chunks < 0 or not is_fingerprint(self.sha256):
            raise ValueError(
                f"array entry of shape {self.shape} in {self.chunks} chunks with digest {self.sha256!r} cannot be"
            )


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What was committed. Raises ValueError when its parts contradict each other."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    product: str
    scene: str
    """Empty for what is not per scene."""
    fingerprint: str
    provenance: Provenance
    files: Mapping[str, FileEntry]
    """Path relative to the product's folder to what it must hold; all files but the group's own zarr.json."""
    arrays: Mapping[str, ArrayEntry]
    counts: Mapping[str, int]
    """Length of every named axis."""
    warnings: tuple[str, ...] = ()
    """What a user should know of this result."""

    def __post_init__(self) -> None:
        if self.fingerprint != self.provenance.fingerprint:
            raise ValueError(
                f"fingerprint {self.fingerprint!r} is not that of the provenance, {self.provenance.fingerprint!r}"
            )
        for path in self.files:
            if path.startswith("/") or ".." in path.split("/"):
                raise ValueError(f"file {path!r} lies outside the product's folder")
        for name in self.arrays:
            if f"{name}/zarr.json" not in self.files:
                raise ValueError(f"array {name} has no file {name}/zarr.json")

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return json_value(asdict(self), "manifest")

    @classmethod
    def from_json(cls, document: object) -> Manifest:
        """The manifest of a JSON value. Raises ValueError for missing, extra or mistyped fields."""
        return _ADAPTER.validate_json(canonical_json(document))

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(entry.bytes for entry in self.files.values())


_ADAPTER = TypeAdapter(Manifest)
