"""Published labels of every format: where each voxel lies, what is free and unknown, and what is refused in which words."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sources import LABEL_FORMATS, LabelSource, LoggedScene
from occ_pipeline.schemas.errors import InputError, UsageError
from occ_pipeline.schemas.grid import GRIDS
from occ_pipeline.schemas.reference_labels import ReferenceLabels
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.taxonomy import TAXONOMIES
from occ_pipeline.tests.pipeline.sources.label_files import (
    BOAT,
    GOLDEN,
    KITTI,
    OPEN,
    SPEED,
    TURN,
    floats,
    kitti_place,
    openocc_arrays,
    raw_labels,
    write_files,
)
from occ_pipeline.tests.pipeline.sources.occ3d_log import Voxel, npy, npz

NEW = tuple(name for name in GOLDEN if name != "occ3d")
SPARSE, KITTIS = ("surroundocc", "openoccupancy"), ("semantickitti", "monoscene", "sscbench-kitti360")


def opened(name: str, folder: Path) -> tuple[LabelSource, list[SceneTables]]:
    assert LABEL_FORMATS[name].versions(folder) == ["labels"]
    source = LABEL_FORMATS[name](folder, "labels")
    found = list(source.index())
    assert all(isinstance(scene, LoggedScene) for scene in found), found
    return source, [scene.tables for scene in found if isinstance(scene, LoggedScene)]


def read(name: str, folder: Path) -> ReferenceLabels:
    source, (tables,) = opened(name, folder)
    return source.read(source.data_root, tables, 0)


def at(values: np.ndarray) -> set[Voxel]:
    return {(x, y, z) for x, y, z in np.argwhere(values).tolist()}


@pytest.mark.parametrize("name", NEW)
def test_every_voxel_lies_where_the_file_says(name: str, tmp_path: Path) -> None:
    write_files(tmp_path, GOLDEN[name]())
    found = read(name, tmp_path)
    want = dict(BOAT)
    if name in ("openocc", "monoscene"):
        # What has no class is free there, or ignored.
        del want[9, 2, 0]
    if name == "openoccupancy":
        want[400, 511, 39] = "vegetation"
    assert at(found.occupied) == set(want)
    taxonomy = TAXONOMIES[LABEL_FORMATS[name].taxonomy]
    ids = {voxel: taxonomy.id_of(word) if word else 255 for voxel, word in want.items()}
    assert {voxel: int(found.semantics[voxel]) for voxel in want} == ids
    assert (found.mask_lidar == found.mask_camera).all()
    if name in KITTIS:
        assert at(found.mask_lidar) == {OPEN, *want}
    else:
        assert found.mask_lidar.all()
    grid = {"openocc": "occ3d", "monoscene": "semantickitti", "sscbench-kitti360": "kitti360"}.get(name, name)
    assert found.grid == GRIDS[grid]
    if name == "openocc":
        assert found.velocity_m_s is not None
        assert at(found.velocity_m_s.any(axis=-1)) == set(SPEED)
        assert {voxel: tuple(found.velocity_m_s[voxel].tolist()) for voxel in SPEED} == SPEED
    else:
        assert found.velocity_m_s is None


SCENES = {
    "surroundocc": ("n8-2018-07-24_0800", "n8-2018-07-24+0800__LIDAR_TOP__1532402927647951.pcd.bin", 1532402927647951000, ""),
    "openoccupancy": ("scene_5c1e", "b2d4", 0, ""),
    "openocc": ("scene-0001", "aa11", 0, ""),
    "semantickitti": ("08", "000015", 1_500_000_000, "val"),
    "monoscene": ("08", "000015", 1_500_000_000, "val"),
    "sscbench-kitti360": (TURN, "000015", 1_500_000_000, "test"),
}  # fmt: skip


@pytest.mark.parametrize("name", NEW)
def test_scenes_frames_times_and_splits(name: str, tmp_path: Path) -> None:
    write_files(tmp_path, GOLDEN[name]())
    source, (tables,) = opened(name, tmp_path)
    assert (tables.scene, *tables.frame_tokens, *tables.timestamps_ns.tolist(), tables.split) == SCENES[name]
    assert (tables.world_SE3_ego == np.eye(4)).all()
    # Where the LiDAR's forward axis points in the ego frame: y of nuScenes', x of KITTI's.
    forward = tables.ego_SE3_lidar[0, :3, :3] @ ((0, 1, 0) if name in SPARSE else (1, 0, 0))
    assert forward.tolist() == [1, 0, 0]
    assert (tables.point_columns, tables.dataset, tables.taxonomy) == (0, source.stored_as(), source.taxonomy)
    assert [words for words in source.caveats if "poses" in words]
    assert (source.data_root / source.table_files()[0]).is_file()
    for file in (*tables.point_files, *source.companions(tables.point_files[0])):
        assert (source.data_root / file).is_file()
    before = source.identity()
    path = next(source.data_root / file for file in tables.point_files)
    for beside in path.parent.glob(path.name.removesuffix(".label") + "*"):
        beside.with_name(beside.name.replace("15", "16").replace("b2d4", "c3")).write_bytes(beside.read_bytes())
    if name != "openocc":
        assert LABEL_FORMATS[name](tmp_path, "labels").identity() != before, "a frame more is another log"
    assert LABEL_FORMATS[name].versions(tmp_path / "nothing") == []


@pytest.mark.parametrize("name", ["surroundocc", "openocc", "semantickitti", "sscbench-kitti360"])
def test_whichever_folder_is_named_it_is_one_log(name: str, tmp_path: Path) -> None:
    write_files(tmp_path, GOLDEN[name]())
    inner = tmp_path / next(iter(GOLDEN[name]())).partition("/")[0]
    first, second = opened(name, tmp_path), opened(name, inner)
    assert first[0].data_root == second[0].data_root == tmp_path
    assert [tables.point_files for tables in first[1]] == [tables.point_files for tables in second[1]]
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / inner.name).symlink_to(inner)
    assert opened(name, tmp_path / "linked")[0].data_root == tmp_path
    moved = inner.rename(tmp_path / "unpacked")
    source, (tables,) = opened(name, moved)
    assert source.data_root == moved
    source.read(source.data_root, tables, 0)


def test_frames_are_in_order_of_their_numbers_and_times(tmp_path: Path) -> None:
    for token in ("100", "20", "3"):
        write_files(tmp_path / "a", {f"05/{token}_1_1.npy": b"x"})
    for time in (30, 4, 200):
        write_files(tmp_path / "b", {f"samples/n8__LIDAR_TOP__{time}.pcd.bin.npy": b"x"})
    write_files(tmp_path / "b", {"samples/mine.npy": b"x", "samples/yours.npy": b"x", "samples/readme.txt": b"x"})
    _, (tables,) = opened("monoscene", tmp_path / "a")
    assert (tables.frame_tokens, tables.split) == (["3", "20", "100"], "train")
    assert tables.timestamps_ns.tolist() == [300_000_000, 2_000_000_000, 10_000_000_000]
    _, (drive, other) = opened("surroundocc", tmp_path / "b")
    assert drive.timestamps_ns.tolist() == [4_000, 30_000, 200_000]
    assert (other.scene, other.frame_tokens) == ("samples", ["mine", "yours"])
    assert other.timestamps_ns.tolist() == [0, 500_000_000]


def rows(*told: tuple[int, ...], descr: str = "<i8", width: int = 4) -> bytes:
    code = {"<i8": "q", "|i1": "b", "<u8": "Q", "<f4": "f"}[descr]
    return npy(b"".join(struct.pack(f"<{width}{code}", *row) for row in told), (len(told), width), descr)


def raw_with(voxel: Voxel, value: int) -> bytes:
    made = bytearray(raw_labels(99))
    struct.pack_into("<H", made, 2 * kitti_place(voxel), value)
    return bytes(made)


def float_with(voxel: Voxel, value: float) -> bytes:
    made = bytearray(floats({}))
    struct.pack_into("<f", made, len(made) - 4 * KITTI + 4 * kitti_place(voxel), value)
    return bytes(made)


def semantics_with(value: int) -> bytes:
    made = bytearray(openocc_arrays()["semantics"])
    made[-640_000 + (7 * 200 + 150) * 16 + 3] = value
    return npz(openocc_arrays() | {"semantics": bytes(made)})


def flow_with(value: float) -> bytes:
    made = bytearray(openocc_arrays()["flow"])
    struct.pack_into("<f", made, len(made) - 640_000 * 8 + ((7 * 200 + 150) * 16 + 3) * 8 + 4, value)
    return npz(openocc_arrays() | {"flow": bytes(made)})


BAD: dict[str, tuple[str, str, Callable[[], bytes], str]] = {
    "s cut": ("surroundocc", ".npy", lambda: rows((1, 2, 3, 4))[:-1], "label file cannot be read"),
    "s nothing": ("surroundocc", ".npy", lambda: b"", "label file cannot be read"),
    "s float": ("surroundocc", ".npy", lambda: rows((1, 2, 3, 4), descr="<f4"), "the array has the wrong type"),
    "s wide": ("surroundocc", ".npy", lambda: rows((1, 2, 3, 4, 5), width=5), "found [1, 5], expected [N, 4], N at most 640000; give"),
    "s flat": ("surroundocc", ".npy", lambda: npy(bytes(32), (4,), "<i8"), "wrong number of axes"),
    "s many": ("surroundocc", ".npy", lambda: npy(b"", (640_001, 4), "<i8"), "found [640001, 4]"),
    "s outside": ("surroundocc", ".npy", lambda: rows((1, 2, 3, 4), (1, 200, 3, 4)), "voxel lies outside the grid (columns xyz) (file samples/n8-2018-07-24+0800__LIDAR_TOP__1532402927647951.pcd.bin.npy, scene n8-2018-07-24_0800, frame n8-2018-07-24+0800__LIDAR_TOP__1532402927647951.pcd.bin): found row 1: [1, 200, 3, 4], expected x, y, z in [200, 200, 16]; give"),
    "s negative": ("surroundocc", ".npy", lambda: rows((-1, 2, 3, 4), descr="|i1"), "found row 0: [-1, 2, 3, 4]"),
    "s beyond": ("surroundocc", ".npy", lambda: rows((1, 2, 2**64 - 1, 4), descr="<u8"), "found row 0: [1, 2, 9223372036854775807, 4]"),
    "s id": ("surroundocc", ".npy", lambda: rows((1, 2, 3, 17), (1, 2, 4, 255)), "row holds an id that is no class (file samples/n8-2018-07-24+0800__LIDAR_TOP__1532402927647951.pcd.bin.npy, scene n8-2018-07-24_0800, frame n8-2018-07-24+0800__LIDAR_TOP__1532402927647951.pcd.bin): found 17 at [x, y, z] = [1, 2, 3], and 1 more, expected 1 to 16, or 0 for noise"),
    "s twice": ("surroundocc", ".npy", lambda: rows((1, 2, 3, 4), (1, 2, 3, 5)), "a voxel has two classes"),
    "o order": ("openoccupancy", ".npy", lambda: rows((500, 2, 3, 4)), "found row 0: [500, 2, 3, 4], expected x, y, z in [512, 512, 40]"),
    "o id": ("openoccupancy", ".npy", lambda: rows((3, 2, 1, 18)), "found 18 at [x, y, z] = [1, 2, 3], expected"),
    "v id": ("openocc", ".npz", lambda: semantics_with(17), "semantics holds an id that is no class (file openocc_v2/scene-0001/aa11/labels.npz, scene scene-0001, frame aa11): found 17 at [x, y, z] = [7, 150, 3], expected 0 to 15, or 16 for free"),
    "v nan": ("openocc", ".npz", lambda: flow_with(float("nan")), "flow is not finite (file openocc_v2/scene-0001/aa11/labels.npz, scene scene-0001, frame aa11): found [0.0, nan] at [x, y, z] = [7, 150, 3]"),
    "v no flow": ("openocc", ".npz", lambda: npz({"semantics": openocc_arrays()["semantics"]}), "label file holds no array 'flow'"),
    "v flow type": ("openocc", ".npz", lambda: npz(openocc_arrays() | {"flow": npy(bytes(1280000), (200, 200, 16, 2))}), "flow has the wrong type"),
    "v flow shape": ("openocc", ".npz", lambda: npz(openocc_arrays() | {"flow": npy(bytes(12), (1, 3), "<f4")}), "found [1, 3], expected [200, 200, 16, 2]"),
    "v cut": ("openocc", ".npz", lambda: npz(openocc_arrays())[:900], "label file cannot be read"),
    "k cut": ("semantickitti", ".label", lambda: raw_labels(99)[:-2], "label file is cut off (file sequences/08/voxels/000015.label, scene 08, frame 000015): found 4194302 bytes, expected 4194304 bytes; download"),
    "k long": ("semantickitti", ".label", lambda: raw_labels(99) + b"xx", "label file is too large"),
    "k id": ("semantickitti", ".label", lambda: raw_with((7, 150, 3), 19), "label file holds an id that is no class (file sequences/08/voxels/000015.label, scene 08, frame 000015): found 19 at [x, y, z] = [7, 150, 3], expected ids of learning_map"),
    "k mask": ("semantickitti", ".invalid", lambda: b"x", "(file sequences/08/voxels/000015.invalid, scene 08, frame 000015): found 1 bytes, expected 262144 bytes"),
    "k bytes": ("semantickitti", ".invalid", lambda: bytes(KITTI), "found 2097152 bytes, expected 262144 bytes"),
    "m id": ("monoscene", ".npy", lambda: float_with((7, 150, 3), 20.0), "array holds an id that is no class (file 08/000015_1_1.npy, scene 08, frame 000015): found 20.0 at [x, y, z] = [7, 150, 3], expected 0 for free, 1 to 19, or 255 to ignore"),
    "m part": ("monoscene", ".npy", lambda: float_with((7, 150, 3), 1.5), "found 1.5 at [x, y, z] = [7, 150, 3]"),
    "m nan": ("monoscene", ".npy", lambda: float_with((7, 150, 3), float("nan")), "found nan at [x, y, z] = [7, 150, 3]"),
    "m half": ("monoscene", ".npy", lambda: npy(bytes(4 * KITTI // 8), (128, 128, 16), "<f4"), "found [128, 128, 16], expected [256, 256, 32]"),
    "b packed": ("sscbench-kitti360", ".invalid", lambda: bytes(KITTI // 8), "found 262144 bytes, expected 2097152 bytes"),
    "b mask": ("sscbench-kitti360", ".invalid", lambda: bytes([0, 0, 0, 2]) + bytes(KITTI - 4), "mask is no mask (file data_2d_raw/2013_05_28_drive_0009_sync/voxels/000015.invalid, scene 2013_05_28_drive_0009_sync, frame 000015): found 2 at [x, y, z] = [0, 0, 3], expected 0 or 1"),
    "b id": ("sscbench-kitti360", ".label", lambda: raw_with((0, 0, 9), 4), "found 4 at [x, y, z] = [0, 0, 9], expected ids of learning_map in SSCBench's kitti360.yaml"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case: str, tmp_path: Path) -> None:
    name, ending, content, words = BAD[case]
    write_files(tmp_path, GOLDEN[name]())
    (path,) = (path for path in tmp_path.rglob(f"*{ending}") if "preprocess" not in path.parts)
    path.write_bytes(content())
    with pytest.raises(InputError) as caught:
        read(name, tmp_path)
    assert words in str(caught.value)
    assert caught.value.scene is not None
    assert caught.value.frame is not None
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", NEW)
def test_a_file_far_too_large_is_not_read(name: str, tmp_path: Path) -> None:
    write_files(tmp_path, GOLDEN[name]())
    source, (tables,) = opened(name, tmp_path)
    with (source.data_root / tables.point_files[0]).open("r+b") as file:
        file.truncate(1 << 33)
    with pytest.raises(InputError, match="label file is too large"):
        source.read(source.data_root, tables, 0)


@pytest.mark.parametrize("name", ["semantickitti", "sscbench-kitti360"])
def test_a_mask_that_is_not_there(name: str, tmp_path: Path) -> None:
    write_files(tmp_path, {file: content for file, content in GOLDEN[name]().items() if not file.endswith(".invalid")})
    with pytest.raises(InputError, match=r"label file is missing .*000015\.invalid, scene"):
        read(name, tmp_path)


def test_a_label_that_is_called_invalid(tmp_path: Path) -> None:
    """Loaders of SemanticKITTI take the mask's word, those of SSCBench the label's."""
    for name, invalid in (("semantickitti", b"\xff" * (KITTI // 8)), ("sscbench-kitti360", b"\x01" * KITTI)):
        files = GOLDEN[name]()
        (mask,) = (file for file in files if file.endswith(".invalid"))
        write_files(tmp_path / name, files | {mask: invalid})
        found = read(name, tmp_path / name)
        assert at(found.occupied) == (set(BOAT) if name == "sscbench-kitti360" else set())
        assert at(found.mask_lidar) == at(found.occupied)


def test_raw_ids_become_the_classes_that_loaders_make_of_them(tmp_path: Path) -> None:
    told = {
        "semantickitti": {252: "car", 13: "other-vehicle", 60: "road", 259: "other-vehicle", 52: "", 1: "", 31: "bicyclist", 71: "trunk"},
        "sscbench-kitti360": {252: "car", 13: "other-vehicle", 60: "road", 52: "other-structure", 99: "other-object", 31: "", 71: "", 255: ""},
    }  # fmt: skip
    for name, ids in told.items():
        files = GOLDEN[name]()
        label = next(iter(files))
        made = bytearray(2 * KITTI)
        for place, raw in enumerate(ids):
            struct.pack_into("<H", made, 2 * place, raw)
        (mask,) = (file for file in files if file.endswith(".invalid"))
        write_files(tmp_path / name, files | {label: bytes(made), mask: bytes(len(files[mask]))})
        found, taxonomy = read(name, tmp_path / name), TAXONOMIES[LABEL_FORMATS[name].taxonomy]
        want = [taxonomy.id_of(word) if word else 255 for word in ids.values()]
        assert found.semantics[0, 0, : len(ids)].tolist() == want
        assert found.occupied[0, 0, : len(ids)].all()


def test_unknown_scenes_and_odd_names(tmp_path: Path) -> None:
    write_files(tmp_path, {"a scene/000001_1_1.npy": b"x", "07/000001_1_1.npy": b"x"})
    source = LABEL_FORMATS["monoscene"](tmp_path, "labels")
    assert [type(found) for found in source.index()] == [LoggedScene, InputError]
    with pytest.raises(UsageError, match="no scene '11' here"):
        list(source.index(["11"]))
