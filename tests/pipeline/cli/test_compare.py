"""``occ-pipeline compare`` as a user types it: sides, masks, bands, the picture, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from occ_pipeline.pipeline.cli.compare import BANDS, MASKS
from occ_pipeline.pipeline.cli.complete import bands
from occ_pipeline.pipeline.compare_bands import KINDS
from occ_pipeline.pipeline.published import FORMATS
from occ_pipeline.pipeline.sides import MASKS as ALL_MASKS
from occ_pipeline.tests.pipeline.cli.conftest import Clean
from occ_pipeline.tests.pipeline.cli.test_complete import completed
from occ_pipeline.tests.pipeline.program import Program
from occ_pipeline.tests.pipeline.sources.label_files import GOLDEN, write_files
from occ_pipeline.tests.pipeline.taken_over import taken_over
from PIL import Image


def test_names_that_help_has_are_those_there_are() -> None:
    assert tuple(KINDS) == BANDS
    assert tuple(ALL_MASKS) == MASKS


def test_a_store_against_itself_and_the_truth_against_it(clean: Clean, log: Path, program: Program) -> None:
    found = program("compare", clean.store, "--reference", clean.store, "--json").json
    parts = [found, *(found[kind] for kind in ("static", "moving_rigid")), *found["by_distance"], *found["by_height"]]
    judged = [part for part in parts if part["true"]]
    assert all(part["iou"] == part["precision"] == part["recall"] == 1 for part in judged)
    assert len(judged) > 6
    assert (found["miou"], found["frames"], len(found["fingerprints"])) == (1, 6, 2)
    assert "the reference calls no voxel free" in found["remarks"][0]
    measured = program("compare", clean.store, "--reference", f"truth:{log}", "--json").json
    turned = program("compare", f"truth:{log}", "--reference", clean.store, "--json").json
    # Nothing is known to be free in these labels: that the truth has more is not judged.
    assert turned["recall"] == pytest.approx(measured["precision"])
    assert (turned["precision"], turned["fingerprints"]) == (1, {})
    assert "static" in measured
    assert "static" not in turned


def test_tables_and_the_picture(clean: Clean, log: Path, tmp_path: Path, program: Program) -> None:
    path = tmp_path / "d.png"
    words = ("compare", clean.store, "--reference", f"truth:{log}", "--mask", "boxes")
    ended = program(*words, "--by", "height", "--by", "distance", "--picture", path)
    assert ended.code == 0, ended.err
    assert ended.out.endswith(f"{path}\n")
    told = " ".join(ended.out.split())
    assert told.index("-2 to -1 m") < told.index("by horizontal distance") < told.index("0 to 10 m")
    assert "inside the mask boxes of surface_occupancy of clean.zarr" in told
    with Image.open(path) as picture:
        assert picture.width == 1600
    again = program(*words, "--picture", path, "--scene", "scene-0002", "--frame", 1, "--json")
    assert "picture of key frame 1 of scene-0002:" in again.err
    found = again.json
    assert found["picture"] == str(path)
    worst = found["worst"]
    assert f"of {worst['scene']}, the one with the lowest IoU: {worst['frame']}" in ended.err
    assert worst["iou"] <= found["iou"] <= 1
    assert found["left_out"]["outside"] == 6 * 64 * 64 * 16 - found["space"]["voxels"]


REFUSED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mask": (("--mask", "ladar"), ("no mask is called 'ladar'", "did you mean 'lidar'?")),
    "no mask": (("--mask", "camera"), ("neither side tells what a camera observed", "boxes of surface_occupancy of clean.zarr; none of the exact truth", "labels that occ-pipeline run visibility made")),
    "bands": (("--by", "heigth"), ("no kind of bands is called 'heigth'",)),
    "frame": (("--frame", "1"), ("--scene and --frame are of a picture", "give --picture")),
    "picture": (("--picture", "{tmp}/d.jpg"), ("another ending", "d.png")),
    "scene": (("--picture", "{tmp}/d.png", "--scene", "scene-7"), ("no key frame of this scene was compared", "scene-0001, scene-0002")),
    "number": (("--picture", "{tmp}/d.png", "--frame", "7"), ("no such key frame", "expected 0 to 2")),
    "product": (("--reference-product", "refined_labels"), ("--reference-product names labels of a store", "leave it out")),
    "no product": (("--product", "refined_labels"), ("no scene has refined_labels",)),
    "other product": (("--product", "labels"), ("no product of voxel labels is called 'labels'",)),
    "grid": (("--reference", "occ3d:{tmp}/occ3d"), ("lie on different grids", "64 x 64 x 16 of 0.4 m", "expected occ3d (200 x 200 x 16")),
    "classes": (("--reference", "monoscene:{tmp}/monoscene"), ("classes that nothing maps", "nuscenes_lidarseg of surface_occupancy of clean.zarr", "semantickitti, as monoscene labels in monoscene")),
    "empty folder": (("--reference", "surroundocc:{tmp}"), ("holds no labels of surroundocc", "correct the folder's name, or the format")),
    "kind": (("--reference", "occ4d:{tmp}"), ("no such labels: found occ4d:", "NAME.zarr, truth:DIR", f"FORMAT one of {', '.join(FORMATS)}")),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, clean: Clean, log: Path, tmp_path: Path, program: Program) -> None:
    for form in ("occ3d", "monoscene"):
        if any(form in word for word in REFUSED[name][0]):
            write_files(tmp_path / form, GOLDEN[form]())
    args, says = REFUSED[name]
    given = [arg.format(tmp=tmp_path) for arg in args]
    reference = () if "--reference" in given else ("--reference", f"truth:{log}")
    ended = program("compare", clean.store, *reference, *given)
    assert (ended.code, ended.out) == (2, ""), ended.err
    (line,) = ended.errors
    for words in says:
        assert words in line


def test_formats_of_one_grid(tmp_path: Path, program: Program) -> None:
    """SSCBench's names and classes differ from SemanticKITTI's, MonoScene's do not."""
    for name in ("semantickitti", "monoscene"):
        write_files(tmp_path / name, GOLDEN[name]())
    words = ("compare", f"monoscene:{tmp_path}/monoscene", "--reference", f"semantickitti:{tmp_path}/semantickitti")
    found = program(*words, "--json", "--mask", "lidar").json
    # One occupied voxel in seven has no class, which MonoScene ignores.
    assert (found["iou"], found["miou"], found["left_out"]["unlabelled"]) == (6 / 7, 1, 1)
    assert found["left_out"]["outside"] == 256 * 256 * 32 - 8
    skipping = program(*words, "--json", "--skip-unlabelled").json
    assert (skipping["iou"], skipping["left_out"]["unlabelled_judged"]) == (1, False)


def test_a_card_takes_no_figures_of_labels_in_no_store(tmp_path: Path, program: Program) -> None:
    write_files(tmp_path / "log", GOLDEN["occ3d"]())
    store = taken_over("occ3d", tmp_path / "log", tmp_path / "x.zarr")
    reference = f"occ3d:{tmp_path}/log"
    assert program("card", store.path, "--reference", reference, "--json").json["quality"]["iou"] == 1
    assert "Against occ3d labels in log" in program("card", store.path, "--reference", reference).out
    path = tmp_path / "q.json"
    path.write_text(program("compare", reference, "--reference", store.path, "--json").out)
    ended = program("card", store.path, "--quality", path)
    assert ended.code == 2
    assert "measured of labels in no store" in ended.err


def test_completion(tmp_path: Path) -> None:
    assert completed("compare", "a.zarr", "--mask", "b", cwd=tmp_path) == ["boxes"]
    assert bands("d") == ["distance"]
