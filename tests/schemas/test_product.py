"""What a product declares is what it holds; arrays in pieces are the same arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
import pytest
from occ_pipeline.schemas.cameras import CameraTables, DatasetCameras
from occ_pipeline.schemas.object_clouds import ObjectClouds
from occ_pipeline.schemas.occupancy import SurfaceOccupancy
from occ_pipeline.schemas.product import Array, Blocks, InMemory, Product, array, load
from occ_pipeline.schemas.refined_poses import RefinedPoses
from occ_pipeline.schemas.scene import DatasetTables, SceneTables
from occ_pipeline.schemas.static_map import StaticMap
from occ_pipeline.schemas.surfaces import Surfaces

ALL = [
    RefinedPoses,
    StaticMap,
    ObjectClouds,
    Surfaces,
    SurfaceOccupancy,
    SceneTables,
    DatasetTables,
    CameraTables,
    DatasetCameras,
]


@dataclass(frozen=True, kw_only=True)
class Thing(Product):
    name: ClassVar[str] = "thing"

    points: Array = array("point", "xyz", dtype="float32", fill=float("nan"), xyz=3)
    weights: Array = array("point", dtype="int64", fill=-1)
    frames: Array = array("frame", "x", dtype="uint8", fill=255)
    origin: list[float]


def thing(**changes: Any) -> Thing:
    values: dict[str, Any] = {
        "points": np.arange(12, dtype=np.float32).reshape(4, 3),
        "weights": np.arange(4),
        "frames": np.zeros((2, 5), np.uint8),
        "origin": [1.0, 2.0],
    }
    return Thing(**(values | changes))


def test_declarations_tell_arrays_from_attributes() -> None:
    assert list(Thing.specs()) == ["points", "weights", "frames"]
    assert Thing.attribute_names() == ("origin",)
    made = thing()
    assert list(made.arrays()) == ["points", "weights", "frames"]
    assert made.attributes() == {"origin": [1.0, 2.0]}
    assert made.counts() == {"point": 4, "xyz": 3, "frame": 2, "x": 5}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"points": np.zeros((4, 3))}, "float64 with 2 axes, declared float32"),
        ({"points": np.zeros(4, np.float32)}, "with 1 axes"),
        ({"points": np.zeros((4, 2), np.float32)}, "axis xyz has length 2, its declaration says 3"),
        ({"weights": np.arange(5)}, "axis point has length 5, points says 4"),
        ({"weights": Blocks.of((5,), "int64", [])}, "axis point has length 5"),
        ({"weights": Blocks.of((4,), "int32", [])}, "declared int64"),
    ],
)
def test_arrays_that_break_their_declaration_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        thing(**change)


def test_frames_are_chunks_and_long_arrays_are_cut() -> None:
    specs = Thing.specs()
    assert specs["frames"].frame_axis == 0
    assert specs["frames"].chunk_rows((41, 5)) == (1, 5)
    assert specs["points"].frame_axis is None
    assert specs["points"].chunk_rows((1_000_000, 3)) == (65_536, 3)
    assert specs["points"].chunk_rows((10, 3)) == (10, 3)
    assert specs["points"].chunk_rows((0, 3)) == (1, 3)


def test_blocks_are_the_array_they_make() -> None:
    pieces = [np.arange(3), np.arange(0), np.arange(1)]
    made = thing(weights=Blocks.of((4,), "int64", [lambda p=p: p for p in pieces]))
    reader = InMemory(made)
    assert reader.read("weights").tolist() == [0, 1, 2, 0]
    assert reader.read("weights").tolist() == [0, 1, 2, 0], "a second pass"
    assert reader.rows("weights", 2, 4).tolist() == [2, 0]
    assert reader.attribute("origin") == [1.0, 2.0]
    assert made.counts()["point"] == 4


def test_joined_pieces_are_their_concatenation_and_no_copy() -> None:
    pieces = [np.arange(6.0).reshape(3, 2), np.zeros((0, 2)), np.ones((1, 2))]
    joined = cast("Blocks", Blocks.joining(pieces))
    assert (joined.shape, joined.dtype) == ((4, 2), np.dtype("float64"))
    assert [given is kept for given, kept in zip(joined, pieces, strict=True)] == [True] * 3


def test_no_blocks_are_an_empty_array() -> None:
    none = thing(points=Blocks.of((0, 3), "float32", []), weights=np.arange(0))
    found = InMemory(none).read("points")
    assert (found.shape, found.dtype) == ((0, 3), np.float32)


@pytest.mark.parametrize(
    ("shape", "pieces", "words"),
    [
        ((4,), [np.arange(3)], "3 rows, the array 4"),
        ((4,), [np.arange(3), np.arange(2)], "5 rows"),
        ((4,), [np.arange(4, dtype=np.int32)], "int32"),
        ((4,), [np.zeros((4, 1), np.int64)], r"\(4, 1\)"),
    ],
)
def test_blocks_that_do_not_make_the_array_are_refused(
    shape: tuple[int, ...], pieces: list[np.ndarray], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        list(Blocks(shape, "int64", [lambda p=p: p for p in pieces]))


def test_a_loaded_product_is_the_same() -> None:
    made = load(Thing, InMemory(thing()))
    assert made.points.tolist() == thing().points.tolist()
    assert made.origin == [1.0, 2.0]
    assert replace(made, origin=[3.0]).origin == [3.0]


@pytest.mark.parametrize("product", ALL, ids=lambda p: p.name)
def test_fill_values_lie_outside_what_is_valid(product: type[Product]) -> None:
    """A chunk that is missing must not read as data."""
    for name, spec in product.specs().items():
        value = np.array(spec.fill).astype(spec.dtype)
        if np.dtype(spec.dtype).kind == "f":
            assert np.isnan(value), name
        elif np.dtype(spec.dtype).kind == "i":
            assert value < 0, name
        assert set(spec.sizes) <= set(spec.dims), name


def test_names_are_distinct() -> None:
    assert len({product.name for product in ALL}) == len(ALL)
