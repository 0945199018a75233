"""A stage that reads cameras, from plan to commit: what it sees, what is kept with it, and that nothing else runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from distributed import Client
from occ_pipeline.pipeline.execute import execute
from occ_pipeline.pipeline.garbage import unnamed
from occ_pipeline.pipeline.run_folder import RunFolder
from occ_pipeline.pipeline.session import Log, make_plan
from occ_pipeline.pipeline.sources.nuscenes import NuScenesSource
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store, StoreIdentity
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.product import Array, Product, array, load
from occ_pipeline.stages.estimate import Estimate, SceneSize
from occ_pipeline.stages.stage import Part, PartResult, SceneView, Stage
from occ_pipeline.tests.pipeline.program import Program
from occ_pipeline.tests.pipeline.sources.nuscenes_log import BAD, GOOD, VERSION, NuScenesLog

IDENTITY = StoreIdentity(dataset="nuscenes", taxonomy="nuscenes_lidarseg", back_end="open3d", synthetic=False)


@dataclass(frozen=True, kw_only=True)
class Heights(Product):
    name: ClassVar[str] = "heights"

    height_m: Array = array("frame", "camera", dtype="float64", fill=float("nan"))


@dataclass(frozen=True, kw_only=True)
class Measure(Stage):
    """How high each camera stands in the world."""

    name: ClassVar[str] = "measure"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (Heights,)

    def reads(self) -> tuple[type[Product], ...]:
        return (CameraTables,)

    def estimate(self, size: SceneSize) -> Estimate:
        return Estimate(0.1, 1.0, 1.0)

    def parts(self, scene: SceneView) -> list[Part]:
        return [Part(str(k), 1.0, {"frame": k}) for k in range(len(scene.tables.key_sweeps))]

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        cameras = load(CameraTables, scene.product(CameraTables))
        frame = part.args["frame"]
        poses = [cameras.world_SE3_camera(frame, camera) for camera in range(len(cameras.names))]
        return {"height_m": np.array([pose[2, 3] for pose in poses])}

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> tuple[Product, ...]:
        return (Heights(height_m=np.stack([result["height_m"] for result in results])),)


@pytest.fixture
def log(tmp_path: Path) -> NuScenesLog:
    log = NuScenesLog(tmp_path / "log")
    log.row("sample_data", "b-CAM_FRONT3")["width"] = 0
    return log.write()


def run(log: NuScenesLog, client: Client) -> tuple[Store, dict[str, str]]:
    """Reasons to run before, by scene."""
    store = Store.create_or_open(log.root.parent / "labels.zarr", IDENTITY)
    opened = Log(NuScenesSource(log.root, VERSION), log.root, synthetic=False)
    planned = make_plan(store, opened, [Measure()], None, lambda _: None)
    assert planned.failures == {}
    record = RunFolder(store.path, "")
    outcome = execute(client, store, log.root, list(planned.plans.values()), record, 1, lambda *_: None)
    assert outcome.failed == {}
    return store, {name: plan.steps[0].reason for name, plan in planned.plans.items()}


def test_from_plan_to_commit(log: NuScenesLog, program: Program) -> None:
    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        store, reasons = run(log, client)
        assert reasons == {GOOD: "missing", BAD: "missing"}
        first = read_index(store).scenes
        for name, entry in first.items():
            assert sorted(entry.products) == ["camera_tables", "heights", "scene_tables"]
            manifest = store.manifest(name, Heights, entry.products["heights"])
            assert manifest.provenance.inputs["camera_tables"] == entry.products["camera_tables"]
            heights = store.reader(name, Heights, entry.products["heights"]).read("height_m")
            told = ["frame b-sample1" in warning for warning in manifest.warnings]
            if name == GOOD:
                assert (heights.tolist(), told) == ([[1.8, 1.8]] * 3, [])
            else:
                assert np.array_equal(heights, [[1.8, 1.8], [1.8, np.nan], [1.8, 1.8]], equal_nan=True)
                assert told == [True]
        assert unnamed(store) == []
        assert run(log, client)[1] == {GOOD: "done", BAD: "done"}
        (log.root / "samples/CAM_BACK/b-CAM_BACK0.jpg").unlink()
        assert run(log, client)[1] == {GOOD: "done", BAD: "upstream"}
    found = {(item.product, item.kind): item.why for item in unnamed(store)}
    assert found["heights", "superseded"] == "this -> current: camera_tables changed"
    assert "images 5 -> 4" in found["camera_tables", "superseded"]
    assert store.verify(deep=True) == []
    code, out, err = program.told("validate", store.path)
    assert code == 0, err
    code, out, _ = program.told("status", store.path)
    assert code == 0
    assert "heights" in out
    assert "tables" not in out
