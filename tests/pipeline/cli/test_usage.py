"""What a user typed wrong: exit code 2 and one line that helps. Help that shows every parameter."""

from __future__ import annotations

from pathlib import Path

import pytest
from occ_pipeline.pipeline.parameters import parameters
from occ_pipeline.pipeline.registry import STAGES
from occ_pipeline.tests.pipeline.cli.command import command, densify
from occ_pipeline.tests.pipeline.cli.conftest import Clean
from occ_pipeline.tests.pipeline.program import Program

WRONG: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "dataset": (
        ("--dataset", "nuscene"),
        ("no such dataset", "found nuscene", "one of kitti, kitti360, nuscenes", "--dataset"),
    ),
    "no-folder": (("--dataroot", "{tmp}/gone"), ("data root is no folder", "{tmp}/gone", "--dataroot")),
    "no-release": (("--dataroot", "{tmp}"), ("no release of nuscenes", "{tmp}", "v1.0-mini")),
    "release": (("--version", "v1.0-trainval"), ("no such release", "v1.0-trainval", "v1.0-mini", "--version")),
    "scene": (("--scenes", "scene-0001,scene-0815"), ("no such scene", "scene-0815", "scene-0001", "--scenes")),
    "stage": (("--set", "densefy.knn=5"), ("no stage is called 'densefy'", "did you mean 'densify'?")),
    "parameter": (("--set", "densify.kn=5"), ("'kn'", "parameter of densify", "did you mean 'knn'?")),
    "value": (("--set", "reconstruct.cell_m=wide"), ("reconstruct.cell_m", "'wide'", "number", "--help")),
    "not-finite": (("--set", "reconstruct.cell_m=.nan"), ("reconstruct.cell_m", "finite", "--help")),
    "negative": (("--set", "reconstruct.cell_m=-1"), ("reconstruct.cell_m", "-1", "greater than 0", "--help")),
    "set": (("--set", "densify.knn"), ("--set cannot be read", "densify.knn", "stage.parameter=value")),
    "grid": (("--grid", "occ4d"), ("occ4d", "occ3d, surroundocc", "x0,y0,z0,x1,y1,z1@voxel")),
    "other-folder": (("--out", "{tmp}/mine.zarr"), ("{tmp}/mine.zarr", "--out")),
    "other-name": (("--out", "{tmp}/notes.txt"), ("{tmp}/notes.txt", "use notes.txt.zarr")),
    "no-config": (("--config", "{tmp}/gone.yaml"), ("configuration cannot be read", "{tmp}/gone.yaml", "No such file")),
    "bad-config": (("--config", "{tmp}/bad.yaml"), ("configuration is no YAML", "{tmp}/bad.yaml", "line 1")),
    "workers": (("--workers", "0"), ("--workers", "Invalid value")),
    "option": (("--wrokers", "2"), ("No such option", "--workers")),
}


@pytest.mark.parametrize("name", WRONG)
def test_usage_error(name: str, log: Path, tmp_path: Path, program: Program) -> None:
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "thesis.txt").write_text("years of work")
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "bad.yaml").write_text("densify: {knn: ]")
    before = sorted(tmp_path.rglob("*"))
    args, says = WRONG[name]
    given = [arg.format(tmp=tmp_path) for arg in args]
    if "--dataroot" not in given:
        given += ["--dataroot", str(log)]
    if "--out" not in given:
        given += ["--out", str(tmp_path / "x.zarr")]
    words = ("run", "densify") if name in ("option", "workers") else ("plan", "densify")
    ended = program(*words, *given)
    code, out, err = ended.code, ended.out, ended.err
    assert code == 2, err
    assert out == ""
    for text in says:
        assert text.format(tmp=tmp_path) in err, err
    assert "Traceback" not in err
    assert len([line for line in err.splitlines() if line.startswith("error:")]) <= 1
    if name != "scene":
        assert sorted(tmp_path.rglob("*")) == before, "a refused command writes nothing"


@pytest.mark.parametrize("args", [("rnu",), ("run", "densefy")])
def test_unknown_command(args: tuple[str, ...], program: Program) -> None:
    ended = program(*args)
    code, err = ended.code, ended.err
    assert code == 2
    assert f"No such command '{args[-1]}'" in err


@pytest.mark.parametrize("name", STAGES)
def test_help_shows_every_parameter(name: str, program: Program) -> None:
    ended = program("run", name, "--help")
    code, out = ended.code, ended.out
    assert code == 0
    text = " ".join(out.replace("│", " ").split())
    for parameter in parameters(STAGES[name]):
        assert f"--{parameter.name.replace('_', '-')}" in text
        if parameter.name != "grid":
            assert " ".join(parameter.help.split()[:3]) in text
    assert max(len(line) for line in out.splitlines()) <= 100


@pytest.mark.parametrize("args", [("--help",), ("run", "--help"), ("--version",)])
def test_help(args: tuple[str, ...], program: Program) -> None:
    ended = program(*args)
    code, out, err = ended.code, ended.out, ended.err
    assert code == 0
    assert err == ""
    assert "occ-pipeline" in out


def test_refused_run_leaves_no_trace(log: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.zarr"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    ended = command(*densify(log, mine))
    assert ended.code == 2
    (line,) = ended.errors
    assert str(mine) in line
    assert ended.out == ""
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["thesis.txt"]
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]


def test_store_of_real_labels_takes_no_simulated_ones(clean: Clean, log: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    for entry in log.iterdir():
        if entry.name != "SIMULATED.json":
            (real / entry.name).symlink_to(entry)
    ended = command(*densify(log, clean.store)[:2], "--dataroot", real, "--out", clean.store)
    assert ended.code == 2
    (line,) = ended.errors
    assert "synthetic" in line or "simulated" in line
    assert "--out" in line
