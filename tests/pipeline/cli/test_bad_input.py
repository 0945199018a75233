"""Broken scenes, the whole command: each is one line that says what to do, and the others are as if it were not there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.tests.pipeline.cli.command import command, densify, files
from occ_pipeline.tests.pipeline.cli.conftest import Clean
from occ_pipeline.tests.pipeline.cli.spoiled import Copy, spoil
from occ_pipeline.tests.pipeline.program import Program

BROKEN = {
    "cut-points": (Copy.truncate_points, ("sweeps/LIDAR_TOP/cut-points-", "bytes", "multiple of 20", "sweep 4")),
    "no-points": (Copy.empty_points, ("sweeps/LIDAR_TOP/no-points-", "0 bytes", "sweep 4")),
    "nan-points": (Copy.nan_points, ("sweeps/LIDAR_TOP/nan-points-", "finite", "sweep 4")),
    "cut-labels": (Copy.cut_labels, ("lidarseg/v1.0-mini/cut-labels-", "labels", "cut-labels-")),
    "dangling": (Copy.dangle, ("v1.0-mini/sample_annotation.json", "points nowhere", "found 'nowhere'")),
    "lost-pose": (Copy.break_a_pose, ("v1.0-mini/ego_pose.json", "not a rigid transform", "nan")),
    "empty": (Copy.empty_scene, ("v1.0-mini/scene.json", "scene is empty", "no samples")),
}
INCOMPLETE = {
    "less-key-frame": (Copy.lose_a_key_frame, ("1 of 3 key frames", "samples/LIDAR_TOP/less-key-frame-")),
    "less-sweep": (Copy.lose_a_sweep, ("1 of 18 sweeps", "sweeps/LIDAR_TOP/less-sweep-")),
}


def chunks(store: Path, scene: str) -> str:
    """Digest of a scene's array data: where tables differ, so do fingerprints, but not what was computed."""
    data = sorted(
        hashlib.sha256(p.read_bytes()).hexdigest()
        for p in files(store, under=(f"scenes/{scene}",))
        if p.name != "zarr.json"
    )
    return hashlib.sha256("".join(data).encode()).hexdigest()


def test_every_broken_scene_is_one_line_and_the_others_are_finished(
    copied: Path, clean: Clean, tmp_path: Path, program: Program
) -> None:
    spoil(copied, {name: way for name, (way, _) in (BROKEN | INCOMPLETE).items()}, instead=True)
    store = tmp_path / "x.zarr"
    ended = command(*densify(copied, store, "--workers", 2))
    assert ended.code == 3, ended.err
    assert "Traceback" not in ended.err
    for name, (_, says) in BROKEN.items():
        lines = [line for line in ended.errors if f"scene {name}" in line]
        assert len(lines) == 1, (name, ended.err)
        for text in ("found", "expected", ";", *says):
            assert text in lines[0], (name, text, lines[0])
    assert len(ended.errors) == len(BROKEN)
    for name, (_, says) in INCOMPLETE.items():
        (line,) = [line for line in ended.warnings if line.startswith(f"warning: scene {name}:")]
        for text in says:
            assert text in line
    opened = Store.open(store)
    assert opened.verify(deep=True) == []
    assert set(read_index(opened).scenes) == {"scene-0001", *INCOMPLETE}
    assert chunks(store, "scene-0001") == chunks(clean.store, "scene-0001")
    assert len(read_index(opened).scenes["less-key-frame"].frames) == 2
    assert len(read_index(opened).scenes["less-sweep"].frames) == 3
    assert Path(ended.out.strip()).is_file()

    again = command(*densify(copied, store, "--workers", 1, "--json", "--scenes", "scene-0001,nan-points,cut-labels"))
    assert again.code == 3
    told = again.json["scenes"]
    assert told["scene-0001"]["status"] == "done"
    assert {told[name]["status"] for name in ("nan-points", "cut-labels")} == {"failed"}
    assert "finite" in told["nan-points"]["errors"][0]

    failures = program("failures", store, "--json").json["failures"]
    assert {failure["scene"] for failure in failures} == set(BROKEN)
    said = program("failures", store)
    assert said.code == 0
    assert all(name in said.out for name in BROKEN)
    assert f"occ-pipeline logs {store} cut-labels" in said.err
    assert f"run densify --dataroot {copied} --out {store}" in said.err, "the line that goes on"
    assert max(len(line) for line in said.out.splitlines()) <= 100
    assert set(program("status", store, "--json").json["failed"]) == set(BROKEN)
    logs = program("logs", store, "nan-points")
    assert logs.code == 0
    assert logs.out.count("FAILED") == 2, "in both runs"
    early = program("logs", store, "cut-labels")
    assert early.code == 0, early.err
    assert early.out.count("FAILED before anything ran: label file has the wrong length") == 2
    assert "Traceback" in logs.out
    nobody = program("logs", store, "scene-0099")
    assert nobody.code == 2
    assert "no run tells of this scene (scene scene-0099): found cut-labels, cut-points" in nobody.err

    missing = command(*densify(copied, store, "--workers", 1, "--json", "--scenes", "less-sweep"))
    assert missing.code == 0, "what is only incomplete is no failure"

    debug = command(*densify(copied, store, "--workers", 1, "--debug", "--scenes", "nan-points"))
    assert debug.code == 3
    assert "Traceback" in debug.err
