"""Refined poses from a log to what later stages see, and to labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from distributed import Client
from occ_pipeline.pipeline.current import current_product, tables_behind
from occ_pipeline.pipeline.execute import execute
from occ_pipeline.pipeline.run_folder import RunFolder
from occ_pipeline.pipeline.sample import write_nuscenes_sample
from occ_pipeline.pipeline.session import make_plan, open_log, open_store
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.product import Array, Product, array, load
from occ_pipeline.schemas.refined_poses import RefinedPoses, refined_cameras, refined_tables
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.stages.estimate import Estimate, SceneSize
from occ_pipeline.stages.refine_poses import RefinePoses
from occ_pipeline.stages.stage import Part, PartResult, SceneView, Stage
from occ_pipeline.tests.pipeline.cli.command import command
from occ_pipeline.tests.wrong_poses import Defect, aligned_error, relative_error, with_wrong_poses

SCENE = "scene-0001"
DEFECT = Defect(period_s=4.0)


@dataclass(frozen=True, kw_only=True)
class Seen(Product):
    """What a stage is given."""

    name: ClassVar[str] = "seen"

    sweeps: Array = array("sweep", "row", "column", dtype="float64", fill=float("nan"), row=4, column=4)
    boxes: Array = array("box", "row", "column", dtype="float64", fill=float("nan"), row=4, column=4)
    cameras: Array = array("frame", "camera", "row", "column", dtype="float64", fill=float("nan"), row=4, column=4)


@dataclass(frozen=True, kw_only=True)
class SeenAsLogged(Seen):
    name: ClassVar[str] = "seen_as_logged"


@dataclass(frozen=True, kw_only=True)
class Look(Stage):
    """Keeps what it is given."""

    name: ClassVar[str] = "look"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (Seen,)

    def reads(self) -> tuple[type[Product], ...]:
        return (RefinedPoses, CameraTables)

    def estimate(self, size: SceneSize) -> Estimate:
        return Estimate(0.1, 1.0, 1.0)

    def parts(self, scene: SceneView) -> list[Part]:
        return []

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        raise NotImplementedError

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> tuple[Product, ...]:
        (made,) = self.writes
        tables, cameras = scene.tables, scene.product(CameraTables)
        poses = cameras.rows("world_SE3_ego", 0, len(tables.key_sweeps))
        return (made(sweeps=tables.world_SE3_ego, boxes=tables.world_SE3_box, cameras=poses),)  # type: ignore[call-arg]


@dataclass(frozen=True, kw_only=True)
class LookAtLog(Look):
    """The same of a stage that does not ask for refined poses."""

    name: ClassVar[str] = "look-at-log"
    writes: ClassVar[tuple[type[Product], ...]] = (SeenAsLogged,)

    def reads(self) -> tuple[type[Product], ...]:
        return (CameraTables,)


@dataclass(frozen=True)
class Street:
    """A short street with wrong poses, and the store of a run on it."""

    true: np.ndarray
    store: Store

    def product(self, product: type[Product]) -> Product:
        return load(product, current_product(self.store, read_index(self.store), SCENE, product))


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Street:
    folder = tmp_path_factory.mktemp("poses")
    write_nuscenes_sample(folder / "log", seconds=2.0, seed=17, image_scale=0.02)
    wrong = with_wrong_poses(folder / "log", folder / "wrong", DEFECT)
    right = open_log("nuscenes", folder / "log", None)
    (indexed,) = right.source.index()
    opened = open_log("nuscenes", wrong, None)
    store = open_store(folder / "labels.zarr", opened, "open3d")
    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        planned = make_plan(store, opened, [RefinePoses(), Look(), LookAtLog()], None, lambda _: None)
        record = RunFolder(store.path, "")
        outcome = execute(client, store, wrong, list(planned.plans.values()), record, 1, lambda *_: None)
    assert outcome.failed == {}
    return Street(indexed.tables.world_SE3_ego, store)


def test_a_log_with_the_defects_of_nuscenes_is_mended(street: Street) -> None:
    tables, poses = street.product(SceneTables), street.product(RefinedPoses)
    assert isinstance(tables, SceneTables)
    assert isinstance(poses, RefinedPoses)
    assert (tables.world_SE3_ego[:, 2, 3] == 0).all()
    assert poses.verdict == "refined"
    for some in (tables.key_sweeps, np.arange(len(tables.timestamps_ns))):
        before, after = (
            aligned_error(found[some], street.true[some]) for found in (tables.world_SE3_ego, poses.world_SE3_ego)
        )
        assert before.degrees > 0.3
        assert after.degrees < 0.05
        assert after.metres < 0.01
    assert relative_error(poses.world_SE3_ego, street.true, 5).metres < 0.005
    thick, thin = poses.map_thickness_m
    assert thick is not None
    assert thin is not None
    assert thin < thick / 2


def test_a_stage_sees_refined_poses_if_it_reads_them(street: Street) -> None:
    tables, cameras, poses = (street.product(p) for p in (SceneTables, CameraTables, RefinedPoses))
    assert isinstance(tables, SceneTables)
    assert isinstance(cameras, CameraTables)
    assert isinstance(poses, RefinedPoses)
    assert len(cameras.names) == 6
    seen, as_logged = street.product(Seen), street.product(SeenAsLogged)
    assert isinstance(seen, Seen)
    assert isinstance(as_logged, Seen)
    after = refined_tables(tables, poses)
    assert np.abs(after.world_SE3_box - tables.world_SE3_box).max() > 0.01
    for found, of, images in ((seen, after, refined_cameras(cameras, tables, poses)), (as_logged, tables, cameras)):
        assert (found.sweeps == of.world_SE3_ego).all()
        assert (found.boxes == of.world_SE3_box).all()
        assert (found.cameras == images.world_SE3_ego).all()
    assert not np.allclose(seen.cameras, as_logged.cameras, atol=1e-3)


def test_pictures_go_by_the_poses_that_a_product_was_made_with(street: Street) -> None:
    index = read_index(street.store)
    poses = street.product(RefinedPoses)
    assert isinstance(poses, RefinedPoses)
    for product, refined in ((Seen, True), (SeenAsLogged, False)):
        made = current_product(street.store, index, SCENE, product)
        tables = tables_behind(street.store, index, SCENE, made)
        assert (tables.world_SE3_ego == poses.world_SE3_ego).all() == refined


@pytest.mark.slow
def test_labels_of_a_mended_log_are_as_good_as_of_a_sound_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write_nuscenes_sample(log, seconds=6.0, seed=17)
    wrong = with_wrong_poses(log, tmp_path / "wrong", Defect())
    iou: dict[str, float] = {}
    for name, root, enabled in (("sound", log, "auto"), ("wrong", wrong, "never"), ("mended", wrong, "auto")):
        store = tmp_path / f"{name}.zarr"
        ended = command(
            "run", "densify", "--dataroot", root, "--out", store, "--set", f"refine_poses.enabled={enabled}"
        )
        assert ended.code == 0, ended.err
        assert ("poses refined" in ended.err) == (name == "mended")
        iou[name] = json.loads(command("compare", store, "--reference", f"truth:{log}", "--json").out)["iou"]
    assert iou["wrong"] < iou["sound"] - 0.05
    assert iou["mended"] > iou["sound"] - 0.01
