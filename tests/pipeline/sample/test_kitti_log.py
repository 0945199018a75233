"""The street in SemanticKITTI's layout: what is written, what the reader makes of it, and that both are the simulator's."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.current import current_labels
from occ_pipeline.pipeline.sample import MARKER, Truth, write_semantickitti_sample
from occ_pipeline.pipeline.sample.annotate import moment
from occ_pipeline.pipeline.sample.kitti_labels import CLASSES, OUTLIER, class_ids, instances, values
from occ_pipeline.pipeline.sample.labels import EGO, NOISE
from occ_pipeline.pipeline.sample.lidar import Lidar
from occ_pipeline.pipeline.sample.scanner import HDL_64E
from occ_pipeline.pipeline.sample.things import Actor, pose_at
from occ_pipeline.pipeline.sample.world import make_world
from occ_pipeline.pipeline.sources import SOURCES, LoggedScene, read_sweep
from occ_pipeline.pipeline.sources.semantickitti import LEARNING_MAP
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.grid import GRIDS
from occ_pipeline.schemas.occupancy import CarvedOccupancy, State, VotedOccupancy
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.taxonomy import NO_LABEL, SEMANTICKITTI, UNLABELED
from occ_pipeline.tests.pipeline.cli.command import command
from occ_pipeline.tests.pipeline.program import Program

SECONDS, SEED, SCAN = 1.0, 3, 7


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("kitti") / "log"
    write_semantickitti_sample(out, seconds=SECONDS, seed=SEED)
    return out


@pytest.fixture(scope="module")
def lidar() -> Lidar:
    return Lidar.on(make_world(SEED, 1, SECONDS), HDL_64E)


@pytest.fixture(scope="module")
def tables(log: Path) -> SceneTables:
    (logged,) = SOURCES["semantickitti"](log, "odometry").index()
    assert isinstance(logged, LoggedScene)
    return logged.tables


def scan(log: Path, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 4) and the values of their label file."""
    folder = log / "sequences" / "00"
    points = np.fromfile(folder / "velodyne" / f"{number:06d}.bin", np.float32).reshape(-1, 4)
    return points, np.fromfile(folder / "labels" / f"{number:06d}.label", np.uint32)


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_poses_and_times_are_the_simulated_ones(log: Path, tables: SceneTables) -> None:
    assert (tables.synthetic, tables.scene, tables.dataset) == (True, "00", "semantickitti")
    assert json.loads((log / MARKER).read_text())["dataset"] == "semantickitti"
    assert tables.timestamps_ns.tolist() == [k * 100_000_000 for k in range(11)]
    truth = Truth.open(log)
    assert truth.frame_tokens("00") == tuple(tables.frame_tokens)
    scene = truth.scene("00")
    first = np.linalg.inv(scene.world_SE3_ego[0])
    for ours, theirs in ((scene.world_SE3_ego, tables.world_SE3_ego), (scene.world_SE3_lidar, tables.world_SE3_lidar(slice(None)))):  # fmt: skip
        assert np.abs(first @ ours - theirs).max() < 1e-9
    assert np.linalg.norm(tables.world_SE3_ego[-1, :3, 3]) > 8


def test_a_scan_is_one_of_a_velodyne_64(log: Path) -> None:
    points, labels = scan(log, SCAN)
    assert len(points) == len(labels) > 110_000
    away = np.linalg.norm(points[:, :3], axis=1)
    assert 2 < np.percentile(away, 0.1) < away.max() < 80.1
    assert 0 <= points[:, 3].min() < points[:, 3].max() <= 1
    ground = (labels & 0xFFFF == 40) & (away < 10)
    assert np.median(points[ground, 2]) == pytest.approx(-1.73, abs=0.06)
    # The next scan's road is this one's, a scan's way back.
    later, _ = scan(log, SCAN + 1)
    assert not np.array_equal(points[:100], later[:100])


