"""Machines where Open3D does not load, and inputs that crash it."""

from __future__ import annotations

from pathlib import Path

import pytest
from occ_pipeline.pipeline.backend import APT_LINE
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.tests.pipeline.cli.command import command, densify, digest

ABSENT = 'raise ImportError("libX11.so.6: cannot open shared object file: No such file or directory")\n'

# Reconstructs nothing but the first call's crash: the points' own corners are surface enough.
CRASHING = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np

def poisson(cloud, depth, scale, n_threads):
    print("getValue assumes leaf node", flush=True)
    os.write(1, b"[WARNING] bad average roots\\n")
    os.write(2, b"Segmentation fault in the octree\\n")
    try:
        Path(__file__).with_name("crashed").touch(exist_ok=False)
    except FileExistsError:
        points = np.asarray(cloud.points)[:60]
        corners = np.arange(len(points) // 3 * 3).reshape(-1, 3)
        return SimpleNamespace(vertices=points, triangles=corners), np.ones(len(points))
    os.kill(os.getpid(), signal.SIGSEGV)

utility = SimpleNamespace(Vector3dVector=lambda points: points)
geometry = SimpleNamespace(
    PointCloud=lambda points: SimpleNamespace(points=points),
    TriangleMesh=SimpleNamespace(create_from_point_cloud_poisson=poisson),
)
"""


def instead_of_open3d(folder: Path, code: str) -> dict[str, str]:
    """An environment in which Open3D is this code."""
    (folder / "open3d").mkdir(parents=True)
    (folder / "open3d" / "__init__.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


@pytest.mark.slow
def test_open3d_that_does_not_load(log: Path, tmp_path: Path) -> None:
    pytest.importorskip("pymeshlab")
    store = tmp_path / "x.zarr"
    env = instead_of_open3d(tmp_path / "broken", ABSENT)
    ended = command(*densify(log, store, "--workers", 2, "--json", "--scenes", "scene-0001"), env=env)
    assert ended.code == 0, ended.err
    (line,) = ended.warnings
    for text in ("Open3D cannot be loaded", "libX11.so.6", "pymeshlab", APT_LINE):
        assert text in line
    assert ended.json["scenes"]["scene-0001"]["status"] == "done"
    assert Store.open(store).identity.back_end == "pymeshlab"
    before = digest(store)

    later = command(*densify(log, store, "--json", "--scenes", "scene-0001"))
    assert later.code == 0, later.err
    assert later.warnings == []
    assert Store.open(store).identity.back_end == "pymeshlab"
    assert digest(store) == before, "a store keeps the library it began with"


def test_store_of_a_library_that_no_longer_loads(kept: Path, log: Path, tmp_path: Path) -> None:
    env = instead_of_open3d(tmp_path / "broken", ABSENT)
    done = command(*densify(log, kept, "--json"), env=env)
    assert done.code == 0, "nothing is left to reconstruct"
    ended = command(*densify(log, kept, "--json", "--set", "reconstruct.knn=3"), env=env)
    assert ended.code == 2, ended.err
    (line,) = ended.errors
    for text in ("libX11.so.6", APT_LINE, "--out"):
        assert text in line
    assert "Traceback" not in ended.err


def test_poisson_that_crashes_its_process(log: Path, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    env = instead_of_open3d(tmp_path / "crashing", CRASHING)
    ended = command(*densify(log, store, "--workers", 2, "--json"), env=env)
    assert ended.code == 3, ended.err
    scenes = ended.json["scenes"]
    assert sorted(scene["status"] for scene in scenes.values()) == ["done", "failed"]
    (failed,) = [name for name, scene in scenes.items() if scene["status"] == "failed"]
    (line,) = scenes[failed]["errors"]
    for text in (f"scene {failed}", "reconstruct", "SIGSEGV", "Segmentation fault in the octree", "crashed"):
        assert text in line
    assert "part" in line or "tile-" in line or "objects-" in line
    assert "Traceback" not in ended.err
    assert "octree" not in ended.err.replace(line, ""), "what libraries say is not shown twice"
    assert "WARNING" not in ended.err

    resumed = command(*densify(log, store, "--workers", 2), env=env)
    assert resumed.code == 0, resumed.err
