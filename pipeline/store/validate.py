"""Checks what products hold against what their classes declare: axes, attributes, values. Reads a few rows at a time."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_type_hints

import numpy as np
from pydantic import TypeAdapter, ValidationError

from ...schemas.errors import VerificationError
from ...schemas.product import ArraySpec, Product
from ...schemas.taxonomy import TAXONOMIES
from ...schemas.validity import Bool, Context, Fact, Rows, first_bad
from .layout import METADATA
from .manifest import Manifest
from .reader import StoredProduct
from .store import Store
from .verify import verify_store

PIECE_BYTES = 4 << 20
"""Rows of an array that are judged together; a check takes a few times as much memory."""
_FIX = "its files are as committed, so what made it went wrong: report it, delete the folder {} and run again"


@dataclass
class Validation:
    """One pass over a store: files against manifests, then products against their declarations."""

    store: Store
    products: Mapping[str, type[Product]]
    """Product classes by name."""
    progress: Callable[[str], None] = lambda _: None
    """Is given the folder of each product before its values are read."""
    checked: int = 0
    """Products whose values were read."""
    unknown: set[str] = field(default_factory=set[str])
    """Products that this version does not declare: their files alone are checked."""

    def errors(self, scenes: Collection[str] | None = None) -> Iterator[VerificationError]:
        """Everything that is wrong, in the order of paths; one error for each broken fact of each array."""
        return verify_store(self.store.folders, deep=True, scenes=scenes, check=self._group)

    def _group(self, folder: Path, manifest: Manifest, attributes: dict[str, Any]) -> Iterator[VerificationError]:
        product = self.products.get(manifest.product)
        if product is None or product.schema_version != manifest.provenance.schema_version:
            self.unknown.add(f"{manifest.product} (schema {manifest.provenance.schema_version})")
            return
        self.progress(self.store.folders.relative(folder))
        self.checked += 1
        try:
            reader = StoredProduct(self.store.folders, folder, product, manifest, attributes, "size")
            group = _Group(self.store, folder, product, reader)
            yield from group.axes()
            yield from group.attributes(attributes)
            for name, spec in product.specs().items():
                for fact in spec.valid:
                    yield from group.values(name, spec, fact)
        except VerificationError as error:
            yield error


@dataclass(frozen=True)
class _Group:
    store: Store
    folder: Path
    product: type[Product]
    reader: StoredProduct

    @property
    def _lengths(self) -> dict[str, int]:
        specs = self.product.specs()
        return {dim: n for name in specs for dim, n in zip(specs[name].dims, self.reader.shape(name), strict=True)}

    def axes(self) -> Iterator[VerificationError]:
        """Axes of the same name have one length, declared ones the declared."""
        lengths: dict[str, tuple[int, str]] = {}
        for name, spec in self.product.specs().items():
            for dim, n in zip(spec.dims, self.reader.shape(name), strict=True):
                fixed = (spec.sizes[dim], "its declaration") if dim in spec.sizes else None
                want, by = fixed or lengths.setdefault(dim, (n, name))
                if n != want:
                    yield self._error(name, f"axis {dim} has another length", None, str(n), f"{want}, as {by} says")

    def attributes(self, found: Mapping[str, Any]) -> Iterator[VerificationError]:
        """Attributes have the declared types; lists that name key frames have one entry for each."""
        hints = get_type_hints(self.product)
        for name in self.product.attribute_names():
            try:
                TypeAdapter(hints[name]).validate_python(found[name], strict=True)
            except ValidationError as error:
                first = error.errors()[0]
                yield self._error(name, "an attribute is not as declared", None, repr(first["input"]), first["msg"])
        tokens, frames = cast("object", found.get("frame_tokens")), self._lengths.get("frame")
        named = len(cast("list[object]", tokens)) if isinstance(tokens, list) else frames
        if frames is not None and named != frames:
            yield self._error("frame_tokens", "not one for each key frame", None, str(named), str(frames))

    def values(self, name: str, spec: ArraySpec, fact: Fact) -> Iterator[VerificationError]:
        """One error where values break a fact: how many, and the first."""
        shape = self.reader.shape(name)
        total, rows = shape[0], max(1, PIECE_BYTES // max(math.prod(shape[1:]) * np.dtype(spec.dtype).itemsize, 1))
        count = 0
        first: tuple[tuple[int, ...], object, str] | None = None
        for begin in range(0, total, rows):
            start, stop = max(0, begin - fact.overlap), min(total, begin + rows)
            context = self._context(start, stop, total)
            piece = self.reader.rows(name, start, stop)
            bad: Bool = fact.bad(piece, context)
            # Judged with the piece before.
            bad[: begin - start] = False
            found = int(np.count_nonzero(bad))
            count += found
            if found and first is None:
                place = first_bad(bad, start)
                first = (place, _shown(piece[(place[0] - start, *place[1:])]), fact.words(context))
        if first is not None:
            place, value, words = first
            what = f"{count} of its values {'is' if count == 1 else 'are'} not as declared"
            yield self._error(name, what, self._place(spec, place), f"{value}", words)

    def _context(self, start: int, stop: int, total: int) -> Context:
        classes = len(TAXONOMIES[self.store.identity.taxonomy].classes)
        other = functools.partial(self._rows, start=start, stop=stop)
        return Context(start, total, classes, self._lengths, other)

    def _rows(self, name: str, start: int, stop: int) -> Rows:
        return self.reader.rows(name, start, stop)

    def _place(self, spec: ArraySpec, place: tuple[int, ...]) -> str:
        """``[3, 17, 0, 2]``, and the key frame's own name where the first axis counts them."""
        text = f"[{', '.join(map(str, place))}]"
        if spec.frame_axis != 0 or "frame_tokens" not in self.product.attribute_names():
            return text
        tokens = self.reader.attribute("frame_tokens")
        return f"{text} of key frame {tokens[place[0]]}" if place[0] < len(tokens) else text

    def _error(self, name: str, what: str, place: str | None, found: str, expected: str) -> VerificationError:
        relative = self.store.folders.relative(self.folder)
        return VerificationError(
            what=f"{self.product.name}.{name}{'' if place is None else f' at {place}'}: {what}",
            file=f"{relative}/{name if name in self.product.specs() else METADATA}",
            scene=self.reader.manifest.scene or None,
            found=found,
            expected=expected,
            fix=_FIX.format(relative),
        )


def _shown(value: Rows) -> str:
    return np.array2string(np.asarray(value), precision=6, separator=", ", threshold=8).replace("\n", "")
