"""What first-time users got wrong, and what they must be told instead of a wrong answer or of silence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.parameters import parse_set
from occ_pipeline.pipeline.store.index import index_errors, read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.occupancy import SurfaceOccupancy
from occ_pipeline.stages.separate import Separate
from occ_pipeline.tests.conftest import Clean
from occ_pipeline.tests.pipeline.program import Program


def group_of(store: Path, scene: str) -> Path:
    index = read_index(Store.open(store))
    return store / "scenes" / scene / "surface_occupancy" / index.scenes[scene].products[SurfaceOccupancy.name][:16]


def test_a_log_without_its_sensor_files(log: Path, tmp_path: Path, program: Program) -> None:
    shutil.copytree(log / "v1.0-mini", tmp_path / "tables" / "v1.0-mini")
    for words in (("plan", "densify"), ("run", "densify")):
        ended = program(*words, "--dataroot", tmp_path / "tables", "--out", tmp_path / "x.zarr")
        assert ended.code == 3
        assert "none of the 2 scenes has its sensor files here" in ended.err
        assert "nothing to do" not in ended.err


@pytest.mark.parametrize("command", ["plan", "run"])
def test_damage_is_seen_before_anything_runs(command: str, kept: Path, log: Path, program: Program) -> None:
    """A file cut short: the scene fails and is named, the other is done; it is not 'nothing to do'."""
    shard = next(group_of(kept, "scene-0002").glob("state/c.*"))
    shard.write_bytes(shard.read_bytes()[:-7])
    settings = log.parent / "settings.yaml"
    ended = program(command, "densify", "--dataroot", log, "--out", kept, "--config", settings, "--json")
    assert ended.code == 3
    assert "a file has another size" in ended.out
    assert "scene-0002" in ended.out


def test_verify_sees_a_lost_group_and_a_broken_index(kept: Path, program: Program) -> None:
    assert program("verify", kept).out == "every committed file is as its manifest says\n"
    shutil.rmtree(group_of(kept, "scene-0001"))
    ended = program("verify", kept, "--quick")
    assert ended.code == 6
    assert "names a surface_occupancy that is not there" in ended.err
    index = kept / "index" / "zarr.json"
    index.write_text(index.read_text()[:-40])
    assert len(index_errors(Store.open(kept))) == 1
    assert program("verify", kept, "--quick").code == 6
    index.unlink()
    ended = program("verify", kept, "--quick")
    assert ended.code == 0
    assert "no index" in ended.err


def test_quality_of_other_labels_is_refused(clean: Clean, log: Path, tmp_path: Path, program: Program) -> None:
    measured = program("compare", clean.store, "--reference", f"truth:{log}", "--json")
    path = tmp_path / "quality.json"
    path.write_text(measured.out)
    assert program("card", clean.store, "--quality", path).code == 0
    found = json.loads(measured.out)
    found["fingerprints"]["scene-0002"] = "0" * 16
    path.write_text(json.dumps(found))
    ended = program("card", clean.store, "--quality", path)
    assert ended.code == 2
    assert "the quality was measured on other labels" in ended.err
    assert "scene-0002" in ended.err


def test_a_list_as_help_shows_it() -> None:
    shown = ",".join(str(value) for value in Separate().ego_box_m)
    assert parse_set(f"separate.ego_box_m={shown}") == ("separate", "ego_box_m", list(Separate().ego_box_m))
    assert parse_set("separate.deforming_classes=[bicycle]")[2] == ["bicycle"]
    assert parse_set("separate.deforming_classes=bicycle,motorcycle")[2] == ["bicycle", "motorcycle"]
    assert parse_set("densify.knn=5")[2] == 5


WRONG: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "heights": (("--set", "separate.lowest_m=20"), ("lowest_m must lie below highest_m",)),
    "class": (("--set", "separate.deforming_classes=bycicle"), ("no class is called 'bycicle'", "'bicycle'")),
    "kept": (("--set", "visibility.kept_classes=raod"), ("no class is called 'raod'", "'road'")),
    "kept-elsewhere": (
        ("--set", "visibility.kept_classes=road"),
        ("no class of nuscenes_lidarseg is called 'road'", "parameter visibility.kept_classes"),
    ),
    "no-scene": (("--scenes", ""), ("no name is given",)),
    "file": (("--out", "{tmp}/file.zarr"), ("a file lies where the store should",)),
}


@pytest.mark.parametrize("name", WRONG)
def test_refused(name: str, log: Path, tmp_path: Path, program: Program) -> None:
    (tmp_path / "file.zarr").write_text("words")
    args, says = WRONG[name]
    given = [arg.format(tmp=tmp_path) for arg in args]
    out = [] if "--out" in given else ["--out", tmp_path / "x.zarr"]
    ended = program("run", "visibility", "--dataroot", log, *given, *out)
    assert ended.code == 2, ended.err
    for text in says:
        assert text in ended.err


def test_what_is_no_store(log: Path, tmp_path: Path, program: Program) -> None:
    for path in (log, tmp_path / "gone"):
        ended = program("status", path)
        assert ended.code == 2
        assert "this is no store" in ended.err
    ended = program("sample", "--out", Path(__file__))
    assert ended.code == 2
    assert "a file lies where the sample log's folder should" in ended.err


def test_a_picture_that_cannot_be_written(clean: Clean, tmp_path: Path, program: Program) -> None:
    (tmp_path / "x.png").mkdir()
    ended = program("show", clean.store, "--out", tmp_path / "x.png")
    assert ended.code == 4
    assert "x.png" in ended.err
    assert "defect" not in ended.err


def test_a_scan_of_another_log(clean: Clean, tmp_path: Path, program: Program) -> None:
    ended = program("show", clean.store, "--dataroot", tmp_path, "--out", tmp_path / "x.png")
    assert ended.code == 2
    assert "the log does not hold the frame's scan" in ended.err
    assert not (tmp_path / "x.png").exists()


def test_gc_of_a_product_nobody_knows(clean: Clean, program: Program) -> None:
    ended = program("gc", clean.store, "--product", "SurfaceOccupancy")
    assert ended.code == 2
    assert "did you mean 'surface_occupancy'" in ended.err


def test_points_without_a_class_hide_none_that_has_one() -> None:
    from occ_pipeline.pipeline.picture.above import points_above
    from occ_pipeline.pipeline.picture.view import view_of
    from occ_pipeline.schemas.grid import VoxelGrid
    from occ_pipeline.schemas.taxonomy import NUSCENES

    grid = VoxelGrid.from_range((-5.0, -5.0, -1.0, 5.0, 5.0, 3.0), 0.5)
    points, nothing = np.array([(1.0, 1.0, 0.0), (1.0, 1.0, 2.0)], np.float32), np.zeros(grid.shape, np.uint8)
    labels = np.array([NUSCENES.id_of("car"), 255], np.uint8)
    pixels = points_above(view_of(nothing, nothing, grid, points, labels), NUSCENES, 200)
    assert (np.abs(pixels - np.array(NUSCENES.colours[NUSCENES.id_of("car")])).max(axis=2) < 1).sum() == 4
