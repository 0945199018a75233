"""Formats byte by byte: a round trip would hide a swapped axis, so every place is reckoned by hand."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from occ_pipeline.pipeline.cli.export import FORMATS
from occ_pipeline.pipeline.exports import EXPORTS, Frame
from occ_pipeline.pipeline.sources.semantickitti import LEARNING_MAP
from occ_pipeline.schemas.occupancy import State
from occ_pipeline.schemas.taxonomy import SEMANTICKITTI, TAXONOMIES
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
    low, edge = np.array(EXPORTS[name].grid.min_m), EXPORTS[name].grid.voxel_m
    scan = np.array([low + (np.array(CORNER) + 0.5) * edge, low + (np.array(TALL) + 0.1) * edge, low - 1], np.float32)
    return Frame(
        scene="scene-7", token="000042", point_file="samples/LIDAR_TOP/n8__LIDAR_TOP__15.pcd.bin", state=state,
        semantics=semantics, taxonomy=EXPORTS[name].taxonomies[0], mask_lidar=lidar, mask_camera=camera, scan=scan,
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
    assert made[f"{stem}.occluded"] == invalid


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
