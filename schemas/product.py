"""The base of every product: a frozen dataclass whose fields are the only declaration of what is stored.

A field made with :func:`array` is a Zarr array; every other field is a JSON attribute.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from .validity import Fact

Array: TypeAlias = NDArray[Any]
ROWS_PER_CHUNK = 65_536
"""Rows of a ragged array in one chunk: 0.75 MB of float32 points, read in about a millisecond."""


@dataclass(frozen=True)
class ArraySpec:
    """What is promised of one array of a product."""

    dims: tuple[str, ...]
    """Names of the axes; axes that share a name in one product have the same length."""
    dtype: str
    fill: float | int | bool
    """What Zarr returns for a chunk that is missing: outside the valid values wherever the dtype has room."""
    sizes: Mapping[str, int] = dataclasses.field(default_factory=dict[str, int])
    """Axes of fixed length."""
    valid: tuple[Fact, ...] = ()
    """What its values may be: ``occ-pipeline validate`` checks it."""
    rows: int = ROWS_PER_CHUNK
    """Rows of one chunk, of an array without a frame axis."""

    @property
    def frame_axis(self) -> int | None:
        """Which axis counts key frames: its chunks are one frame each. None for ragged and small arrays."""
        return self.dims.index("frame") if "frame" in self.dims else None

    def chunk_rows(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Chunk shape for an array of this shape: one frame a chunk, else :attr:`rows`."""
        first = 1 if self.frame_axis == 0 else min(max(shape[0], 1), self.rows)
        return (first, *(max(n, 1) for n in shape[1:]))


def array(
    *dims: str, dtype: str, fill: float | bool, valid: Sequence[Fact] = (), rows: int = ROWS_PER_CHUNK, **sizes: int
) -> Any:
    """Declares a dataclass field as a stored array.

    ``points: Array = array("point", "xyz", dtype="float32", fill=nan, xyz=3)``.
    """
    return dataclasses.field(metadata={"array": ArraySpec(dims, dtype, fill, sizes, tuple(valid), rows)})


class Blocks:
    """An array given as consecutive pieces along axis 0, so that what is written need not fit into memory at once.

    ``pieces`` are functions of no arguments that return the arrays in order; each is called once per pass.
    """

    def __init__(self, shape: tuple[int, ...], dtype: str, pieces: Sequence[Callable[[], Array]]) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._pieces = pieces

    def __iter__(self) -> Iterator[Array]:
        rows = 0
        for piece in self._pieces:
            block = piece()
            if block.dtype != self.dtype or block.shape[1:] != self.shape[1:]:
                raise ValueError(f"block is {block.dtype}{block.shape}, the array is {self.dtype}{self.shape}")
            rows += len(block)
            yield block
        if rows != self.shape[0]:
            raise ValueError(f"blocks hold {rows} rows, the array {self.shape[0]}")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @classmethod
    def joining(cls, pieces: Sequence[Array]) -> Array:
        """Blocks of one or more arrays in memory, which are never copied into one."""
        shape = (sum(len(piece) for piece in pieces), *pieces[0].shape[1:])
        return cls.of(shape, str(pieces[0].dtype), [functools.partial(_itself, piece) for piece in pieces])

    @classmethod
    def of(cls, shape: tuple[int, ...], dtype: str, pieces: Sequence[Callable[[], Array]]) -> Array:
        """Blocks where a product's field wants an array: :meth:`Product.arrays` says that it may be either."""
        return cast("Array", cls(shape, dtype, pieces))


def _itself(piece: Array) -> Array:
    return piece


P = TypeVar("P", bound="Product")


@dataclass(frozen=True, kw_only=True)
class Product:
    """Base of all products. Raises ValueError when an array's dtype, rank or lengths break its declaration."""

    name: ClassVar[str]
    """Folder name in the store."""
    schema_version: ClassVar[int] = 1
    per_scene: ClassVar[bool] = True

    @classmethod
    def specs(cls) -> dict[str, ArraySpec]:
        """Name to declaration of every array, in order."""
        return {f.name: f.metadata["array"] for f in dataclasses.fields(cls) if "array" in f.metadata}

    @classmethod
    def attribute_names(cls) -> tuple[str, ...]:
        """Names of the fields kept as JSON attributes."""
        return tuple(f.name for f in dataclasses.fields(cls) if "array" not in f.metadata)

    def arrays(self) -> dict[str, Array | Blocks]:
        """Name to array, as declared."""
        return {name: getattr(self, name) for name in self.specs()}

    def attributes(self) -> dict[str, Any]:
        """Name to JSON value."""
        return {name: getattr(self, name) for name in self.attribute_names()}

    def counts(self) -> dict[str, int]:
        """Length of every named axis."""
        return {
            dim: n
            for name, spec in self.specs().items()
            for dim, n in zip(spec.dims, getattr(self, name).shape, strict=True)
        }

    def __post_init__(self) -> None:
        lengths: dict[str, tuple[int, str]] = {}
        for name, spec in self.specs().items():
            value = getattr(self, name)
            if value.dtype != np.dtype(spec.dtype) or value.ndim != len(spec.dims):
                raise ValueError(
                    f"{self.name}.{name} is {value.dtype} with {value.ndim} axes, declared {spec.dtype} {spec.dims}"
                )
            for dim, n in zip(spec.dims, value.shape, strict=True):
                want, by = (
                    (spec.sizes[dim], "its declaration") if dim in spec.sizes else lengths.setdefault(dim, (n, name))
                )
                if n != want:
                    raise ValueError(f"{self.name}.{name}: axis {dim} has length {n}, {by} says {want}")


class ProductReader(Protocol):
    """Read access to one product of one scene, from memory or from the store, whole or by rows."""

    def read(self, name: str) -> Array:
        """One whole array."""
        ...

    def rows(self, name: str, start: int, stop: int) -> Array:
        """Rows start to stop of one array."""
        ...

    def attribute(self, name: str) -> Any:
        """One attribute."""
        ...


class InMemory:
    """A :class:`ProductReader` over a product in memory."""

    def __init__(self, product: Product) -> None:
        self._product = product

    def read(self, name: str) -> Array:
        value = getattr(self._product, name)
        if not isinstance(value, Blocks):
            return cast("Array", value)
        none = np.zeros((0, *value.shape[1:]), dtype=value.dtype)
        return np.concatenate([none, *value])

    def rows(self, name: str, start: int, stop: int) -> Array:
        return self.read(name)[start:stop]

    def attribute(self, name: str) -> Any:
        return getattr(self._product, name)


def load(product: type[P], reader: ProductReader) -> P:
    """The whole product, in memory."""
    arrays = {name: reader.read(name) for name in product.specs()}
    attributes = {name: reader.attribute(name) for name in product.attribute_names()}
    return product(**arrays, **attributes)
