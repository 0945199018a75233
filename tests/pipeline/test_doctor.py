"""What a machine lacks is said with the line that mends it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from occ_pipeline.pipeline import doctor as module
from occ_pipeline.pipeline.backend import MESHLAB_LINE
from occ_pipeline.pipeline.cli.main import _run
from occ_pipeline.pipeline.doctor import Finding, examine
from occ_pipeline.pipeline.machine import Memory, cpu_limit, file_system, memory


def loads(_: str) -> None:
    """Every library loads."""


def crashes(_: str) -> str:
    return "exit code -11"


def named(findings: list[Finding]) -> dict[str, Finding]:
    assert len({finding.name for finding in findings}) == len(findings)
    return {finding.name: finding for finding in findings}


def test_a_sound_machine(tmp_path: Path) -> None:
    found = named(examine(tmp_path / "x.zarr", loads))
    assert {"Python", "Open3D", "cores", "memory", "store", "cache", "numba version", "zarr version"} <= set(found)
    assert not [finding for finding in found.values() if finding.grade == "problem"]
    assert all(finding.fix for finding in found.values() if finding.grade != "ok")
    assert not list(tmp_path.iterdir())


def test_libraries_that_are_missing_are_in_the_apt_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_there", lambda library: library not in ("libEGL.so.1", "libusb-1.0.so.0"))
    found = named(examine(tmp_path / "x.zarr", crashes))
    assert found["shared libraries"].fix == "apt-get install -y libusb-1.0-0 libegl1"
    assert found["Open3D"] == Finding("Open3D", "problem", "exit code -11", "install the shared libraries above")
    assert found["pymeshlab"].grade == "problem"
    assert found["pymeshlab"].fix == MESHLAB_LINE
    only = named(examine(tmp_path / "x.zarr", lambda name: None if name == "pymeshlab" else "no libEGL"))
    assert (only["Open3D"].grade, only["shared libraries"].grade, only["pymeshlab"].grade) == (
        "warning",
        "warning",
        "ok",
    )


@pytest.mark.parametrize(
    ("kind", "grade"),
    [("ext4", "ok"), ("nfs4", "warning"), ("fuse.s3fs", "problem"), ("tmpfs", "warning"), (None, "ok")],
)
def test_file_systems(kind: str | None, grade: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "file_system", lambda _: kind)
    assert named(examine(tmp_path / "x.zarr", loads))["store"].grade == grade


@pytest.mark.parametrize(("free", "grade"), [(1 << 29, "problem"), (2 << 30, "warning"), (900 << 30, "ok")])
def test_memory_bounds_workers(free: int, grade: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 4)
    monkeypatch.setattr(module, "memory", lambda: Memory(999 << 30, 999 << 30, free))
    found = named(examine(tmp_path / "x.zarr", loads))["memory"]
    assert found.grade == grade
    assert ("--workers 1" in found.fix) == (grade == "warning")


def test_a_little_disk_and_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "free_bytes", lambda _: 1 << 20)
    assert named(examine(tmp_path / "x.zarr", loads))["store"].grade == "warning"
    monkeypatch.setattr(module, "writable", lambda _: False)
    assert named(examine(tmp_path / "x.zarr", loads))["store"].grade == "problem"


def test_limits_of_a_control_group(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text("1073741824\n")
    (tmp_path / "meminfo").write_text("MemTotal:  4096 kB\nMemAvailable: 1024 kB\n")
    assert cpu_limit(tmp_path) == 1.5
    assert memory(tmp_path, tmp_path / "meminfo") == Memory(4096 * 1024, 1024 * 1024, 1 << 30)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert cpu_limit(tmp_path) is None
    assert memory(tmp_path, tmp_path / "gone") == Memory(None, None, None)


def test_the_innermost_mount_counts(tmp_path: Path) -> None:
    (tmp_path / "m").write_text(f"/dev/a / ext4 rw 0 0\nhost:/x {tmp_path}/far\\040off nfs4 rw 0 0\n")
    (tmp_path / "far off").mkdir()
    assert file_system(tmp_path / "far off" / "x.zarr" / "scenes", tmp_path / "m") == "nfs4"
    assert file_system(tmp_path / "x.zarr", tmp_path / "m") == "ext4"
    assert file_system(tmp_path, tmp_path / "gone") is None


@pytest.mark.parametrize("probe", [loads, crashes])
def test_the_command(
    probe: object, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.examine, "__defaults__", (probe,))
    monkeypatch.setenv("COLUMNS", "100")
    for more in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", ["occ-pipeline", "doctor", "--out", str(tmp_path / "x.zarr"), *more])
        try:
            code = _run()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out = capsys.readouterr().out
        assert code == (0 if probe is loads else 3)
        if more:
            assert json.loads(out)["ok"] == (probe is loads)
        else:
            assert max(map(len, out.splitlines())) <= 100