def test_labels_are_those_of_what_was_hit(log: Path, lidar: Lidar) -> None:
    turn = lidar.turn(SEED, SCAN)
    points, labels = scan(log, SCAN)
    there = turn.labels != EGO
    assert np.array_equal(points[:, :3], turn.points[there, :3])
    triangles, usual = turn.triangles[there], turn.labels[there]
    hit = triangles >= 0
    assert np.array_equal(hit, usual != NOISE)
    assert (labels[~hit] == OUTLIER).all()
    world = lidar.world
    names = np.concatenate([mesh.labels for mesh in world.meshes])
    assert np.array_equal(names[triangles[hit]], usual[hit])
    assert np.array_equal(labels[hit] & 0xFFFF, values(world)[triangles[hit]])
    assert np.array_equal(labels[hit] >> 16, instances(world)[triangles[hit]])


def test_what_moves_has_moving_labels_and_its_own_number(log: Path, lidar: Lidar) -> None:
    """Points of every object lie in its box, and what lies well within a box is that object's."""
    world = lidar.world
    points, labels = scan(log, SCAN)
    world_SE3_lidar = pose_at(world.ego, SCAN * HDL_64E.period_s) @ HDL_64E.ego_SE3_lidar
    places = points[:, :3].astype(np.float64) @ world_SE3_lidar[:3, :3].T + world_SE3_lidar[:3, 3]
    moving = inside = right = 0
    for number, thing in enumerate((*world.parked, *world.actors), 1):
        pose = thing.pose(moment(lidar, thing, SCAN)) if isinstance(thing, Actor) else thing.pose(0.0)
        away = np.abs((places - pose[:3, 3]) @ pose[:3, :3]) - thing.size_m / 2
        own = labels >> 16 == number
        # What drives behind the car is scanned at the turn's beginning and at its end, a tenth of a second later.
        assert (away[own] < (0.35 if thing.name.startswith("parked") else 1.5)).all(), thing.name
        within = (away < -0.05).all(axis=1)
        inside += int(within.sum())
        right += int(own[within].sum())
        found = set((labels[own] & 0xFFFF).tolist())
        assert len(found) <= 1
        if found:
            still = not (isinstance(thing, Actor) and thing.moving)
            assert (found <= set(range(252, 260))) != still, (thing.name, thing.category)
            moving += not still
    assert moving >= 6
    # Noise of 2 cm takes some points into a neighbour's box.
    assert right > 0.995 * inside > 5000
    assert (labels[np.isin(labels & 0xFFFF, range(252, 260))] >> 16 > 0).all()


def test_thin_things_have_their_own_classes(log: Path, lidar: Lidar) -> None:
    """Poles and trunks are thin and upright, plates hang above heads, the parking lane lies between lane and kerb."""
    found = values(lidar.world)
    assert {40, 44, 48, 49, 50, 51, 52, 70, 71, 72, 80, 81, 99} <= set(found.tolist())
    static = lidar.world.static
    corners = static.corners - static.corners.min(axis=(0, 1))
    named = found[: len(corners)]
    for value in (71, 81):
        part = corners[named == value]
        assert len(part)
        assert (np.ptp(part[..., :2], axis=1).max(axis=1) < 1.0).all()
    signs = np.unique(scan(log, SCAN)[1] & 0xFFFF)
    assert {71, 80, 81} <= set(signs.tolist())


def test_values_count_as_the_reader_says() -> None:
    everything = {number for numbers in CLASSES.values() for number in numbers}
    for number in everything:
        ours = int(class_ids(np.array([number], dtype=np.uint32))[0])
        theirs = LEARNING_MAP.get(number, NO_LABEL)
        assert theirs == (NO_LABEL if SEMANTICKITTI.classes[ours] == UNLABELED else ours), number


def test_the_truth_speaks_the_datasets_taxonomy(log: Path, tables: SceneTables) -> None:
    """A static point's class is the truth's in its voxel, or that of something with more surface there."""
    grid = GRIDS["semantickitti"]
    frame = Truth.open(log).frame("00", f"{SCAN:06d}", grid)
    found = [SEMANTICKITTI.classes[number] for number in np.unique(frame.semantics[frame.semantics != NO_LABEL])]
    assert {"car", "person", "road", "parking", "sidewalk", "building", "fence", "vegetation", "trunk", "pole"} <= set(
        found
    )
    assert (frame.static == SEMANTICKITTI.id_of(UNLABELED)).any()
    sweep = read_sweep(log, tables, SCAN)
    assert sweep.labels is not None
    cells = np.floor((sweep.points - np.array(grid.min_m)) / grid.voxel_m).astype(int)
    inside = ((cells >= 0) & (cells < grid.shape)).all(axis=1) & (sweep.labels != NO_LABEL)
    true = frame.semantics[tuple(cells[inside].T)]
    # Noise of 2 cm takes some points of flat ground out of their voxel.
    assert (true != NO_LABEL).mean() > 0.9
    assert (true == sweep.labels[inside])[true != NO_LABEL].mean() > 0.93


