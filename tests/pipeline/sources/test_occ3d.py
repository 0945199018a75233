"""Occ3D's labels: where each voxel lies, which folder is meant, and what is refused in words a user can act on."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from occ_pipeline.pipeline.sources import LABEL_FORMATS, LoggedScene, preflight
from occ_pipeline.pipeline.sources.occ3d import Occ3DSource
from occ_pipeline.schemas.errors import InputError, UsageError
from occ_pipeline.schemas.grid import GRIDS
from occ_pipeline.schemas.reference_labels import ReferenceLabels
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.tests.pipeline.sources.occ3d_log import (
    KERB,
    OBSERVED,
    SHAPE,
    annotate,
    arrays,
    frame,
    golden,
    golden_npz,
    npy,
    npz,
    place,
    write,
)

SCENE, TOKEN = "scene-0001", "aa11"
FILE = f"gts/{SCENE}/{TOKEN}/labels.npz"
WHERE = f"(file {FILE}, scene {SCENE}, frame {TOKEN})"


def tables_of(source: Occ3DSource) -> dict[str, SceneTables]:
    found = list(source.index())
    assert all(isinstance(scene, LoggedScene) for scene in found), found
    return {scene.tables.scene: scene.tables for scene in found if isinstance(scene, LoggedScene)}


def read(folder: Path, token: str = TOKEN) -> ReferenceLabels:
    source = Occ3DSource(folder)
    (tables,) = tables_of(source).values()
    return source.read(source.data_root, tables, tables.frame_tokens.index(token))


def at(values: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(voxel) for voxel in np.argwhere(values).tolist()}


def test_every_voxel_lies_where_the_file_says(tmp_path: Path) -> None:
    write(tmp_path, SCENE, TOKEN)
    found = read(tmp_path)
    assert found.grid == GRIDS["occ3d"]
    assert at(found.occupied) == set(KERB)
    assert {voxel: int(found.semantics[voxel]) for voxel in KERB} == KERB
    assert at(found.mask_lidar) == {voxel for voxel, (lidar, _) in OBSERVED.items() if lidar}
    assert at(found.mask_camera) == {voxel for voxel, (_, camera) in OBSERVED.items() if camera}
    # x forward and y left: the car's first voxel is 8 m ahead, and on the right by a fraction of a metre.
    assert found.grid.index(np.array([(8.1, -0.1, -0.5)]))[0].tolist() == [[120, 99, 1]]


def test_the_real_file(recordings: Path) -> None:
    folder = recordings / "occ3d"
    (path,) = sorted(folder.rglob("labels.npz"))
    with np.load(path, allow_pickle=False) as kept:
        semantics, lidar, camera = (kept[name] for name in ("semantics", "mask_lidar", "mask_camera"))
    found = read(folder, path.parent.name)
    assert (found.occupied == (semantics != 17)).all()
    assert (found.semantics == semantics).all()
    assert (found.mask_lidar == lidar).all()
    assert (found.mask_camera == camera).all()
    # What stands on the road is above it, along the grid's last axis.
    road, cars = (np.argwhere(semantics == NUSCENES.id_of(name)) for name in ("driveable_surface", "car"))
    assert np.median(cars[:, 2]) > np.median(road[:, 2])


def as_type(dtype: str, order: str = "C") -> bytes:
    content = np.frombuffer(bytes(golden()["semantics"]), np.uint8).reshape(SHAPE).astype(dtype)
    shown = np.dtype(dtype).str
    return npy(content.tobytes(order), descr=shown, order=str(order == "F"))  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["i1", "u2", ">i4", "i8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_whole_numbers_in_any_order(dtype: str, order: str, tmp_path: Path) -> None:
    mask = npy(bytes(golden()["mask_lidar"]), descr="|b1")
    write(tmp_path, SCENE, TOKEN, golden_npz(semantics=as_type(dtype, order), mask_lidar=mask))
    found = read(tmp_path)
    assert at(found.occupied) == set(KERB)
    assert found.mask_lidar.dtype == np.uint8


def changed(key: str, voxel: tuple[int, int, int], value: int, dtype: str = "|i1") -> bytes:
    content = golden()[key]
    content[place(voxel)] = value % 256
    return npy(bytes(content), descr=dtype)


def bomb() -> bytes:
    """A header's length of a gigabyte, and one of zeros behind it: 1 MB of file."""
    return b"\x93NUMPY\x02\x00" + (1 << 30).to_bytes(4, "little") + bytes(1 << 24)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty zip": (lambda: npz({}), f"label file holds no array 'semantics' {WHERE}: found no array; give labels"),
    "no zip": (lambda: b"not an archive", f"label file cannot be read {WHERE}: found File is not a zip file, expected a whole .npz"),
    "cut": (lambda: golden_npz()[:1000], f"label file cannot be read {WHERE}: found File is not a zip file"),
    "no mask": (lambda: golden_npz(mask_camera=None), f"label file holds no array 'mask_camera' {WHERE}: found arrays semantics, mask_lidar;"),
    "float": (lambda: golden_npz(semantics=as_type("f4")), f"semantics has the wrong type {WHERE}: found float32, expected whole numbers"),
    "object": (lambda: golden_npz(semantics=npy(b"cos\nsystem\n", descr="|O")), "found object, expected whole numbers"),
    "flat": (lambda: golden_npz(semantics=npy(bytes(640_000), (640_000,))), f"semantics has the wrong number of axes {WHERE}: found [640000], expected [200, 200, 16]"),
    "turned": (lambda: golden_npz(mask_lidar=npy(bytes(640_000), (16, 200, 200))), "mask_lidar has the wrong shape " + WHERE + ": found [16, 200, 200], expected [200, 200, 16]"),
    "huge": (lambda: golden_npz(semantics=npy(b"", (1 << 20, 1 << 20, 16))), "found [1048576, 1048576, 16], expected"),
    "bomb": (lambda: golden_npz(semantics=bomb()), "label file cannot be read"),
    "short": (lambda: golden_npz(semantics=npy(bytes(639_999))), "found an array of less than the 640000 bytes it tells of"),
    "long": (lambda: golden_npz(semantics=npy(bytes(1 << 26))), "found an array of more than the 640000 bytes it tells of"),
    "no header": (lambda: golden_npz(semantics=b"PK"), "label file cannot be read"),
    "newer": (lambda: golden_npz(semantics=b"\x93NUMPY\x09\x00" + bytes(99)), "found an .npy header of version (9, 0)"),
    "id": (lambda: golden_npz(semantics=changed("semantics", (7, 150, 3), 18)), f"semantics holds an id that is no class {WHERE}: found 18 at [x, y, z] = [7, 150, 3], expected 0 to 16, or 17 for free; give"),
    "negative": (lambda: golden_npz(semantics=changed("semantics", (199, 0, 15), -1)), "found -1 at [x, y, z] = [199, 0, 15], expected"),
    "ignored": (lambda: golden_npz(semantics=npy(b"\xff" * 640_000)), "found 255 at [x, y, z] = [0, 0, 0], and 639999 more, expected"),
    "mask": (lambda: golden_npz(mask_camera=changed("mask_camera", (1, 2, 3), 2)), f"mask_camera is no mask {WHERE}: found 2 at [x, y, z] = [1, 2, 3], expected 0 or 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name: str, tmp_path: Path) -> None:
    content, words = BAD[name]
    write(tmp_path, SCENE, TOKEN, content())
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as caught:
            read(tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert words in str(caught.value)
    assert (caught.value.file, caught.value.scene, caught.value.frame) == (FILE, SCENE, TOKEN)
    assert str(tmp_path) not in str(caught.value)
    assert peak < 30_000_000, "no more is unpacked than the arrays that are expected"


def test_flipped_bytes_are_noticed(tmp_path: Path) -> None:
    whole = bytearray(golden_npz())
    for start in (60, len(whole) // 3, len(whole) // 2):
        content = bytearray(whole)
        content[start] ^= 0x10
        write(tmp_path, SCENE, TOKEN, bytes(content))
        with pytest.raises(InputError):
            read(tmp_path)


def test_a_file_far_too_large_is_not_opened(tmp_path: Path) -> None:
    with write(tmp_path, SCENE, TOKEN).open("r+b") as file:
        file.truncate(1 << 32)
    with pytest.raises(InputError, match=r"label file is too large .*found 4294967296 bytes, expected at most"):
        read(tmp_path)


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    outside = write(tmp_path / "other", SCENE, TOKEN)
    inside = write(tmp_path / "root", SCENE, TOKEN)
    inside.unlink()
    inside.symlink_to(outside)
    with pytest.raises(InputError, match="leads out of the data root"):
        read(tmp_path / "root")


def test_whichever_folder_is_named_it_is_one_log(tmp_path: Path) -> None:
    write(tmp_path / "a", SCENE, TOKEN)
    write(tmp_path / "a", "scene-0003", "cc")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "gts").symlink_to(tmp_path / "a" / "gts")
    (tmp_path / "a" / "gts" / ".cache" / "x").mkdir(parents=True)
    (tmp_path / "a" / "gts" / "nothing" / "here").mkdir(parents=True)
    logs = [Occ3DSource(tmp_path / name) for name in ("a", "a/gts", "linked")]
    assert {log.data_root for log in logs} == {tmp_path / "a"}
    assert [log.scene_names() for log in logs] == [[SCENE, "scene-0003"]] * 3
    (tmp_path / "a" / "gts").rename(tmp_path / "scenes")
    bare = tables_of(Occ3DSource(tmp_path / "scenes"))
    assert bare[SCENE].point_files == [f"{SCENE}/{TOKEN}/labels.npz"]


def test_frames_without_scenes_are_one_scene(tmp_path: Path) -> None:
    for token in ("b", "a"):
        write(tmp_path, "street-7", token)
    (tmp_path / "gts" / "street-7").rename(tmp_path / "street-7")
    (tables,) = tables_of(Occ3DSource(tmp_path / "street-7")).values()
    assert (tables.scene, tables.frame_tokens) == ("street-7", ["a", "b"])
    assert tables.point_files == ["a/labels.npz", "b/labels.npz"]


def test_folders_that_are_not_meant(tmp_path: Path) -> None:
    assert Occ3DSource.versions(tmp_path) == []
    write(tmp_path, SCENE, TOKEN)
    assert Occ3DSource.versions(tmp_path) == ["nuscenes"]
    write(tmp_path, TOKEN, ".").rename(tmp_path / "gts" / SCENE / "labels.npz")
    with pytest.raises(UsageError, match="the folder holds frames beside scenes"):
        Occ3DSource(tmp_path)


def test_without_annotations_frames_are_in_order_of_their_tokens(tmp_path: Path) -> None:
    for token in ("b2", "c3", "a1"):
        write(tmp_path, SCENE, token)
    source = Occ3DSource(tmp_path)
    (caveat,) = source.caveats
    assert "no annotations.json" in caveat
    assert "half a second apart" in caveat
    tables = tables_of(source)[SCENE]
    assert tables.frame_tokens == ["a1", "b2", "c3"]
    assert tables.timestamps_ns.tolist() == [0, 500_000_000, 1_000_000_000]
    assert (tables.world_SE3_ego == np.eye(4)).all()
    assert (tables.split, tables.point_columns, tables.key_sweeps.tolist()) == ("", 0, [0, 1, 2])


def test_annotations_order_frames_and_say_where_the_vehicle_was(tmp_path: Path) -> None:
    for token in ("b2", "c3", "a1"):
        write(tmp_path, SCENE, token)
    write(tmp_path, "scene-0003", "z")
    write(tmp_path, "scene-0009", "z")
    start = 1_531_883_530_437_525
    scene = {"a1": frame(str(start + 500_000), 4.0), "c3": frame(start, 2.0), "b2": frame(str(start + 1_000_001), 6.0)}
    annotate(tmp_path, {SCENE: scene, "scene-0003": {"z": frame("5")}, "scene-0009": {"z": frame("5")}})
    source = Occ3DSource(tmp_path)
    assert source.caveats == ()
    assert source.table_files() == ["annotations.json"]
    found = tables_of(source)
    assert [found[name].split for name in (SCENE, "scene-0003", "scene-0009")] == ["train", "val", ""]
    tables = found[SCENE]
    assert tables.frame_tokens == ["c3", "a1", "b2"]
    assert tables.point_files[0] == f"gts/{SCENE}/c3/labels.npz"
    assert tables.timestamps_ns.tolist() == [start * 1000, start * 1000 + 500_000_000, start * 1000 + 1_000_001_000]
    want = np.array([[0, -1, 0, 4], [1, 0, 0, -2], [0, 0, 1, 0.5], [0, 0, 0, 1]])
    assert np.allclose(tables.world_SE3_ego[1], want)


def test_frames_that_are_told_of_but_not_there_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, SCENE, "a1")
    write(tmp_path, SCENE, "b2").write_bytes(b"")
    annotate(tmp_path, {SCENE: {"a1": frame(5), "c3": frame(7), "b2": frame(9)}})
    source = Occ3DSource(tmp_path)
    found = preflight(source.data_root, tables_of(source)[SCENE])
    (problem,) = found.problems
    assert str(problem) == (
        f"label file is empty (file gts/{SCENE}/b2/labels.npz, scene {SCENE}, frame b2): found 0 bytes; download the file again"
    )
    write(tmp_path, SCENE, "b2")
    found = preflight(source.data_root, tables_of(source)[SCENE])
    assert found.tables is not None
    assert found.tables.frame_tokens == ["a1", "b2"]
    assert found.warnings == (f"scene {SCENE}: 1 of 3 key frames are missing, first gts/{SCENE}/c3/labels.npz",)


def test_frames_alone_with_annotations(tmp_path: Path) -> None:
    write(tmp_path, "street-7", "a")
    (tmp_path / "gts" / "street-7").rename(tmp_path / "street-7")
    annotate(tmp_path / "street-7", {"street-7": {"a": frame(9), "z": frame(4)}})
    (tables,) = tables_of(Occ3DSource(tmp_path / "street-7")).values()
    assert tables.point_files == ["z/labels.npz", "a/labels.npz"]


def test_tokens_that_climb_out_are_refused(tmp_path: Path) -> None:
    write(tmp_path, SCENE, TOKEN)
    annotate(tmp_path, {SCENE: {TOKEN: frame(9), "../../../secret": frame(4)}})
    (error,) = Occ3DSource(tmp_path).index()
    assert isinstance(error, InputError)
    assert "climbs out of its folder" in str(error)


POSE = {"rotation": [1, 0, 0, 0], "translation": [0, 0, 0]}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no scene": ({}, f"'{SCENE}' is not usable (file annotations.json, scene {SCENE}): found nothing, expected an object; mend it, or"),
    "no frame": ({SCENE: {"x": frame(5)}}, f"annotations.json does not tell of a frame that has labels (file annotations.json, scene {SCENE}, frame a1)"),
    "no time": ({SCENE: {"a1": {"ego_pose": POSE}, "b2": frame(5)}}, f"'timestamp' is not usable (file annotations.json, scene {SCENE}, frame a1): found nothing, expected microseconds"),
    "token for time": ({SCENE: {"a1": frame("b5e8"), "b2": frame(5)}}, "frame a1): found 'b5e8', expected microseconds, a whole number; mend it, or take annotations.json away"),
    "seconds": ({SCENE: {"a1": frame(1.5e9), "b2": frame(5)}}, "found 1500000000.0, expected microseconds"),
    "beyond": ({SCENE: {"a1": frame("9" * 5000), "b2": frame(5)}}, "expected microseconds"),
    "same time": ({SCENE: {"a1": frame(5), "b2": frame("5")}}, "frame b2): found 5, as frame a1, expected another one"),
    "no pose": ({SCENE: {"a1": {"timestamp": 4}, "b2": frame(5)}}, f"'ego_pose' is not usable (file annotations.json, scene {SCENE}, frame a1): found nothing, expected an object"),
    "no turn": ({SCENE: {"a1": frame(4, ego_pose={"translation": [0, 0, 0]}), "b2": frame(5)}}, "table row a1: field 'rotation' is not usable"),
    "no unit": ({SCENE: {"a1": frame(4, ego_pose=POSE | {"rotation": [2, 0, 0, 0]}), "b2": frame(5)}}, "pose is not a rigid transform"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_annotations_of_a_scene_that_are_refused(name: str, tmp_path: Path) -> None:
    for token in ("a1", "b2"):
        write(tmp_path, SCENE, token)
    write(tmp_path, "scene-0003", "z")
    scenes, words = WRONG[name]
    annotate(tmp_path, scenes | {"scene-0003": {"z": frame(9)}})
    error, other = Occ3DSource(tmp_path).index()
    assert isinstance(error, InputError)
    assert words in str(error)
    assert error.scene == SCENE
    assert isinstance(other, LoggedScene), "other scenes are not touched"


@pytest.mark.parametrize(
    ("top", "words"),
    [
        ({"scene_infos": []}, "'scene_infos' is not usable (file annotations.json): found list, expected an object"),
        ({"train_split": "all"}, "'train_split' is not usable (file annotations.json): found 'all', expected a list"),
    ],
)
def test_annotations_that_are_refused(top: dict[str, Any], words: str, tmp_path: Path) -> None:
    write(tmp_path, SCENE, TOKEN)
    annotate(tmp_path, {}, **top)
    with pytest.raises(InputError) as caught:
        list(Occ3DSource(tmp_path).index())
    assert words in str(caught.value)


def test_a_scene_in_both_splits_is_refused(tmp_path: Path) -> None:
    write(tmp_path, SCENE, TOKEN)
    annotate(tmp_path, {SCENE: {TOKEN: frame(5)}}, val_split=[SCENE])
    (error,) = Occ3DSource(tmp_path).index()
    assert isinstance(error, InputError)
    assert "the scene is in both splits" in str(error)


def test_scenes_that_are_asked_for(tmp_path: Path) -> None:
    for scene in (SCENE, "scene-0003", "a scene"):
        write(tmp_path, scene, TOKEN)
    source = Occ3DSource(tmp_path)
    (found,) = source.index(["scene-0003"])
    assert isinstance(found, LoggedScene)
    assert found.cameras.names == []
    with pytest.raises(UsageError, match="no scene 'scene-2' here"):
        list(source.index(["scene-2"]))
    (odd,) = source.index(["a scene"])
    assert isinstance(odd, InputError)
    assert "scene name cannot be a folder name" in str(odd)


def test_a_frame_more_is_another_log(tmp_path: Path) -> None:
    write(tmp_path, SCENE, "a1")
    before = Occ3DSource(tmp_path).identity()
    assert Occ3DSource(tmp_path).identity() == before
    write(tmp_path, SCENE, "b2")
    assert Occ3DSource(tmp_path).identity() != before


def test_any_frame_reads_back(tmp_path: Path) -> None:
    made = arrays(3)
    path = write(tmp_path, SCENE, TOKEN)
    np.savez(path, **made)
    found = read(tmp_path)
    assert (found.semantics == made["semantics"]).all()
    assert (found.mask_camera == made["mask_camera"]).all()


def test_formats_are_named_as_they_are_typed() -> None:
    for name, source in LABEL_FORMATS.items():
        assert source.name == name
        assert source.licence
        assert source.layout
