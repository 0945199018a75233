"""Kills, races, locks and full disks: what is committed is whole, and the next run goes on."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.store.lock import run_lock
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.errors import StorageError, StoreLockedError, VerificationError
from occ_pipeline.schemas.product import load
from store_samples import IDENTITY, Mixed, mixed, provenance, tree_digest

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs fork, flock and tmpfs")


@linux
def test_killed_and_resumed_stores_have_the_same_bytes(tmp_path: Path, script: list[str]) -> None:
    done = subprocess.run([*script, "crashes", tmp_path, "16"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 8


@linux
@pytest.mark.slow
def test_killed_at_every_point(tmp_path: Path, script: list[str]) -> None:
    done = subprocess.run([*script, "crashes", tmp_path, "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 150


def test_racing_processes_agree(tmp_path: Path, script: list[str]) -> None:
    path = tmp_path / "a.zarr"
    start = str(time.time() + 1.5)
    racers = [
        subprocess.Popen([*script, "race", path, start, "12"], stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for racer in racers:
        assert racer.communicate()[1] == ""
        assert racer.returncode == 0
    store = Store.open(path)
    assert len(store.fingerprints("scene-1", Mixed)) == 12
    assert store.verify(deep=True) == []
    assert not any(store.folders.build.iterdir())


def test_racing_threads_agree(store: Store) -> None:
    product = mixed()
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(store.commit("scene-1", product, provenance()))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(manifest == found[0] for manifest in found)


def test_the_first_result_stays(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    first = store.commit("scene-1", mixed(seed=1), provenance())
    before = tree_digest(store.path)
    assert store.commit("scene-1", mixed(seed=2), provenance()) == first
    assert tree_digest(store.path) == before
    assert "flags, labels, points" in caplog.text


@linux
def test_a_second_run_is_told_who_holds_the_store(tmp_path: Path, script: list[str]) -> None:
    path = tmp_path / "a.zarr"
    holder = subprocess.Popen([*script, "hold", path], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "held\n"
        begun = time.monotonic()
        with pytest.raises(StoreLockedError) as caught, run_lock(path):
            pass
        assert time.monotonic() - begun < 2
        host = os.uname().nodename.partition(".")[0]
        assert f"process {holder.pid} on {host} since 20" in str(caught.value)
        assert f"kill {holder.pid}" in str(caught.value)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with run_lock(path) as ours:
        assert ours.owner.pid == os.getpid()
        with pytest.raises(StoreLockedError, match=f"process {os.getpid()} "), run_lock(path):
            pass
    with run_lock(path):
        pass


@contextlib.contextmanager
def small_disk(folder: Path, size: str):
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@linux
def test_a_full_disk_leaves_nothing_partial(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "4m"):
        store = Store.create_or_open(disk / "a.zarr", IDENTITY)
        small = store.commit("scene-1", mixed(), provenance())
        rng = np.random.default_rng(0)
        points = rng.normal(size=(100_000, 3)).astype(np.float32)
        big = Mixed(**{**vars(mixed()), "points": points, "flags": np.zeros(len(points), bool)})
        failures = 0
        for left_kib in (0, 4, 8, 12, 16, 20, 28, 40, 60, 100, 400, 1000):
            filler = disk / "filler"
            status = os.statvfs(disk)
            filler.write_bytes(b"x" * (status.f_bavail * status.f_bsize - (left_kib << 10)))
            with pytest.raises(StorageError) as caught:
                store.commit("scene-2", big, provenance())
            assert "the disk is full" in str(caught.value)
            assert "MiB" in str(caught.value)
            assert "free" in str(caught.value)
            failures += 1
            assert not store.committed("scene-2", Mixed, provenance().fingerprint)
            # On tmpfs even an empty folder may find no room for its metadata: all that may be missing is a parent's.
            assert [error for error in store.verify(deep=True) if "parent" not in error.what] == []
            filler.unlink()
        assert failures == 12
        store.commit("scene-2", big, provenance())
        assert (store.reader("scene-2", Mixed, small.fingerprint).read("points") == points).all()
        assert store.verify(deep=True) == []


@pytest.mark.parametrize(("code", "words"), [
    (errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota"), (errno.EIO, "disk returns errors"), (errno.EACCES, "permission"),
    (errno.ESTALE, "Stale"),
])  # fmt: skip
@pytest.mark.parametrize("call", ["rename", "fsync", "mkdir"])
def test_storage_errors_are_typed(
    store: Store, monkeypatch: pytest.MonkeyPatch, call: str, code: int, words: str
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(StorageError, match=words):
            store.commit("scene-1", mixed(), provenance())
    assert not store.committed("scene-1", Mixed, provenance().fingerprint)
    store.commit("scene-1", mixed(), provenance())
    assert store.verify(deep=True) == []


def test_what_reads_back_differently_is_not_committed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from occ_pipeline.pipeline.store import commit

    honest = commit.write_array

    def lying(folder: Path, spec, value):
        entry = honest(folder, spec, value)
        if folder.name == "points":
            honest(folder.with_name("other"), spec, value + 1)
            (folder.with_name("other") / "c.0.0").replace(folder / "c.0.0")
        return entry

    with monkeypatch.context() as patch:
        patch.setattr(commit, "write_array", lying)
        with pytest.raises(VerificationError, match=r"mixed\.points reads back differently"):
            store.commit("scene-1", mixed(), provenance())
    assert not store.committed("scene-1", Mixed, provenance().fingerprint)


def test_a_build_that_is_cleaned_away_is_not_committed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from occ_pipeline.pipeline.store import commit

    honest = commit.write_product_group

    def interrupted(folder: Path, *args: object) -> None:
        honest(folder, *args)
        folder.rename(folder.with_name("junk"))
        assert store.clean_leftovers() == 1

    with monkeypatch.context() as patch:
        patch.setattr(commit, "write_product_group", interrupted)
        with pytest.raises(StorageError, match="No such file"):
            store.commit("scene-1", mixed(), provenance())
    assert not store.committed("scene-1", Mixed, provenance().fingerprint)
    fingerprint = store.commit("scene-1", mixed(), provenance()).fingerprint
    assert load(Mixed, store.reader("scene-1", Mixed, fingerprint)).tokens == mixed().tokens
