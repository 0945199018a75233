"""Runs as their folders tell of them."""

from __future__ import annotations

import json
from pathlib import Path

from occ_pipeline.pipeline.run_history import Failure, open_failures, outcome_record, runs, typed
from occ_pipeline.schemas.errors import ComputeError, InputError


def told(store: Path, name: str, done: list[str], failed: dict[str, str], *, ended: bool = True) -> None:
    folder = store.with_suffix(".runs") / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"command": ["/x/bin/occ-pipeline", "run", "densify", "--out", "a b"]}))
    errors = {scene: [InputError(what, frame="sweep 4")] for scene, what in failed.items()}
    if ended:
        (folder / "outcome.json").write_text(json.dumps(outcome_record(done, errors, name)))


def test_a_failure_stays_open_until_a_later_run_finishes_its_scene(tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    assert runs(store) == []
    told(store, "1", ["a"], {"b": "cut short", "c": "cut short"})
    told(store, "2", ["b"], {})
    told(store, "3", [], {"a": "not finite"})
    told(store, "4", [], {}, ended=False)
    (store.with_suffix(".runs") / "5").mkdir()
    history = runs(store)
    assert [(run.path.name, run.ended) for run in history] == [("1", True), ("2", True), ("3", True), ("4", False)]
    assert history[0].command == "occ-pipeline run densify --out 'a b'"
    found = open_failures(history)
    assert {name: (f.reason, f.where, f.run) for name, f in found.items()} == {
        "c": ("cut short", "sweep 4", "1"),
        "a": ("not finite", "sweep 4", "3"),
    }


def test_a_failure_says_its_kind_and_its_whole_line() -> None:
    error = ComputeError("a stage failed", scene="a", frame="reconstruct tile-1", found="signal 11", fix="try again")
    failure = Failure.of("a", error, "1")
    assert (failure.kind, failure.reason, failure.where) == ("ComputeError", "a stage failed", "reconstruct tile-1")
    assert failure.error == str(error)
    row = InputError("table row 0a1b: scene is empty", scene="a")
    assert Failure.of("a", row, "1").reason == "scene is empty"
    assert typed(["/usr/bin/occ-pipeline", "run", "all"]) == "occ-pipeline run all"
