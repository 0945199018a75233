"""What a committed product was made from, and the fingerprint that names it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

_HEX_DIGITS = frozenset("0123456789abcdef")
FOLDER_DIGITS = 16
"""Leading digits of a fingerprint that name its folder."""


def json_value(value: object, where: str = "value") -> Any:
    """The value as plain JSON (tuples become lists).

    Raises TypeError or ValueError, naming the place, for what JSON would change or cannot hold: other types, keys that
    are not strings, NaN.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(f"{where} is {value}: only finite numbers can be kept as JSON")
        return float(value)
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, object]", value)
        for key in mapping:
            if not isinstance(key, str):
                raise TypeError(f"{where} has the key {key!r}: JSON keys are strings")
        return {str(key): json_value(item, f"{where}.{key}") for key, item in mapping.items()}
    if isinstance(value, (list, tuple)):
        items = cast("Sequence[object]", value)
        return [json_value(item, f"{where}[{i}]") for i, item in enumerate(items)]
    raise TypeError(
        f"{where} is a {type(value).__name__}: only JSON values (str, int, float, bool, None, list, dict) can be kept"
    )


def canonical_json(value: object) -> str:
    """One text for one value, in every process: sorted keys, floats by ``repr``, no spaces, ASCII only, no NaN."""
    return json.dumps(json_value(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: object) -> str:
    """SHA-256, as hex digits, of the value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def is_fingerprint(text: str) -> bool:
    """Whether the text is a whole SHA-256 in lower-case hex digits."""
    return len(text) == hashlib.sha256().digest_size * 2 and _HEX_DIGITS.issuperset(text)


@dataclass(frozen=True)
class SourceFile:
    """Identity of one file of a log: where it lies below the data root and what it holds, never when it was made."""

    path: str
    """Relative to the data root, with forward slashes."""
    size: int
    """Bytes."""
    sha256: str

    def __post_init__(self) -> None:
        if not self.path or self.path.startswith("/") or "\\" in self.path or ".." in self.path.split("/"):
            raise ValueError(
                f"a source file is named relative to the data root with forward slashes, found {self.path!r}"
            )
        if self.size < 0 or not is_fingerprint(self.sha256):
            raise ValueError(f"source file {self.path}: size {self.size} or digest {self.sha256!r} cannot be")


@dataclass(frozen=True)
class Sources:
    """Identity of a set of source files, short enough to be kept with every product."""

    count: int
    bytes: int
    sha256: str
    """Of the canonical JSON of all [path, size, sha256], sorted by path."""

    def __post_init__(self) -> None:
        if self.count < 0 or self.bytes < 0 or not is_fingerprint(self.sha256):
            raise ValueError(f"sources: {self.count} files of {self.bytes} bytes with digest {self.sha256!r} cannot be")

    @classmethod
    def of(cls, files: Iterable[SourceFile]) -> Sources:
        """The identity of these files, in whatever order and however often they are given."""
        listed = sorted({(file.path, file.size, file.sha256) for file in files})
        return cls(len(listed), sum(size for _, size, _ in listed), digest(listed))


NO_SOURCES = Sources.of(())
"""Of a stage that reads no source files."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Everything that decides the bytes of a product. Two products with equal provenance are equal."""

    stage: str
    stage_version: int
    schema_version: int
    """Of the product written."""
    parameters: Mapping[str, Any]
    """Every parameter of the stage, as JSON values."""
    inputs: Mapping[str, str]
    """Product name to fingerprint, of everything read."""
    sources: Sources = NO_SOURCES
    back_end: str = ""
    """The surface reconstruction back end of the store."""
    libraries: Mapping[str, str]
    """Distribution name to version, of those that change bits."""

    def __post_init__(self) -> None:
        if not self.stage:
            raise ValueError("provenance needs the name of a stage")
        for name, fingerprint in self.inputs.items():
            if not is_fingerprint(fingerprint):
                raise ValueError(f"input {name} of stage {self.stage} has no whole fingerprint: {fingerprint!r}")
        # Plain dicts: what was given may be a view of something that changes, and equality must not depend on the type.
        object.__setattr__(self, "parameters", json_value(self.parameters, f"parameters of {self.stage}"))
        object.__setattr__(self, "inputs", dict(self.inputs))
        object.__setattr__(self, "libraries", dict(self.libraries))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON of all fields, 64 hex digits."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return asdict(self)
