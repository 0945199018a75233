"""Shards of one job, side by side on one store without a scheduler."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.tests.pipeline.cli.command import begin, command, densify, digest, until, wait
from occ_pipeline.tests.pipeline.cli.conftest import Clean


def test_shards_side_by_side_make_the_bytes_of_one_run(clean: Clean, log: Path, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    shards = [begin(*densify(log, store, "--workers", 1, "--shard", f"{i}/3", "--json")) for i in (1, 2, 3)]
    until(lambda: list(store.glob("scenes/*/scene_tables/*")), 60, "both to be in the midst of it")
    # Stopped, the first cannot end before the others have asked.
    os.killpg(shards[0].pid, signal.SIGSTOP)
    again = command(*densify(log, store, "--shard", "1/3"))
    whole = command(*densify(log, store))
    others = command(*densify(log, store, "--shard", "1/2"))
    os.killpg(shards[0].pid, signal.SIGCONT)
    ended = [wait(shard) for shard in shards]
    assert [end.code for end in ended] == [0, 0, 0], [end.err for end in ended]
    assert [sorted(end.json["scenes"]) for end in ended] == [["scene-0001"], ["scene-0002"], []]
    assert "shard 3/3: 0 scenes\n" in ended[2].err
    assert "nothing to do: no scene is left to make" in ended[2].err
    assert digest(store) == clean.digest
    assert sorted(read_index(Store.open(store)).scenes) == ["scene-0001", "scene-0002"]
    for refused in (again, whole, others):
        assert refused.code == 5, refused.err
        (line,) = refused.errors
        assert f"another run holds shard 1-of-3 of this store (file {store})" in line
        assert f"process {shards[0].pid} on " in line


def test_a_shard_waits_for_no_whole_run(log: Path, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    first = begin(*densify(log, store, "--json"))
    until(lambda: list(store.glob("scenes/*/scene_tables/*")), 60, "its tables")
    os.killpg(first.pid, signal.SIGSTOP)
    shard = command(*densify(log, store, "--shard", "1/2"))
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert shard.code == 5
    assert f"another run holds this store (file {store}): found process {first.pid}" in shard.err


def test_no_shard(log: Path, tmp_path: Path) -> None:
    ended = command(*densify(log, tmp_path / "x.zarr", "--shard", "0/4"))
    assert ended.code == 2
    (line,) = ended.errors
    assert line.startswith("error: no such shard: found 0/4, expected a number from 1 to 4, as in 1/4; correct --shard")
