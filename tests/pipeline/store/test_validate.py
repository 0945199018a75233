"""What products hold against what their classes declare: the first value that breaks it is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from occ_pipeline.pipeline.registry import PRODUCTS
from occ_pipeline.pipeline.store import validate as module
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.pipeline.store.validate import Validation
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.errors import VerificationError
from occ_pipeline.schemas.object_clouds import ObjectClouds
from occ_pipeline.schemas.occupancy import SurfaceOccupancy
from occ_pipeline.schemas.product import Product
from occ_pipeline.schemas.surfaces import Surfaces
from occ_pipeline.tests.pipeline.program import Program
from occ_pipeline.tests.schemas.camera_samples import cameras
from store_samples import mixed, provenance

TAXONOMY = "nuscenes_lidarseg"


def labels() -> SurfaceOccupancy:
    state = np.zeros((3, 4, 4, 2), np.uint8)
    state[:, 1] = 2
    semantics = np.where(state == 2, 16, 255).astype(np.uint8)
    semantics[1, 1, 0, 0] = 255
    return SurfaceOccupancy(
        state=state,
        semantics=semantics,
        body=np.where(state == 2, 1, 0).astype(np.uint8),
        world_SE3_grid=np.tile(np.eye(4), (3, 1, 1)),
        grid={"min_m": [0.0, 0.0, 0.0], "voxel_m": 1.0, "shape": [4, 4, 2], "frame": "ego"},
        taxonomy=TAXONOMY,
        frame_tokens=["f0", "f1", "f2"],
    )


def surfaces() -> Surfaces:
    return Surfaces(
        vertices=np.zeros((6, 3), np.float32),
        triangles=np.array([[0, 1, 2], [0, 1, 2]], np.int32),
        labels=np.array([3, 255], np.uint8),
        piece_track=np.array([-1, 0], np.int32),
        piece_sweeps=np.array([[0, 3], [0, 3]], np.int32),
        piece_vertices=np.array([0, 3, 6]),
        piece_triangles=np.array([0, 1, 2]),
        piece_bounds=np.zeros((2, 6), np.float32),
        origin_m=[0.0, 0.0, 0.0],
    )


def clouds() -> ObjectClouds:
    absent = np.full((4, 4), np.nan)
    return ObjectClouds(
        points=np.zeros((2, 3), np.float32),
        sensors=np.zeros((2, 3), np.float32),
        sweep=np.zeros(2, np.int32),
        returns=np.ones(2, np.uint16),
        labels=np.zeros(2, np.uint8),
        group_track=np.zeros(1, np.int32),
        group_frame=np.array([-1], np.int32),
        group_offsets=np.array([0, 2]),
        motion=np.array([1], np.uint8),
        frame_boxes=np.stack([np.eye(4), absent])[:, None],
        track_size_m=np.ones((1, 3), np.float32),
        track_classes=[4],
    )


def no_cameras() -> CameraTables:
    return CameraTables.none("scene-1", ["f0", "f1"])


def errors(store: Store, product: Product, scenes: list[str] | None = None) -> list[VerificationError]:
    store.commit("scene-1", product, provenance(schema_version=product.schema_version))
    return list(Validation(store, PRODUCTS).errors(scenes))


@pytest.mark.parametrize("make", [labels, surfaces, clouds, cameras, no_cameras])
def test_sound_products_pass(store: Store, make: Any) -> None:
    assert errors(store, make()) == []


def changed(array: np.ndarray, place: Any, value: Any) -> np.ndarray:
    copy = array.copy()
    copy[place] = value
    return copy


BAD: dict[str, tuple[Any, str, Any, Any, list[str]]] = {
    "state": (labels, "state", (2, 3, 1, 0), 7, ["state at [2, 3, 1, 0] of key frame f2", "found 7", "0, 1, 2"]),
    "class": (labels, "semantics", (0, 1, 2, 1), 17, ["semantics at [0, 1, 2, 1]", "found 17", "0 to 16, or 255"]),
    "class-of-nothing": (labels, "semantics", (1, 0, 0, 0), 4, ["at [1, 0, 0, 0]", "255 where state is not occupied"]),
    "body-of-nothing": (labels, "body", (1, 0, 0, 0), 1, ["body at [1, 0, 0, 0]", "0 where state is not occupied"]),
    "no-body": (labels, "body", (1, 1, 0, 0), 0, ["a body where state is occupied"]),
    "nan-pose": (labels, "world_SE3_grid", (1, 0, 3), np.nan, ["world_SE3_grid at [1]", "rigid transform"]),
    "scaled-pose": (labels, "world_SE3_grid", (2, 0, 0), 1.1, ["world_SE3_grid at [2]", "rigid transform"]),
    "mirrored-pose": (labels, "world_SE3_grid", (2, 0, 0), -1, ["world_SE3_grid at [2]", "rigid transform"]),
    "vertex": (surfaces, "vertices", (4, 1), np.inf, ["vertices at [4, 1]", "found inf", "finite"]),
    "triangle": (surfaces, "triangles", (1, 2), 6, ["triangles at [1, 2]", "found 6", "0 to 5"]),
    "offsets-fall": (surfaces, "piece_vertices", 1, 7, ["piece_vertices at [2]", "found 6", "from 0, never falling, to 6"]),
    "offsets-begin": (surfaces, "piece_vertices", 0, 1, ["piece_vertices at [0]", "found 1"]),
    "offsets-end": (surfaces, "piece_triangles", 2, 1, ["piece_triangles at [2]", "found 1", "to 2"]),
    "half-absent": (clouds, "frame_boxes", (1, 0, 0, 0), 1.0, ["frame_boxes at [1, 0]", "NaN throughout"]),
    "stamp-below": (cameras, "timestamps_ns", (0, 1), -2, ["timestamps_ns at [0, 1] of key frame f0", "at least -1"]),
    "camera-turned-over": (cameras, "ego_SE3_camera", (0, 1, 0, 2), -1.0, ["ego_SE3_camera at [0, 1]", "rigid transform"]),
    "motion": (clouds, "motion", 0, 9, ["motion at [0]", "found 9"]),
    "no-return": (clouds, "returns", 1, 0, ["returns at [1]", "at least 1"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("piece_bytes", [1, 1 << 20])
def test_the_first_bad_value_is_named(
    store: Store, name: str, piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pieces of one row as in one piece."""
    monkeypatch.setattr(module, "PIECE_BYTES", piece_bytes)
    make, array, place, value, says = BAD[name]
    product = make()
    found = errors(store, replace(product, **{array: changed(getattr(product, array), place, value)}))
    assert len(found) == 1, [str(error) for error in found]
    text = str(found[0])
    for part in (*says, f"{product.name}.{array}", "scene scene-1", "1 of its values is not as declared"):
        assert part in text
    assert "\n" not in text


