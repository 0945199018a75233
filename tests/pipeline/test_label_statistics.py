"""Statistics of labels against plain loops, published weights, and what the paper saw of poles and roads."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.label_statistics import chosen_labels, label_statistics, loss_weight
from occ_pipeline.pipeline.label_statistics_files import classes_csv, scales_csv, to_json
from occ_pipeline.pipeline.picture.scales import density
from occ_pipeline.pipeline.picture.statistics import draw_statistics
from occ_pipeline.pipeline.run_counts import RunCounts, median_run, runs_of
from occ_pipeline.pipeline.store.index import read_index, update_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.errors import UsageError, VerificationError
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import State, SurfaceOccupancy
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.tests.conftest import Clean
from occ_pipeline.tests.pipeline.judged_store import commit, judged_store
from occ_pipeline.tests.pipeline.program import Program
from occ_pipeline.tests.pipeline.street_poles import POLE, truth_with_poles
from PIL import Image

CLASSES = 4
ROAD, MANMADE = NUSCENES.id_of("driveable_surface"), NUSCENES.id_of("manmade")
SEMANTICKITTI = {
    5_417_730_330: 0.04462, 15_783_539: 0.06033, 125_136: 0.08520, 118_809: 0.08558, 646_799: 0.07474, 821_951: 0.07342,
    262_978: 0.08013, 283_696: 0.07965, 204_750: 0.08177, 61_688_703: 0.05575, 4_502_961: 0.06527, 44_883_650: 0.05676,
    2_269_923: 0.06833, 56_840_218: 0.05600, 15_719_652: 0.06035, 158_442_623: 0.05296, 2_061_623: 0.06878,
    36_970_522: 0.05739, 1_151_988: 0.07165, 334_146: 0.07862,
}  # fmt: skip
"""Voxels of empty space and of each class in SemanticKITTI's training scenes, and their weights."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return judged_store(tmp_path_factory.mktemp("counted") / "labels.zarr")


def name_of(state: int, semantics: int) -> int:
    """The row a voxel counts in: classes, then free, unknown and without a class."""
    if state == State.OCCUPIED:
        return CLASSES + 2 if semantics == 255 else semantics
    return CLASSES if state == State.FREE else CLASSES + 1


def slowly_counted(state: np.ndarray, semantics: np.ndarray) -> Counter[tuple[int, int, int]]:
    """Voxels by axis, row and run length, each voxel walked from in both directions."""
    names = {place: name_of(int(state[place]), int(semantics[place])) for place in np.ndindex(state.shape)}
    found: Counter[tuple[int, int, int]] = Counter()
    for place, name in names.items():
        for axis in range(3):
            length = 1
            for step in (-1, 1):
                here = list(place)
                here[axis] += step
                while names.get((here[0], here[1], here[2])) == name:
                    length += 1
                    here[axis] += step
            found[axis, name, length] += 1
    return found


def as_counter(counts: RunCounts) -> Counter[tuple[int, int, int]]:
    return Counter(
        {(axis, *map(int, where)): int(n[tuple(where)]) for axis, n in enumerate(counts) for where in np.argwhere(n)}
    )


