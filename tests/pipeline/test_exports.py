"""Formats byte by byte: a round trip would hide a swapped axis, so every place is reckoned by hand."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.cli.export import FORMATS
from occ_pipeline.pipeline.exports import EXPORTS, Frame
from occ_pipeline.pipeline.sources.semantickitti import LEARNING_MAP
from occ_pipeline.schemas.occupancy import State
from occ_pipeline.schemas.taxonomy import NUSCENES, SEMANTICKITTI, SSCBENCH_KITTI360, TAXONOMIES, Taxonomy
from occ_pipeline.tests.pipeline.cli.command import command
from occ_pipeline.tests.pipeline.program import Program

CORNER, TALL, NAMELESS, FREE = (3, 7, 1), (150, 20, 11), (9, 2, 0), (4, 7, 1)
"""A voxel of a class, another one far away along x, one without a class, and one that is free; all else is unknown."""


def frame(name: str, first: int, second: int) -> Frame:
    shape = EXPORTS[name].grid.shape
    state, semantics = np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)
    lidar, camera = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for place, label in ((CORNER, first), (TALL, second), (NAMELESS, 255)):
        state[place], semantics[place], lidar[place] = State.OCCUPIED, label, 1
    state[FREE], lidar[FREE], camera[CORNER] = State.FREE, 1, 1
    velocity = np.zeros((*shape, 2), np.float32) if EXPORTS[name].wants_flow else None
    if velocity is not None:
        velocity[CORNER] = 8.5, -0.25
    low, edge = np.array(EXPORTS[name].grid.min_m), EXPORTS[name].grid.voxel_m
    scan = np.array([low + (np.array(CORNER) + 0.5) * edge, low + (np.array(TALL) + 0.1) * edge, low - 1], np.float32)
    return Frame(
        scene="scene-7", token="000042", point_file="samples/LIDAR_TOP/n8__LIDAR_TOP__15.pcd.bin", state=state,
        scene_token="5c1e", lidar_token="b2d4", velocity_m_s=velocity, semantics=semantics, taxonomy=EXPORTS[name].taxonomies[0], mask_lidar=lidar, mask_camera=camera, scan=scan,
    )  # fmt: skip


def test_occ3d() -> None:
    (path, content), = EXPORTS["occ3d"].files(frame("occ3d", 4, 15)).items()  # fmt: skip
    assert path == "gts/scene-7/000042/labels.npz"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        raw = {name: archive.read(name) for name in archive.namelist()}
    assert list(raw) == ["semantics.npy", "mask_lidar.npy", "mask_camera.npy"]
    for name, want in (
        ("semantics.npy", {CORNER: 4, TALL: 15, NAMELESS: 0}),
        ("mask_lidar.npy", dict.fromkeys((CORNER, TALL, NAMELESS, FREE), 1)),
        ("mask_camera.npy", {CORNER: 1}),
    ):
        header, values = raw[name][:128], raw[name][128:]
        assert b"'descr': '|u1', 'fortran_order': False, 'shape': (200, 200, 16)" in header
        assert len(values) == 200 * 200 * 16
        # x outermost, then y, then z.
        there = {(x * 200 + y) * 16 + z: value for (x, y, z), value in want.items()}
        rest = 17 if name == "semantics.npy" else 0
        assert {i: v for i, v in enumerate(values) if v != rest} == there
    assert content == EXPORTS["occ3d"].files(frame("occ3d", 4, 15))[path], "no time of writing in it"


def test_surroundocc() -> None:
    (path, content), = EXPORTS["surroundocc"].files(frame("surroundocc", 4, 15)).items()  # fmt: skip
    assert path == "samples/n8__LIDAR_TOP__15.pcd.bin.npy"
    assert b"'descr': '<i8', 'fortran_order': False, 'shape': (3, 4)" in content[:128]
    rows = [int.from_bytes(content[128 + 8 * i : 136 + 8 * i], "little") for i in range(12)]
    assert rows == [3, 7, 1, 4, 9, 2, 0, 0, 150, 20, 11, 15]


def test_semantickitti() -> None:
    car, pole = SEMANTICKITTI.id_of("car"), SEMANTICKITTI.id_of("pole")
    made = EXPORTS["semantickitti"].files(frame("semantickitti", car, pole))
    stem = "sequences/scene-7/voxels/000042"
    assert list(made) == [f"{stem}.{kind}" for kind in ("label", "bin", "invalid", "occluded")]
    assert [len(content) for content in made.values()] == [4_194_304, 262_144, 262_144, 262_144]
    places = {name: (x * 256 + y) * 32 + z for name, (x, y, z) in {"corner": CORNER, "tall": TALL, "nameless": NAMELESS, "free": FREE}.items()}  # fmt: skip
    label = made[f"{stem}.label"]
    found = {
        i // 2: int.from_bytes(label[i : i + 2], "little") for i in range(0, len(label), 2) if label[i] or label[i + 1]
    }
    assert found == {places["corner"]: 10, places["tall"]: 80, places["nameless"]: 99}
    scan = made[f"{stem}.bin"]
    lit = {8 * i + bit for i, byte in enumerate(scan) if byte for bit in range(8) if byte & (0x80 >> bit)}
    assert lit == {places["corner"], places["tall"]}, "the scan's own returns, the highest bit first"
    invalid = made[f"{stem}.invalid"]
    known = {
        8 * i + bit for i, byte in enumerate(invalid) if byte != 255 for bit in range(8) if not byte & (0x80 >> bit)
    }
    assert known == set(places.values())
    assert made[f"{stem}.occluded"] == invalid, "where labels do not tell"
    told = np.zeros((256, 256, 32), np.uint8)
    told[CORNER] = 1
    occluded = EXPORTS["semantickitti"].files(replace(frame("semantickitti", car, pole), occluded=told))
    assert np.flatnonzero(np.unpackbits(np.frombuffer(occluded[f"{stem}.occluded"], np.uint8))).tolist() == [places["corner"]]  # fmt: skip


def test_raw_ids_come_back_as_the_same_classes() -> None:
    for class_id in range(1, 20):
        made = EXPORTS["semantickitti"].files(frame("semantickitti", class_id, class_id))
        raw = np.frombuffer(made["sequences/scene-7/voxels/000042.label"], "<u2").reshape(256, 256, 32)
        assert LEARNING_MAP[int(raw[CORNER])] == class_id


def test_monoscene() -> None:
    (path, content), = EXPORTS["monoscene"].files(frame("monoscene", 1, 18)).items()  # fmt: skip
    assert path == "scene-7/000042_1_1.npy"
    assert b"'descr': '<f4', 'fortran_order': False, 'shape': (256, 256, 32)" in content[:128]
    values = np.frombuffer(content[128:], "<f4")
    places = [(x * 256 + y) * 32 + z for x, y, z in (CORNER, TALL, FREE, NAMELESS)]
    assert values[places].tolist() == [1.0, 18.0, 0.0, 255.0]
    assert np.count_nonzero(values != 255) == 3


def test_openoccupancy() -> None:
    (path, content), = EXPORTS["openoccupancy"].files(frame("openoccupancy", 4, 15)).items()  # fmt: skip
    assert path == "scene_5c1e/occupancy/b2d4.npy"
    assert b"'descr': '<i2', 'fortran_order': False, 'shape': (3, 4)" in content[:128]
    rows = [int.from_bytes(content[128 + 2 * i : 130 + 2 * i], "little") for i in range(12)]
    assert rows == [0, 2, 9, 0, 1, 7, 3, 4, 11, 20, 150, 15], "z, y, x, class"


def test_openocc() -> None:
    car, wall = NUSCENES.id_of("car"), NUSCENES.id_of("manmade")
    (path, content), = EXPORTS["openocc"].files(frame("openocc", car, wall)).items()  # fmt: skip
    assert path == "openocc_v2/scene-7/000042/labels.npz"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        raw = {name: archive.read(name) for name in archive.namelist()}
    assert list(raw) == ["semantics.npy", "flow.npy"]
    assert b"'descr': '|u1', 'fortran_order': False, 'shape': (200, 200, 16)" in raw["semantics.npy"][:128]
    places = {voxel: (voxel[0] * 200 + voxel[1]) * 16 + voxel[2] for voxel in (CORNER, TALL, NAMELESS, FREE)}
    assert {i: v for i, v in enumerate(raw["semantics.npy"][128:]) if v != 16} == {places[CORNER]: 0, places[TALL]: 14}
    assert b"'descr': '<f4', 'fortran_order': False, 'shape': (200, 200, 16, 2)" in raw["flow.npy"][:128]
    values = memoryview(raw["flow.npy"][128:]).cast("f")
    assert {i: v for i, v in enumerate(values) if v} == {2 * places[CORNER]: 8.5, 2 * places[CORNER] + 1: -0.25}


def test_openocc_has_a_place_for_every_class_but_others() -> None:
    found = {}
    for class_id, name in enumerate(NUSCENES.classes):
        (content,) = EXPORTS["openocc"].files(frame("openocc", class_id, class_id)).values()
        with np.load(io.BytesIO(content)) as arrays:
            found[name] = int(arrays["semantics"][CORNER])
    assert found.pop("others") == 16
    assert sorted(found.values()) == list(range(16))
    assert (found["truck"], found["trailer"], found["barrier"], found["vegetation"]) == (1, 2, 9, 15)


@pytest.mark.parametrize(
    ("taxonomy", "classes", "raw", "trained"),
    [
        (SSCBENCH_KITTI360, ("car", "other-object"), (10, 99), (1.0, 18.0)),
        (SEMANTICKITTI, ("car", "pole"), (10, 80), (1.0, 15.0)),
        (SEMANTICKITTI, ("bicyclist", "trunk"), (31, 71), (255.0, 255.0)),
    ],
)
def test_sscbench(
    taxonomy: Taxonomy, classes: tuple[str, str], raw: tuple[int, int], trained: tuple[float, float]
) -> None:
    first, second = map(taxonomy.id_of, classes)
    made = EXPORTS["sscbench-kitti360"].files(
        replace(frame("sscbench-kitti360", first, second), taxonomy=taxonomy.name)
    )
    stem = "data_2d_raw/scene-7/voxels/000042"
    assert list(made) == [
        *(f"{stem}.{kind}" for kind in ("label", "bin", "invalid")),
        "preprocess/labels/scene-7/000042_1_1.npy",
    ]
    label, scan, invalid, array = made.values()
    assert [len(content) for content in made.values()] == [4_194_304, 262_144, 2_097_152, 8_388_608 + 128]
    places = {voxel: (voxel[0] * 256 + voxel[1]) * 32 + voxel[2] for voxel in (CORNER, TALL, NAMELESS, FREE)}
    found = memoryview(label).cast("H")
    assert {i: v for i, v in enumerate(found) if v} == dict(
        zip((places[CORNER], places[TALL], places[NAMELESS]), (*raw, 1), strict=True)
    )
    assert {i for i, value in enumerate(invalid) if value != 1} == set(places.values()), "a byte each, not a bit"
    lit = {8 * i + bit for i, byte in enumerate(scan) if byte for bit in range(8) if byte & (0x80 >> bit)}
    assert lit == {places[CORNER], places[TALL]}
    assert b"'descr': '<f4', 'fortran_order': False, 'shape': (256, 256, 32)" in array[:128]
    values = memoryview(array[128:]).cast("f")
    assert [values[place] for place in places.values()] == [*trained, 255.0, 0.0]
    assert sum(value != 255 for value in values) == sum(value != 255 for value in trained) + 1


def test_formats_that_help_names_are_those_there_are() -> None:
    assert tuple(EXPORTS) == FORMATS
    assert {name for form in EXPORTS.values() for name in form.taxonomies} == set(TAXONOMIES)


def test_published_labels_come_out_as_they_went_in(recordings: Path, tmp_path: Path, program: Program) -> None:
    (path,) = sorted((recordings / "occ3d").rglob("labels.npz"))
    store, out = tmp_path / "x.zarr", tmp_path / "out"
    assert command("run", "import-labels", "--labels", f"occ3d:{recordings / 'occ3d'}", "--out", store, "--workers", 1).code == 0  # fmt: skip
    ended = program("export", store, "--format", "occ3d", "--out", out)
    assert ended.code == 0, ended.err
    assert "unknown voxels are called free (17)" in ended.err
    (written,) = out.rglob("labels.npz")
    assert written.relative_to(out).parts[0] == "gts"
    with np.load(path) as published, np.load(written) as ours:
        assert set(ours) == {"semantics", "mask_lidar", "mask_camera"}
        for name in ours:
            assert np.array_equal(ours[name], published[name])
            assert ours[name].dtype == published[name].dtype
