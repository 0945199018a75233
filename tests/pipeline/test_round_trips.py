"""Published labels of every format that are taken over and exported again, bit for bit, and what cannot be exported."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.exports import EXPORTS
from occ_pipeline.pipeline.store.index import update_index
from occ_pipeline.pipeline.store.store import Store, StoreIdentity
from occ_pipeline.schemas.flow import OccupancyFlow, ReferenceFlow
from occ_pipeline.schemas.grid import GRIDS
from occ_pipeline.schemas.occupancy import Body, CarvedOccupancy, ReferenceOccupancy, State
from occ_pipeline.schemas.product import Product
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.tests.pipeline.cli.command import command
from occ_pipeline.tests.pipeline.judged_store import commit
from occ_pipeline.tests.pipeline.program import Program
from occ_pipeline.tests.pipeline.sources.label_files import GOLDEN, floats, write_files
from occ_pipeline.tests.pipeline.taken_over import taken_over
from occ_pipeline.tests.stages.small_world import pose, tables_of


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files_of(folder: Path) -> dict[str, object]:
    """Bytes by path; of an archive those of its members, since a compressor may choose."""
    made = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: members(content) if name.endswith(".npz") else content for name, content in made.items()}


@pytest.mark.parametrize("name", GOLDEN)
def test_files_come_out_as_they_went_in(name: str, tmp_path: Path, program: Program) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    write_files(log, GOLDEN[name]())
    store = taken_over(name, log, tmp_path / "x.zarr")
    more = ("--dataroot", log) if EXPORTS[name].wants_scan else ()
    ended = program("export", store.path, "--format", name, "--out", out, *more)
    assert ended.code == 0, ended.err
    assert EXPORTS[name].convention[:40] in ended.err
    assert files_of(out) == files_of(log)
    for words in ((store.path, "--reference", f"{name}:{out}"), (f"{name}:{log}", "--reference", store.path)):
        found = program("compare", *words, "--json").json
        assert (found["iou"], found["miou"], found["precision"], found["recall"]) == (1, 1, 1, 1)
        assert found["left_out"]["unlabelled"] == (0 if name in {"occ3d", "openocc", "monoscene"} else 1)
        assert (found["only_in_store"], found["only_in_reference"]) == ({}, {})


def test_one_format_becomes_another_of_the_same_grid_and_classes(tmp_path: Path, program: Program) -> None:
    write_files(tmp_path / "log", GOLDEN["semantickitti"]())
    store = taken_over("semantickitti", tmp_path / "log", tmp_path / "x.zarr")
    for name, more in (("monoscene", ()), ("sscbench-kitti360", ("--dataroot", tmp_path / "log"))):
        ended = program("export", store.path, "--format", name, "--out", tmp_path / name, *more)
        assert ended.code == 0, ended.err
    assert files_of(tmp_path / "monoscene") == GOLDEN["monoscene"]()
    found = files_of(tmp_path / "sscbench-kitti360")
    assert found["preprocess/labels/08/000015_1_1.npy"] == floats({"car": 1, "sidewalk": 9, "vegetation": 13})


REFUSED = {
    "no flow": ("occ3d", "openocc", ("format openocc holds velocities", "published labels of a format without", "choose another --format")),
    "no scan": ("monoscene", "semantickitti", ("format semantickitti holds the scans' own voxels", "found published labels of monoscene, which have none")),
    "classes": ("sscbench-kitti360", "semantickitti", ("format semantickitti has classes of semantickitti", "found labels of sscbench_kitti360")),
    "classes of one": ("occ3d", "sscbench-kitti360", ("format sscbench-kitti360 has classes of sscbench_kitti360 or semantickitti", "found labels of nuscenes_lidarseg")),
    "grid": ("surroundocc", "openoccupancy", ("format openoccupancy has a grid of its own", "expected openoccupancy (512 x 512 x 40 of 0.2 m, lidar frame)")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_format_cannot_be_made_of(case: str, tmp_path: Path, program: Program) -> None:
    name, other, words = REFUSED[case]
    write_files(tmp_path / "log", GOLDEN[name]())
    store = taken_over(name, tmp_path / "log", tmp_path / "x.zarr")
    more = ("--dataroot", tmp_path / "log") if EXPORTS[other].wants_scan else ()
    ended = program("export", store.path, "--format", other, "--out", tmp_path / "out", *more)
    assert ended.code == 2
    assert all(each in ended.err for each in words), ended.err
    assert not (tmp_path / "out").exists()


def carved(shape: tuple[int, ...], grid: str, tables: SceneTables) -> CarvedOccupancy:
    state, semantics, body = np.zeros((1, *shape), np.uint8), np.full((1, *shape), 255, np.uint8), np.zeros((1, *shape), np.uint8)  # fmt: skip
    state[0, 3, 7, 1], semantics[0, 3, 7, 1], body[0, 3, 7, 1] = State.OCCUPIED, 4, Body.RIGID
    state[0, 5, 1, 2], semantics[0, 5, 1, 2], body[0, 5, 1, 2] = State.OCCUPIED, 11, Body.STATIC
    return CarvedOccupancy(
        state=state, semantics=semantics, body=body, mask_lidar=state, mask_camera=state, world_SE3_grid=np.eye(4)[None],
        grid=GRIDS[grid].to_json(), taxonomy=tables.taxonomy, frame_tokens=tables.frame_tokens,
    )  # fmt: skip


def test_flow_of_our_own_labels(tmp_path: Path, program: Program) -> None:
    tables = tables_of([pose(0, 0, 0)], [0])
    store = Store.create_or_open(
        tmp_path / "x.zarr",
        StoreIdentity(dataset="nuscenes", taxonomy=tables.taxonomy, back_end="open3d", synthetic=False),
    )
    flow = OccupancyFlow(
        voxels=np.array([[3, 7, 1]], np.int16), tracks=np.zeros(1, np.int32),
        velocity_m_s=np.array([[8.5, -0.25, 3.0]], np.float32), velocity_known=np.ones(1, np.uint8),
        displacement_m=np.zeros((1, 3), np.float32), displacement_known=np.zeros(1, np.uint8), offsets=np.array([0, 1]),
        labels="carved_occupancy", frame_tokens=tables.frame_tokens,
    )  # fmt: skip
    scene = tables.scene
    made: dict[type[Product], str] = {SceneTables: commit(store, scene, tables, {})}
    made[CarvedOccupancy] = commit(
        store, scene, carved((200, 200, 16), "occ3d", tables), {SceneTables: made[SceneTables]}
    )
    words = ("export", store.path, "--format", "openocc", "--product", "carved_occupancy", "--out", tmp_path / "out")

    update_index(store, {scene: made})
    ended = program(*words)
    assert ended.code == 2
    assert "holds velocities, and the store has none of these labels" in ended.err
    assert "run occ-pipeline run flow --set flow.product=carved_occupancy first" in ended.err

    update_index(store, {scene: made | {OccupancyFlow: commit(store, scene, flow, {CarvedOccupancy: "0" * 64})}})
    assert program(*words).code == 2

    update_index(
        store, {scene: made | {OccupancyFlow: commit(store, scene, flow, {CarvedOccupancy: made[CarvedOccupancy]})}}
    )
    ended = program(*words)
    assert ended.code == 0, ended.err
    (path,) = (tmp_path / "out").rglob("labels.npz")
    with np.load(path) as found:
        assert found["semantics"][3, 7, 1] == 0
        assert found["semantics"][5, 1, 2] == 10
        assert found["flow"][3, 7, 1].tolist() == [8.5, -0.25]
        assert np.count_nonzero(found["flow"]) == 2
        assert found["flow"].dtype == np.float32


def test_files_named_by_tokens(tmp_path: Path, program: Program) -> None:
    for dataset, tokens, code in (("nuscenes", {"scene_token": "5c1e", "lidar_tokens": ["b2d4"]}, 0), ("kitti", {}, 2), ("nuscenes", {"scene_token": "..", "lidar_tokens": ["../x"]}, 1)):  # fmt: skip
        tables = tables_of([pose(0, 0, 0)], [0])
        values = {name: getattr(tables, name) for name in (*SceneTables.specs(), *SceneTables.attribute_names())}
        tables = SceneTables(**(values | {"dataset": dataset} | tokens))
        identity = StoreIdentity(dataset=dataset, taxonomy=tables.taxonomy, back_end="open3d", synthetic=False)
        store = Store.create_or_open(tmp_path / f"{code}.zarr", identity)
        made: dict[type[Product], str] = {SceneTables: commit(store, tables.scene, tables, {})}
        labels = carved((512, 512, 40), "openoccupancy", tables)
        made[CarvedOccupancy] = commit(store, tables.scene, labels, {SceneTables: made[SceneTables]})
        update_index(store, {tables.scene: made})
        out = tmp_path / f"out{code}"
        ended = program(
            "export", store.path, "--format", "openoccupancy", "--product", "carved_occupancy", "--out", out
        )
        if code == 0:
            assert ended.code == 0, ended.err
            rows = np.load(out / "scene_5c1e" / "occupancy" / "b2d4.npy")
            assert rows.tolist() == [[1, 7, 3, 4], [2, 1, 5, 11]]
            words = ("compare", f"openoccupancy:{out}", "--reference", store.path, "--json")
            ended = program(*words, "--reference-product", "carved_occupancy")
            assert ended.code == 0, ended.err
            found = ended.json
            assert (found["iou"], found["miou"], found["frames"]) == (1, 1, 1), "files are found by the log's tokens"
        elif code == 2:
            assert ended.code == 2
            assert "named by nuScenes' tokens of scene and scan" in ended.err
            assert "found labels of kitti, which has none" in ended.err
        else:
            assert ended.code != 0
            assert "climbs out of its folder" in ended.err
            assert not list(tmp_path.rglob("x.npy"))


def test_velocities_through_a_run(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log, store, out = tmp_path / "log", tmp_path / "x.zarr", tmp_path / "out"
    write_files(log, GOLDEN["openocc"]())
    ended = command("run", "import-labels", "--labels", f"openocc:{log}", "--out", store, "--workers", 1)
    assert ended.code == 0, ended.err
    assert [line for line in ended.warnings if "has no masks" in line]
    assert {*Store.open(store).path.glob("scenes/scene-0001/*")} >= {store / "scenes" / "scene-0001" / kind.name for kind in (ReferenceOccupancy, ReferenceFlow)}  # fmt: skip
    ended = program("export", store, "--format", "openocc", "--out", out)
    assert ended.code == 0, ended.err
    assert files_of(out) == files_of(log)
    for words in (("validate", store), ("verify", store), ("show", store, "--stage", "import-labels")):
        assert program(*words).code == 0
