"""Published labels in the place of a raw log, as a user runs them: from a folder to offsets and pictures, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.cli import complete
from occ_pipeline.pipeline.cli.options import stages_of
from occ_pipeline.pipeline.published import FORMATS, PARAMETERS, LabelsAsked
from occ_pipeline.pipeline.registry import STAGES
from occ_pipeline.pipeline.sources import LABEL_FORMATS, STORED_FORMATS
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.instance_offsets import InstanceOffsets
from occ_pipeline.schemas.occupancy import ReferenceOccupancy, State
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.stages.voxnt import instance_offsets, run_classes
from occ_pipeline.tests.pipeline.cli.command import command, digest
from occ_pipeline.tests.pipeline.program import Program
from occ_pipeline.tests.pipeline.sources.occ3d_log import annotate, arrays, frame, golden_npz, write
from PIL import Image

SCENE, BAD = "scene-0001", "scene-0003"


def check(store: Path, scene: str, folder: Path) -> None:
    """The store's labels and offsets of a scene are those of its files."""
    opened = Store.open(store)
    products = read_index(opened).scenes[scene].products
    labels, offsets, tables = (
        opened.reader(scene, kind, products[kind.name]) for kind in (ReferenceOccupancy, InstanceOffsets, SceneTables)
    )
    assert labels.attribute("frame_tokens") == tables.attribute("frame_tokens")
    for row, token in enumerate(labels.attribute("frame_tokens")):
        with np.load(folder / token / "labels.npz", allow_pickle=False) as kept:
            semantics, lidar, camera = (kept[name] for name in ("semantics", "mask_lidar", "mask_camera"))
        observed = (lidar == 1) | (camera == 1)
        state = np.where(semantics < 17, State.OCCUPIED, np.where(observed, State.FREE, State.UNKNOWN)).astype(np.uint8)
        classes = np.where(semantics < 17, semantics, 255).astype(np.uint8)
        for name, want in (("state", state), ("semantics", classes), ("mask_lidar", lidar), ("mask_camera", camera)):
            assert (labels.rows(name, row, row + 1)[0] == want).all(), name
        assert (offsets.rows("offsets", row, row + 1)[0] == instance_offsets(run_classes(state, classes))).all()
    assert offsets.attribute("labels") == "reference_occupancy"
    assert (labels.read("world_SE3_grid") == tables.read("world_SE3_ego")).all()