BAD_CAMERAS: dict[str, tuple[str, Any, Any, list[list[str]]]] = {
    "stamp-without-pose": (
        "timestamps_ns", (1, 1), 5,
        [[f"{name} at [1, 1] of key frame f1", "where timestamps_ns is -1, and nowhere else"]
         for name in ("world_SE3_ego", "ego_SE3_camera", "intrinsics")],
    ),
    "pose-without-stamp": (
        "timestamps_ns", (2, 0), -1,
        [[f"{name} at [2, 0]", "where timestamps_ns is -1"] for name in ("world_SE3_ego", "ego_SE3_camera", "intrinsics")],
    ),
    "half-a-pose": ("world_SE3_ego", (1, 1, 0, 0), 1.0, [["at [1, 1]", "a rigid transform, or NaN"], ["at [1, 1]", "timestamps_ns is -1"]]),
    "no-focal-length": ("intrinsics", (2, 1, 0, 0), 0.0, [["intrinsics at [2, 1]", "positive focal lengths"]]),
    "intrinsics-below": ("intrinsics", (2, 1, 2, 0), 1.0, [["intrinsics at [2, 1]", "0 0 1 below"]]),
    "half-intrinsics": ("intrinsics", (0, 0, 1, 2), np.nan, [["intrinsics at [0, 0]", "upper triangular"]]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_CAMERAS)
def test_cameras_that_could_not_be_made(store: Store, name: str) -> None:
    """Changed once made, since what makes them refuses such values too."""
    array, place, value, says = BAD_CAMERAS[name]
    product = cameras()
    getattr(product, array)[place] = value
    found = errors(store, product)
    assert len(found) == len(says)
    for error, parts in zip(found, says, strict=True):
        assert all(part in str(error) for part in parts), str(error)


def test_attributes(store: Store) -> None:
    product = replace(labels(), frame_tokens=["f0"])
    (error,) = errors(store, product)
    assert "frame_tokens" in str(error)
    assert "found 1, expected 3" in str(error)


def test_damaged_files_are_errors_and_their_values_are_not_read(store: Store) -> None:
    store.commit("scene-2", replace(labels(), state=labels().state + 5), provenance())
    manifest = store.commit("scene-1", labels(), provenance())
    shard = store.folders.group("scene-1", SurfaceOccupancy, manifest.fingerprint) / "state" / "c.0.0.0.0"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    (error,) = Validation(store, PRODUCTS).errors(["scene-1"])
    assert "other content" in str(error)
    assert {found.scene for found in Validation(store, PRODUCTS).errors()} == {"scene-1", "scene-2"}


def test_products_of_other_versions_are_told(store: Store) -> None:
    store.commit("scene-1", mixed(), provenance())
    work = Validation(store, PRODUCTS)
    assert list(work.errors()) == []
    assert (work.checked, work.unknown) == (0, {"mixed (schema 1)"})


def test_the_command(store: Store, program: Program, tmp_path: Path) -> None:
    store.commit("scene-1", labels(), provenance())
    assert program.told("validate", store.path)[0] == 0
    store.commit("scene-2", replace(labels(), body=labels().body * 9), provenance())
    code, out, err = program.told("validate", store.path)
    assert (code, out) == (6, "")
    assert err.count("error:") == 1
    assert "12 of its values" not in err
    assert "24 of its values" in err
    code, out, _ = program.told("validate", store.path, "--json")
    assert code == 6
    assert json.loads(out)["errors"][0]["scene"] == "scene-2"
    assert program.told("validate", store.path, "--scenes", "scene-1")[0] == 0
    assert program.told("validate", store.path, "--scenes", "scene-3")[0] == 2