def test_a_seed_gives_the_same_bytes_and_sequences_stand_alone(log: Path, tmp_path: Path) -> None:
    write_semantickitti_sample(tmp_path / "two", scenes=2, seconds=SECONDS, seed=SEED)
    one, two = digests(log), digests(tmp_path / "two")
    assert len(one) > 25
    assert {name: two[name] for name in one if name != MARKER} == {name: one[name] for name in one if name != MARKER}
    assert one["sequences/00/velodyne/000000.bin"] != two["sequences/01/velodyne/000000.bin"]


def test_numbers_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at most 100"):
        write_semantickitti_sample(tmp_path / "log", scenes=101)
    assert not (tmp_path / "log").exists()


def test_without_a_data_root_there_is_a_log(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("occ_pipeline.pipeline.cli.sample.SAMPLE_SECONDS", {"semantickitti": 0.5})
    ended = program("plan", "densify", "--dataset", "semantickitti", "--out", tmp_path / "x.zarr", "--json")
    assert ended.code == 0, ended.err
    assert len(list((tmp_path / "cache").rglob("velodyne/*.bin"))) == 6


@pytest.fixture(scope="module")
def labelled(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of our labels and of those that the published labels' recipe makes."""
    store = tmp_path_factory.mktemp("labelled") / "labels.zarr"
    for target in ("visibility", "scan-votes"):
        ended = command("run", target, "--dataset", "semantickitti", "--dataroot", log, "--out", store)
        assert ended.code == 0, ended.err
    return store


@pytest.mark.slow
def test_labels_are_as_good_as_measured(log: Path, labelled: Path) -> None:
    """Measured: 0.870 of all, 0.882 of what stands still and 0.806 of its classes, 0.666 of rigid and 0.514 of deforming objects,
    whose boxes are found from labels. Floors a little below, as the bytes are the same anywhere.
    """
    found = command("compare", labelled, "--reference", f"truth:{log}", "--json").json
    assert found["frames"] == 11
    assert found["iou"] > 0.855
    assert found["static"]["iou"] > 0.875
    assert found["static"]["miou"] > 0.785
    assert found["moving_rigid"]["iou"] > 0.64
    assert found["deforming"]["iou"] > 0.49
    assert UNLABELED not in found["per_class"]


@pytest.mark.slow
def test_the_published_recipe_leaves_trails_and_ours_does_not(log: Path, labelled: Path, tmp_path: Path) -> None:
    """Where cars are said to be in the first key frame, and in truth nothing is."""
    store, grid, car = Store.open(labelled), GRIDS["semantickitti"], SEMANTICKITTI.id_of("car")
    kinds = VotedOccupancy, CarvedOccupancy
    voted, ours = (current_labels(store, read_index(store), "00", kind) for kind in kinds)
    empty = Truth.open(log).frame("00", "000000", grid).semantics == NO_LABEL
    trail = (voted.rows("semantics", 0, 1)[0] == car) & empty
    assert trail.sum() > 1000
    assert (ours.rows("state", 0, 1)[0] == State.OCCUPIED)[trail].mean() < 0.1
    found = command("compare", labelled, "--reference", f"truth:{log}", "--product", "voted_occupancy", "--json").json
    assert found["per_class"]["car"]["precision"] < 0.65
    export = ("export", labelled, "--format", "semantickitti", "--out", tmp_path / "files", "--dataroot", log)
    assert command(*export, "--synthetic", "--product", "voted_occupancy").code == 0
    voxels = tmp_path / "files" / "sequences" / "00" / "voxels"
    invalid, occluded = (
        np.unpackbits(np.fromfile(voxels / f"000000.{kind}", np.uint8)).reshape(grid.shape)
        for kind in ("invalid", "occluded")
    )
    assert (invalid == (voted.rows("state", 0, 1)[0] == State.UNKNOWN)).all()
    assert (occluded == voted.rows("occluded", 0, 1)[0]).all()
    assert (occluded >= invalid).all()