def test_from_a_folder_to_offsets(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    log, store = tmp_path / "occ3d", tmp_path / "x.zarr"
    for seed, token in enumerate(("b2", "a1")):
        np.savez_compressed(write(log, SCENE, token), **arrays(seed))
    write(log, BAD, "c3", golden_npz(mask_camera=None))
    annotate(log, {SCENE: {"b2": frame(5_000_000), "a1": frame("5500000", 3.0)}, BAD: {"c3": frame(7)}})
    words = ("run", "voxnt", "--labels", f"occ3d:{log}", "--out", store, "--workers", 1)

    ended = command(*words)
    assert ended.code == 3, ended.err
    (line,) = ended.errors
    assert f"label file holds no array 'mask_camera' (file gts/{BAD}/c3/labels.npz, scene {BAD}, frame c3)" in line
    assert ended.warnings == []
    check(store, SCENE, log / "gts" / SCENE)
    before = digest(store, SCENE)

    write(log, BAD, "c3")
    ended = command(*words, "--json")
    assert ended.code == 0, ended.err
    assert {name: list(scene["ran"]) for name, scene in ended.json["scenes"].items()} == {
        SCENE: [], BAD: ["import-labels", "voxnt"]
    }  # fmt: skip
    check(store, BAD, log / "gts" / BAD)
    assert digest(store, SCENE) == before

    monkeypatch.chdir(tmp_path)
    for more in ((), ("--stage", "import-labels", "--scene", BAD), ("--html",)):
        code, out, err = program.told("show", store, *more)
        assert code == 0, err
        assert (tmp_path / out.strip()).stat().st_size > 1000
    with Image.open(tmp_path / f"{SCENE}-middle.png") as picture:
        assert picture.width == 1600
    code, _, err = program.told("show", store, "--dataroot", log)
    assert (code, "published labels come without scans" in err) == (2, True)
    for each in ("status", "quality", "validate", "verify"):
        code, out, err = program.told(each, store)
        assert code == 0, err
        assert "reference" in out or each in ("validate", "verify")
    card = program("card", store, "--json").json
    assert card["source"]["licence"].startswith("MIT (Occ3D), made from nuScenes: CC BY-NC-SA 4.0")
    assert card["splits"] == {"train": 1, "val": 1}
    assert card["labels"][0]["key_frames"] == 3


def test_the_real_file(recordings: Path, tmp_path: Path, program: Program) -> None:
    log, store = recordings / "occ3d", tmp_path / "x.zarr"
    ended = command("run", "voxnt", "--labels", f"occ3d:{log}", "--out", store, "--workers", 1)
    assert ended.code == 0, ended.err
    assert [line[:49] for line in ended.warnings] == ["warning: no annotations.json beside the labels: f"]
    check(store, "occ3d", log)
    found = program("compare", store, "--reference", f"occ3d:{log}", "--mask", "camera", "--json").json
    assert (found["iou"], found["miou"], found["space"]["voxels"]) == (1, 1, 43_355)
    assert found["left_out"] == {
        "outside": 640_000 - 43_355, "unknown": 0, "unlabelled": 0, "unlabelled_judged": True
    }  # fmt: skip


REFUSED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "dataroot": (("voxnt", "--labels", "occ3d:{log}", "--dataroot", "{log}"), ("--labels and --dataroot exclude each other", "stand in for a raw log")),
    "dataset": (("voxnt", "--labels", "occ3d:{log}", "--dataset", "nuscenes"), ("--labels and --dataset exclude",)),
    "version": (("voxnt", "--labels", "occ3d:{log}", "--version", "v1.0-mini"), ("--labels and --version exclude",)),
    "grid": (("voxnt", "--labels", "occ3d:{log}", "--grid", "occ3d"), ("--labels and --grid exclude", "a grid of their own")),
    "format": (("voxnt", "--labels", "occ4d:{log}"), ("--labels cannot be read", "found occ4d:", "expected FORMAT:DIR, FORMAT one of occ3d, surroundocc")),
    "no folder": (("import-labels", "--labels", "occ3d:"), ("--labels cannot be read", "expected FORMAT:DIR, FORMAT one of occ3d, surroundocc")),
    "no format": (("densify", "--labels", "carved_occupancy"), ("--labels cannot be read", "found carved_occupancy")),
    "gone": (("voxnt", "--labels", "occ3d:{log}/gone"), ("the folder of labels is no folder", "{log}/gone", "--labels")),
    "other folder": (("voxnt", "--labels", "occ3d:{log}/imgs"), ("holds no labels of occ3d", "found CAM_FRONT", "gts/SCENE/TOKEN/labels.npz")),
    "sweeps": (("densify", "--labels", "occ3d:{log}"), ("reads sweeps, and --labels gives none", "a run of densify", "run import-labels or", "voxnt", "give --dataroot")),
    "own setting": (("voxnt", "--labels", "occ3d:{log}", "--set", "voxnt.product=carved_occupancy"), ("reads sweeps, and --labels gives none", "use --set voxnt.product=reference_occupancy, or give --dataroot")),
    "all": (("all", "--labels", "occ3d:{log}"), ("reads sweeps, and --labels gives none",)),
    "images": (("image-labels", "--labels", "occ3d:{log}"), ("stage image-labels reads 2D labels of images, and --labels gives none",)),
    "no labels": (("import-labels",), ("stage import-labels reads published labels, and a raw log has none", "--labels FORMAT:DIR")),
    "scene": (("voxnt", "--labels", "occ3d:{log}", "--scenes", "scene-7"), ("no such scene", "scene-7", "scene-0001")),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, tmp_path: Path, program: Program) -> None:
    log = tmp_path / "occ3d"
    write(log, SCENE, "a1")
    (log / "imgs" / "CAM_FRONT").mkdir(parents=True)
    args, says = REFUSED[name]
    ended = program("plan", *(arg.format(log=log) for arg in args), "--out", tmp_path / "x.zarr")
    assert (ended.code, ended.out) == (2, ""), ended.err
    (line,) = ended.errors
    for words in says:
        assert words.format(log=log) in line
    if name != "scene":
        assert not (tmp_path / "x.zarr").exists()


def test_products_of_labels_need_what_makes_them(tmp_path: Path, program: Program) -> None:
    code, _, err = program.told("run", "voxnt", "--product", "reference_occupancy", "--out", tmp_path / "x.zarr")
    assert (code, "stage import-labels reads published labels" in err) == (2, True)
    assert not (tmp_path / "x.zarr").exists()


def test_stages_that_work_on_labels_are_given_these_unless_a_user_says_otherwise() -> None:
    asked = LabelsAsked.parse("occ3d:~/labels:of/mine")
    assert (asked.format, asked.folder) == ("occ3d", Path("~/labels:of/mine").expanduser())
    for name, values in PARAMETERS.items():
        if name in STAGES:
            chosen = stages_of(None, None, None, {}, None, asked)[name]
            assert {key: getattr(chosen, key) for key in values} == values
    for given in (
        {"recipe": {"voxnt": {"product": "surface_occupancy"}}},
        {"options": {"voxnt": {"product": "surface_occupancy"}}},
    ):
        stages = stages_of(None, None, None, given.get("options", {}), given.get("recipe"), asked)
        assert stages["voxnt"] == STAGES["voxnt"](product="surface_occupancy")  # type: ignore[call-arg]
    assert stages_of(None, ["voxnt.product=surface_occupancy"], None, {}, None, asked)["voxnt"].reads()[0].name == "surface_occupancy"  # fmt: skip
    assert stages_of(None, None, None, {})["voxnt"] == STAGES["voxnt"]()


def test_formats_that_help_names_are_those_there_are() -> None:
    assert tuple(LABEL_FORMATS) == FORMATS
    assert not {*complete.datasets("")} & {*STORED_FORMATS}, "a store of labels is none of a log"