@pytest.mark.parametrize("seed", range(8))
def test_equal_to_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 9, 3).tolist())
    frames = []
    for _ in range(2):
        state = rng.choice(3, shape, p=[0.2, 0.2, 0.6]).astype(np.uint8)
        some = rng.choice([0, 1, 2, 255], shape, p=[0.5, 0.3, 0.1, 0.1])
        frames.append((state, np.where(state == State.OCCUPIED, some, 255).astype(np.uint8)))
    counts = RunCounts.none(shape, CLASSES)
    for frame in frames:
        counts = counts.plus(RunCounts.of(*frame, CLASSES))
    assert as_counter(counts) == slowly_counted(*frames[0]) + slowly_counted(*frames[1])
    assert [axis.shape for axis in counts] == [(CLASSES + 3, n + 1) for n in shape]
    for axis in counts:
        lengths = np.arange(axis.shape[1])
        assert axis.sum() == 2 * np.prod(shape)
        assert np.array_equal(runs_of(axis) * lengths, axis), "whole runs"
        for row in axis:
            every = np.repeat(lengths, row)
            assert median_run(row) == (every[(len(every) - 1) // 2] if len(every) else None)


def test_weights_as_published() -> None:
    for voxels, weight in SEMANTICKITTI.items():
        assert round(loss_weight(voxels) or 0, 5) == weight, voxels
    assert (loss_weight(0), loss_weight(1)) == (None, None)
    assert loss_weight(2) == 1 / math.log(2.001)


def test_ids_that_are_no_class_are_refused() -> None:
    state, semantics = np.full((2, 2, 2), 2, np.uint8), np.array([4, 3, 3, 255, 0, 0, 9, 9], np.uint8).reshape(2, 2, 2)
    with pytest.raises(ValueError, match=r"0 to 3, or 255 for none, found \[4, 9\]"):
        RunCounts.of(state, semantics, CLASSES)


def test_a_store_is_counted(store: Store) -> None:
    found = label_statistics(chosen_labels(store))
    labels = found.chosen.labels
    state, semantics = (np.concatenate([each.read(name) for each in labels]) for name in ("state", "semantics"))
    assert (found.frames, found.chosen.scenes, found.chosen.products) == (4, ("ghost", "plain"), ("refined_occupancy",))
    rows = {row.name: row for row in found.rows}
    assert list(rows) == [*NUSCENES.classes, "free", "unknown", "no_class"]
    for number, name in enumerate(NUSCENES.classes):
        assert rows[name].voxels == np.count_nonzero((state == State.OCCUPIED) & (semantics == number))
    for name, number in (("free", State.FREE), ("unknown", State.UNKNOWN)):
        assert rows[name].voxels == np.count_nonzero(state == number)
    known = np.count_nonzero(state != State.UNKNOWN)
    assert rows["manmade"].share == rows["manmade"].voxels / known
    assert rows["free"].weight == loss_weight(rows["free"].voxels)
    assert (rows["unknown"].share, rows["unknown"].weight, rows["no_class"].weight) == (None, None, None)
    assert (rows["bus"].voxels, rows["bus"].weight, rows["bus"].median_runs) == (0, None, (None, None, None))
    # The wall is one voxel thick, 40 wide and 9 high; not all of it is seen.
    assert rows["manmade"].median_runs[0] == 1


def test_files_hold_what_was_counted(store: Store) -> None:
    found = label_statistics(chosen_labels(store, ["plain"]))
    classes = list(csv.DictReader(io.StringIO(classes_csv(found))))
    lines = list(csv.DictReader(io.StringIO(scales_csv(found))))
    for row, line in zip(found.rows, classes, strict=True):
        assert (line["class"], int(line["voxels"])) == (row.name, row.voxels)
        assert (line["loss_weight"] == "") == (row.weight is None)
        for axis in "xyz":
            mine = [each for each in lines if (each["class"], each["axis"]) == (row.name, axis)]
            assert sum(int(each["voxels"]) for each in mine) == row.voxels
    for line in lines:
        length, paper_l, voxels, runs = (int(line[name]) for name in ("run_voxels", "paper_l", "voxels", "runs"))
        assert (paper_l, voxels) == (length + 1, length * runs)
    again = label_statistics(chosen_labels(store, ["plain"]))
    assert (classes_csv(again), scales_csv(again)) == (classes_csv(found), scales_csv(found)), "the same bytes again"
    told = to_json(found)
    assert [{name: str(value) for name, value in each.items()} for each in told["scales"]] == lines
    assert told["classes"]["bus"]["loss_weight"] is None
    assert (told["scenes"].keys(), told["frames"]) == ({"plain"}, 2)


def test_curves_peak_where_the_voxels_are() -> None:
    for length in (1, 7, 30):
        voxels = np.zeros(41, np.int64)
        voxels[length] = 5 * length
        places, heights = density(voxels)
        assert places[heights.argmax()] == pytest.approx(length, rel=0.02)
        assert heights.max() == 1
    assert not density(np.zeros(41, np.int64))[1].any()


def grown(store: Store, scene: str, grid: VoxelGrid, taxonomy: str) -> None:
    """Makes labels of another grid or taxonomy the current ones of a scene."""
    state = np.zeros((2, *grid.shape), np.uint8)
    made = SurfaceOccupancy(
        state=state, semantics=state + np.uint8(255), body=state, world_SE3_grid=np.tile(np.eye(4), (2, 1, 1)),
        grid=grid.to_json(), taxonomy=taxonomy, frame_tokens=["frame-0", "frame-1"],
    )  # fmt: skip
    fingerprint = commit(store, scene, made, {}, grid=grid.text, taxonomy=taxonomy)
    products = dict(read_index(store).scenes[scene].products)
    assert "surface_occupancy" in products
    update_index(store, {scene: {SurfaceOccupancy: fingerprint}})


def test_what_cannot_be_added_up_is_refused(tmp_path: Path, program: Program) -> None:
    store = judged_store(tmp_path / "labels.zarr")
    grid = VoxelGrid((0.0, 0.0, 0.0), 0.5, (4, 4, 2))
    grown(store, "plain", grid, NUSCENES.name)
    with pytest.raises(UsageError) as error:
        chosen_labels(store, product=SurfaceOccupancy)
    for text in ("more than one grid", "-4,-8,-0.4,16,8,3.6@0.4:ego of ghost", f"{grid.text} of plain", "--scenes"):
        assert text in str(error.value)
    ended = program("stats", store.path, "--product", "surface_occupancy")
    assert (ended.code, ended.out, len(ended.errors)) == (2, "", 1)
    assert chosen_labels(store, ["plain"], SurfaceOccupancy).grid == grid
    same = chosen_labels(store, ["ghost"]).grid
    grown(store, "plain", same, "of_another_kind")
    with pytest.raises(
        UsageError, match=r"more than one taxonomy .*nuscenes_lidarseg of ghost and of_another_kind of plain"
    ):
        chosen_labels(store, product=SurfaceOccupancy)


def test_labels_of_another_taxonomy_are_damage(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = chosen_labels(store, ["plain"])
    monkeypatch.setattr(type(chosen.labels[0]), "rows", lambda *_: np.full((1, 3, 3, 3), 2, np.uint8) * 50)
    monkeypatch.setattr("occ_pipeline.pipeline.run_counts.run_classes", lambda _, semantics: semantics)
    with pytest.raises(
        VerificationError, match=r"classes of its taxonomy \(scene plain, frame frame-0\): found .*\[100\]"
    ):
        label_statistics(chosen)


def test_the_command(store: Store, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = program("stats", store.path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("\nlabels-stats/scales.png\n")
    assert max(map(len, ended.out.splitlines())) <= 100
    for words in ("refined_occupancy", "4 key frames of 2 scenes", "no weight: 0 voxels", "no class", "ignored"):
        assert words in ended.out
    folder = tmp_path / "labels-stats"
    assert sorted(path.name for path in folder.iterdir()) == ["classes.csv", "scales.csv", "scales.png"]
    with Image.open(folder / "scales.png") as image:
        assert image.width == 1900
        colours = np.array(image.convert("RGB")).reshape(-1, 3)
    for name in ("car", "manmade", "driveable_surface"):
        assert (colours == NUSCENES.colours[NUSCENES.id_of(name)]).all(axis=1).sum() > 500, name


def test_the_command_as_json(store: Store, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = program("stats", store.path, "--json", "--scenes", "ghost", "--product", "carved_occupancy")
    found = json.loads(ended.out)
    assert (ended.code, ended.err, found["folder"], list(tmp_path.iterdir())) == (0, "", None, [])
    assert found["scenes"]["ghost"]["product"] == "carved_occupancy"
    again = program("stats", store.path, "--json", "--out", tmp_path / "here", "--classes", "manmade,free")
    assert again.json["folder"] == str(tmp_path / "here")
    assert (tmp_path / "here" / "scales.png").is_file()


def test_first_mistakes(store: Store, tmp_path: Path, program: Program) -> None:
    (tmp_path / "file").write_text("words")
    for words, says in (
        (("--classes", "cra"), ("no class is called 'cra'", "did you mean 'car'?")),
        (("--out", tmp_path / "file"), ("the files need a folder", "--out")),
        (("--out", tmp_path / "gone" / "here"), ("is not there", str(tmp_path / "gone"))),
        (("--scenes", "nowhere"), ("no such scene", "ghost, plain")),
    ):
        ended = program("stats", store.path, *words)
        assert (ended.code, ended.out) == (2, "")
        assert all(text in ended.err for text in says), ended.err


def longest_shares(counts: RunCounts, row: int, limit: int) -> list[float]:
    """Of a class's voxels, those in runs of more than ``limit`` along x, y and z."""
    return [float(axis[row, limit + 1 :].sum() / axis[row].sum()) for axis in counts]


def test_poles_are_long_in_z_and_roads_in_x_and_y(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper's Fig. 9, at its voxel size: poles below 6 voxels in x and y and above 10 in z, roads above 30 and below 5."""
    truth = truth_with_poles(log, monkeypatch)
    grid = VoxelGrid.from_range((-25.6, -25.6, -2.0, 25.6, 25.6, 4.4), 0.2)
    frame = truth.frame(truth.scenes[0], truth.frame_tokens(truth.scenes[0])[0], grid)
    state = np.where(frame.semantics == 255, State.UNKNOWN, State.OCCUPIED).astype(np.uint8)
    counts = RunCounts.of(state, frame.semantics, len(NUSCENES.classes))
    assert counts.z[POLE].sum() > 200
    assert longest_shares(counts, POLE, 5)[:2] == [0, 0]
    assert longest_shares(counts, POLE, 10)[2] > 0.7
    assert longest_shares(counts, ROAD, 4)[2] == 0
    assert [share > 0.5 for share in longest_shares(counts, ROAD, 30)[:2]] == [True, True]


def test_so_are_poles_and_roads_of_real_labels(clean: Clean, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In what ``densify`` made of the log's points: manmade voxels at true poles, told apart from houses."""
    truth = truth_with_poles(log, monkeypatch)
    chosen = chosen_labels(Store.open(clean.store), [truth.scenes[0]])
    (labels,) = chosen.labels
    counts = RunCounts.none(chosen.grid.shape, len(NUSCENES.classes))
    for row, token in enumerate(labels.attribute("frame_tokens")):
        state, semantics = (labels.rows(name, row, row + 1)[0] for name in ("state", "semantics"))
        poles = truth.frame(truth.scenes[0], token, chosen.grid).static == POLE
        semantics = np.where(poles & (semantics == MANMADE), np.uint8(POLE), semantics)
        counts = counts.plus(RunCounts.of(state, semantics, len(NUSCENES.classes)))
    pole, road = ([median_run(axis[row]) or 0 for axis in counts] for row in (POLE, ROAD))
    # In voxels of 0.4 m.
    assert counts.z[POLE].sum() > 40
    assert max(pole[:2]) <= 2 < 8 <= pole[2]
    assert road[2] <= 2 < 8 <= min(road[:2])


def test_before_visibility_nothing_is_free(clean: Clean) -> None:
    found = label_statistics(chosen_labels(Store.open(clean.store)))
    free = next(row for row in found.rows if row.name == "free")
    assert (free.voxels, free.weight, free.share) == (0, None, 0)
    assert draw_statistics(found, ["free"])[:4] == b"\x89PNG"
