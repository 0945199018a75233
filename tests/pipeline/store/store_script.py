"""What the store's tests run in processes of their own: store_script.py ACTION PATH ..."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from occ_pipeline.pipeline.store.lock import run_lock
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.product import load
from store_samples import IDENTITY, Mixed, mixed, provenance, tree_digest, whole_run

CALLS = ("mkdir", "rename", "replace", "fsync", "unlink", "rmdir", "open")


def crash_at(n: int) -> None:
    """Kills this process before its n-th call that changes the disk."""
    left = n

    def counted(call):
        def counting(*args, **kwargs):
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return counting

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))


def forked(action, *args: object) -> int:
    """Exit status of an action in a child: 0, 1 for an exception, or minus a signal's number."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            action(*args)
            status = 0
        except BaseException as error:  # noqa: BLE001 - the exit status tells
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_run(path: Path, n: int) -> None:
    crash_at(n)
    whole_run(path)


def inspect(path: Path) -> None:
    """Whatever a killed run left: all that can be read is whole."""
    if not (path / "zarr.json").exists():
        return
    store = Store.open(path)
    problems = [error for error in store.verify(deep=True) if "parent" not in error.what]
    assert not problems, problems
    for scene in store.scenes():
        for fingerprint in store.fingerprints(scene, Mixed):
            found = load(Mixed, store.reader(scene, Mixed, fingerprint))
            wanted = mixed(points=50, seed=int(scene[-1]))
            assert all(getattr(found, name).tobytes() == getattr(wanted, name).tobytes() for name in Mixed.specs())


def resume(path: Path, reference: str) -> None:
    whole_run(path)
    assert tree_digest(path) == reference, "other bytes than an uninterrupted run"
    left = [
        entry
        for folder in path.with_name(f".{path.stem}.tmp").iterdir()
        if folder.is_dir()
        for entry in folder.iterdir()
    ]
    assert not left, f"leftovers {left}"
    assert not Store.open(path).verify(deep=True)


def crashes(folder: Path, step: int) -> None:
    """Kills a run at every ``step``-th point, resumes it, and prints how many points there were."""
    assert forked(whole_run, folder / "whole.zarr") == 0
    reference = tree_digest(folder / "whole.zarr")
    n, points = 0, 0
    while True:
        path = folder / f"killed{n}.zarr"
        status = forked(killed_run, path, n)
        if status == 0:
            break
        assert status == -signal.SIGKILL, f"point {n}: status {status}"
        assert forked(inspect, path) == 0, f"point {n}: something partial can be read"
        assert forked(resume, path, reference) == 0, f"point {n}: resume differs"
        n, points = n + step, points + 1
    print(points)


def race(path: Path, start: float, count: int) -> None:
    """Commits the same products as another process does at the same time."""
    store = Store.create_or_open(path, IDENTITY)
    product = mixed(points=50)
    time.sleep(max(0.0, start - time.time()))
    for k in range(count):
        store.commit("scene-1", product, provenance(k=k))


def hold(path: Path) -> None:
    with run_lock(path):
        print("held", flush=True)
        time.sleep(60)


if __name__ == "__main__":
    action, where, *rest = sys.argv[1:]
    if action == "run":
        whole_run(Path(where))
        print(tree_digest(Path(where)))
    elif action == "crashes":
        crashes(Path(where), int(rest[0]))
    elif action == "race":
        race(Path(where), float(rest[0]), int(rest[1]))
    else:
        hold(Path(where))
