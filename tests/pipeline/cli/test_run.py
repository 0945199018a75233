"""The main job: raw log in, committed labels out; the same bytes however it runs; nothing done twice."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.occupancy import SurfaceOccupancy
from occ_pipeline.tests.pipeline.cli.command import command, densify, digest, events, stamps
from occ_pipeline.tests.pipeline.cli.conftest import Clean
from occ_pipeline.tests.pipeline.program import Program
from PIL import Image

SCENES = ("scene-0001", "scene-0002")
STAGES = ["refine-poses", "moving-objects", "separate", "reconstruct", "densify"]


def reruns(planned: dict[str, list[dict[str, str]]], scene: str) -> list[str]:
    return [step["stage"] for step in planned[scene] if step["reason"] != "done"]


def test_labels_and_a_picture(clean: Clean) -> None:
    assert clean.ended.code == 0
    picture = Path(clean.ended.out.splitlines()[-1])
    assert picture.is_file()
    with Image.open(picture) as image:
        assert image.format == "PNG"
    assert clean.ended.out.count("\n") == 1, "standard output is the picture's path alone"
    assert "simulated" in clean.ended.err
    store = Store.open(clean.store)
    assert store.identity.synthetic
    index = read_index(store)
    assert tuple(sorted(index.scenes)) == SCENES
    for scene in SCENES:
        fingerprint = index.scenes[scene].products[SurfaceOccupancy.name]
        assert store.committed(scene, SurfaceOccupancy, fingerprint)
        state = store.reader(scene, SurfaceOccupancy, fingerprint).read("state")
        assert state.shape == (3, 64, 64, 16)
        assert (state == 2).sum(axis=(1, 2, 3)).min() > 1000
    assert store.verify(deep=True) == []
    assert not [path for path in clean.store.iterdir() if path.name not in ("zarr.json", "scenes", "dataset", "index")]


def test_second_run_does_nothing(clean: Clean, log: Path) -> None:
    before = stamps(clean.store)
    ended = command(*densify(log, clean.store))
    assert ended.code == 0
    assert "nothing to do" in ended.err
    assert Path(ended.out.strip()).is_file()
    assert events(clean.store) == []
    assert stamps(clean.store) == before
    assert digest(clean.store) == clean.digest


def test_same_bytes_whatever_the_workers_folder_and_hash_seed(clean: Clean, log: Path, tmp_path: Path) -> None:
    store = tmp_path / "another place" / "labels.zarr"
    ended = command(*densify(log, store, "--workers", 1, "--json"), env={"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo"})
    assert ended.code == 0, ended.err
    assert {scene["status"] for scene in ended.json["scenes"].values()} == {"done"}
    assert digest(store) == clean.digest


def test_changed_parameter_reruns_what_depends_on_it(kept: Path, log: Path, clean: Clean, program: Program) -> None:
    least = program("plan", "densify", *densify(log, kept, "--json", "--set", "densify.least_returns=5")[2:])
    assert least.code == 0, least.err
    near = program("plan", "densify", *densify(log, kept, "--json", "--set", "reconstruct.knn=3")[2:])
    for scene in SCENES:
        assert reruns(least.json["scenes"], scene) == ["densify"]
        assert least.json["scenes"][scene][-1] == {
            "stage": "densify", "reason": "changed", "why": "least_returns 1 -> 5",
        }  # fmt: skip
        steps = {step["stage"]: (step["reason"], step["why"]) for step in near.json["scenes"][scene]}
        assert steps["separate"] == ("done", "committed")
        assert steps["reconstruct"] == ("changed", "knn 5 -> 3")
        assert steps["densify"] == ("upstream", "surfaces changed")
    ran = command(*densify(log, kept, "--json", "--set", "densify.least_returns=5"))
    assert ran.code == 0, ran.err
    assert {event["stage"] for event in events(kept)} == {"densify"}
    assert ran.json["scenes"]["scene-0001"]["ran"] == {"densify": "least_returns 1 -> 5"}
    before, after = stamps(clean.store), stamps(kept)
    assert set(before) < set(after), "what was committed stays beside what is new"
    again = command(*densify(log, kept, "--json"))
    assert again.code == 0
    assert events(kept) == [], "the first settings' labels are still there"
    assert {s["products"]["surface_occupancy"] for s in again.json["scenes"].values()}.isdisjoint(
        s["products"]["surface_occupancy"] for s in ran.json["scenes"].values()
    )


def test_a_plan_projects_what_the_run_before_took(clean: Clean, log: Path, program: Program) -> None:
    (record,) = [json.loads(path.read_text()) for path in clean.store.with_suffix(".runs").glob("*/projection.json")]
    assert set(record["stages"]) == set(STAGES)
    again = [stage["measured_bytes"] for name, stage in record["stages"].items() if name in ("reconstruct", "densify")]
    planned = program("plan", "densify", *densify(log, clean.store, "--json", "--set", "reconstruct.knn=3")[2:])
    costs = planned.json["projection"]
    assert "what the last run on this store took" in costs["basis"]
    assert costs["written_bytes"] == pytest.approx(sum(again), abs=1)
    assert set(costs["scenes"]) == set(SCENES)
    assert sum(scene["written_bytes"] for scene in costs["scenes"].values()) == pytest.approx(sum(again), abs=2)
    assert costs["peak_mib"] == pytest.approx(record["measured"]["peak_mib"], rel=0.2)


def test_a_run_that_would_not_fit_is_refused(kept: Path, log: Path, program: Program) -> None:
    ended = program("plan", "densify", *densify(log, kept, "--workers", 3000, "--set", "reconstruct.knn=3")[2:])
    assert ended.code == 2
    (line,) = ended.errors
    assert "would not fit into memory" in line
    assert "use --workers " in line


def test_another_grid_never_reconstructs_again(kept: Path, log: Path) -> None:
    ended = command(*densify(log, kept, "--workers", 1, "--json", "--scenes", "scene-0001", "--grid", "surroundocc"))
    assert ended.code == 0, ended.err
    assert {event["stage"] for event in events(kept)} == {"densify"}
    store = Store.open(kept)
    assert len(store.fingerprints("scene-0001", SurfaceOccupancy)) == 2
    product = ended.json["scenes"]["scene-0001"]["products"]["surface_occupancy"]
    grid = store.reader("scene-0001", SurfaceOccupancy, product).attribute("grid")
    assert grid["frame"] == "lidar"
    assert grid["shape"] == [200, 200, 16]


def flip_a_byte(path: Path) -> None:
    """Same size, same times, other content: what a broken disk or a careless copy leaves."""
    was = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2 // 20 * 20 + 2] ^= 1
    path.unlink()
    path.write_bytes(content)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def a_sweep(log: Path, scene: int) -> Path:
    """A sweep between key frames; the files of scenes come one after the other."""
    sweeps = sorted((log / "sweeps" / "LIDAR_TOP").iterdir())
    return sweeps[len(sweeps) * (2 * scene - 1) // 4]


def test_changed_byte_in_a_sweep_reruns_its_scene(kept: Path, copied: Path, program: Program) -> None:
    flip_a_byte(a_sweep(copied, 2))
    ended = program("plan", "densify", *densify(copied, kept, "--json")[2:])
    assert ended.code == 0, ended.err
    assert reruns(ended.json["scenes"], "scene-0001") == []
    assert reruns(ended.json["scenes"], "scene-0002") == STAGES
    assert "files changed" in ended.json["scenes"]["scene-0002"][0]["why"]


def test_status_as_json(clean: Clean, program: Program) -> None:
    ended = program("status", clean.store, "--json")
    assert ended.code == 0
    assert sorted(ended.json["scenes"]) == list(SCENES)
    assert ended.json["unfinished"] == []
    assert ended.err == ""


@pytest.mark.slow
def test_changed_byte_runs_all_stages_of_one_scene(kept: Path, copied: Path, clean: Clean) -> None:
    flip_a_byte(a_sweep(copied, 2))
    ended = command(*densify(copied, kept, "--json"))
    assert ended.code == 0, ended.err
    assert {(event["scene"], event["stage"]) for event in events(kept)} == {("scene-0002", s) for s in STAGES}
    assert digest(kept, "scene-0001") == digest(clean.store, "scene-0001")


@pytest.mark.slow
def test_a_log_in_another_folder_gives_the_same_bytes(clean: Clean, copied: Path, tmp_path: Path) -> None:
    ended = command(*densify(copied, tmp_path / "y.zarr", "--workers", 3, "--json"), env={"OMP_NUM_THREADS": "4"})
    assert ended.code == 0, ended.err
    shutil.rmtree(copied)
    assert digest(tmp_path / "y.zarr") == clean.digest
