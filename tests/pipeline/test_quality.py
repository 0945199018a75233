"""Quality without 3D truth: ratios counted by hand, the worst first, and only what was measured of these very labels."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.agreement import Agreement, Pixels, worst_image
from occ_pipeline.pipeline.current import chosen_scenes, current_labels
from occ_pipeline.pipeline.quality import Voxels, quality, standing_alone
from occ_pipeline.pipeline.store.index import read_index, update_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.consistency import Consistency
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.image_labels import ImageLabels
from occ_pipeline.schemas.occupancy import (
    CarvedOccupancy,
    ReferenceOccupancy,
    RefinedOccupancy,
    SurfaceOccupancy,
    VotedOccupancy,
)
from occ_pipeline.schemas.product import InMemory
from occ_pipeline.tests.conftest import Clean
from occ_pipeline.tests.pipeline.judged_store import commit, judged_store
from occ_pipeline.tests.pipeline.program import Program
from occ_pipeline.tests.stages.seen_world import car, seen_world, things
from PIL import Image


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return judged_store(tmp_path_factory.mktemp("judged") / "labels.zarr")


def test_ratios_by_hand() -> None:
    #                      a  b  c  no class, none
    confusion = np.array([[6, 2, 0, 1, 5], [1, 3, 0, 0, 0], [0, 0, 0, 0, 4]])
    found = Agreement.of(Pixels(confusion, unlabelled=10, through_unknown=11), ("a", "b", "c"))
    a, b = found.per_class["a"], found.per_class["b"]
    assert (a.iou, a.precision, a.recall) == (6 / 10, 6 / 7, 6 / 9)
    assert (b.iou, b.precision, b.recall) == (3 / 6, 3 / 5, 3 / 4)
    assert list(found.per_class) == ["a", "b"], "nothing is judged of c: all its rays meet nothing"
    assert (found.miou, found.agree) == ((0.6 + 0.5) / 2, 9 / 13)
    assert (found.met, found.through_unknown, found.labelled) == (13 / 22, 11 / 22, 22 / 32)
    nothing = Agreement.of(Pixels(np.zeros((3, 5), int), 0, 0), ("a", "b", "c"))
    assert (nothing.miou, nothing.met, nothing.per_class) == (None, None, {})


def test_the_worst_image_has_the_most_wrong_pixels() -> None:
    confusion = np.zeros((2, 3, 2, 4), np.int64)
    confusion[..., 0, 0] = 50
    confusion[1, 1, 0, 1], confusion[0, 2, 1, 2] = 7, 6
    confusion[0, 0, 0, 3] = 100
    counts = np.zeros((2, 3), np.int64)
    made = Consistency(
        confusion=confusion, unlabelled=counts, through_unknown=counts, judged="", names=[], taxonomy="", frame_tokens=[]
    )  # fmt: skip
    assert worst_image(InMemory(made)) == (1, 1)


def test_standing_alone() -> None:
    random = np.random.default_rng(0)
    occupied = random.random((7, 6, 5)) < 0.06
    for where in np.ndindex(occupied.shape):
        around = occupied[tuple(slice(max(i - 1, 0), i + 2) for i in where)]
        assert standing_alone(occupied)[where] == (occupied[where] and around.sum() == 1)
    assert standing_alone(occupied).any()


def test_voxels_add_up() -> None:
    labels = seen_world(things(), things()).products[CarvedOccupancy]
    assert isinstance(labels, CarvedOccupancy)
    labels.state[0, 10, 10, 9], labels.semantics[0, 10, 10, 9] = 2, 255
    labels.state[0, 20, 10, 9] = 0
    first, second = (Voxels.of(InMemory(labels), frame) for frame in range(2))
    assert (first.unknown, first.unlabelled, first.isolated) == (1, 1, 1)
    assert first.occupied == second.occupied + 1 == len(things()) + 1
    shares = (first + second).to_json()
    assert shares["isolated"] == shares["unlabelled"] == 1 / (first.occupied + second.occupied)


def test_refinement_shows_in_the_consistency(store: Store) -> None:
    """The most refined labels are judged; those before, when asked for, by what was measured of them."""
    before, after = (
        {scene.scene: scene.to_json() for scene in quality(store, product=kind)} for kind in (CarvedOccupancy, None)
    )
    assert {each["product"] for each in after.values()} == {"refined_occupancy"}
    assert before["plain"]["consistency"] is None, "never measured"
    ghost = before["ghost"]["consistency"]
    assert ghost["per_class"]["car"]["precision"] == 0
    assert "car" not in after["ghost"]["consistency"]["per_class"]
    assert after["ghost"]["consistency"]["agree"] > 0.99 > ghost["agree"]


def test_worst_first(store: Store) -> None:
    assert [scene.scene for scene in quality(store, product=CarvedOccupancy)] == ["ghost", "plain"], (
        "measured ones first"
    )
    order = quality(store)
    mious = [scene.agreement.miou for scene in order if scene.agreement is not None]
    assert len(mious) == 2
    assert mious == sorted(mious)  # type: ignore[type-var]


def test_what_was_measured_of_other_labels_is_not_shown(tmp_path: Path) -> None:
    store = judged_store(tmp_path / "labels.zarr")
    products = {k: dict(e.products) for k, e in read_index(store).scenes.items()}
    refined = store.reader("plain", RefinedOccupancy, products["plain"]["refined_occupancy"])
    images = store.reader("plain", ImageLabels, products["plain"]["image_labels"])
    assert quality(store, ["plain"])[0].consistency is not None
    other = commit(store, "plain", ImageLabels(
        labels=images.read("labels") * 0, **{n: images.attribute(n) for n in ImageLabels.attribute_names()}), {})  # fmt: skip
    update_index(store, {"plain": {ImageLabels: other, RefinedOccupancy: refined.manifest.fingerprint}})
    (found,) = quality(store, ["plain"], RefinedOccupancy)
    assert found.consistency is None


def test_current_labels_follow_what_is_current(store: Store) -> None:
    index = read_index(store)
    assert current_labels(store, index, "ghost").product is RefinedOccupancy
    assert current_labels(store, index, "ghost", SurfaceOccupancy).product is SurfaceOccupancy
    # As if visibility had been run again, with other parameters, and nothing after it.
    again = store.reader("ghost", CarvedOccupancy, index.scenes["ghost"].products["carved_occupancy"])
    made = CarvedOccupancy(
        **{n: again.read(n) for n in CarvedOccupancy.specs()},
        **{n: again.attribute(n) for n in CarvedOccupancy.attribute_names()},
    )
    surface = index.scenes["ghost"].products["surface_occupancy"]
    products = dict(index.scenes["ghost"].products)
    products["carved_occupancy"] = commit(store, "ghost", made, {SurfaceOccupancy: surface}, votes=3)
    entry = dataclasses.replace(index.scenes["ghost"], products=products)
    later = dataclasses.replace(index, scenes={"ghost": entry})
    assert current_labels(store, later, "ghost").manifest.fingerprint == products["carved_occupancy"]


def test_labels_that_were_taken_over_are_shown_where_none_are_made(store: Store) -> None:
    index = read_index(store)
    products = dict(index.scenes["ghost"].products)
    carved = store.reader("ghost", CarvedOccupancy, products["carved_occupancy"])
    made = ReferenceOccupancy(
        **{n: carved.read(n) for n in CarvedOccupancy.specs()},
        **{n: carved.attribute(n) for n in CarvedOccupancy.attribute_names()},
    )
    taken = {"reference_occupancy": commit(store, "ghost", made, {})}

    def current(kinds: Mapping[str, str]) -> str:
        entry = dataclasses.replace(index.scenes["ghost"], products=kinds)
        return current_labels(store, dataclasses.replace(index, scenes={"ghost": entry}), "ghost").product.name

    assert current(taken) == "reference_occupancy"
    assert current(products | taken) == "refined_occupancy"
    with pytest.raises(UsageError, match="the store has no surface_occupancy of this scene"):
        current({})


def test_labels_to_compare_with_are_meant_where_they_are_named(store: Store) -> None:
    index = read_index(store)
    carved = store.reader("ghost", CarvedOccupancy, index.scenes["ghost"].products["carved_occupancy"])
    made = VotedOccupancy(
        **{n: carved.read(n) for n in CarvedOccupancy.specs()},
        **{n: carved.attribute(n) for n in CarvedOccupancy.attribute_names()},
        occluded=carved.read("mask_lidar"),
    )
    voted = {"voted_occupancy": commit(store, "ghost", made, {})}
    both = dataclasses.replace(index.scenes["ghost"], products=dict(index.scenes["ghost"].products) | voted)
    alone = dataclasses.replace(index.scenes["ghost"], products=voted)
    assert (
        current_labels(store, dataclasses.replace(index, scenes={"ghost": both}), "ghost").product is RefinedOccupancy
    )
    only = dataclasses.replace(index, scenes={"ghost": alone})
    assert current_labels(store, only, "ghost", VotedOccupancy).product is VotedOccupancy
    assert chosen_scenes(store, only, None, VotedOccupancy) == ["ghost"]
    for asked in (lambda: current_labels(store, only, "ghost"), lambda: chosen_scenes(store, only, None, None)):
        with pytest.raises(
            UsageError, match="found voted_occupancy; name them with --product voted_occupancy, in show"
        ):
            asked()


def test_unknown_scenes(store: Store) -> None:
    with pytest.raises(UsageError, match="no such scene"):
        quality(store, ["nowhere"])


def test_the_command(store: Store, tmp_path: Path, program: Program) -> None:
    picture = tmp_path / "worst.png"
    ended = program("quality", store.path, "--out", picture)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith(f"{picture}\n")
    assert max(map(len, ended.out.splitlines()[:-1])) <= 100
    for word in ("refined_occupancy", "ghost", "plain", "driveable surface", "isolated"):
        assert word in ended.out
    with Image.open(picture) as image:
        assert image.size[0] == 1600
        colours = np.array(image).reshape(-1, 3)
    # The wall's colour, in both pictures.
    assert (colours == (205, 195, 170)).all(axis=1).mean() > 0.05


def test_the_command_as_json(store: Store, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = program("quality", store.path, "--json", "--product", "carved_occupancy")
    found = json.loads(ended.out)
    assert (ended.code, found["worst"], found["picture"]) == (0, "ghost", None)
    assert set(found["scenes"]["ghost"]) >= {"unknown", "unlabelled", "isolated", "consistency", "product"}
    assert list(tmp_path.iterdir()) == []


def test_without_2d_labels_it_says_so_once(clean: Clean, tmp_path: Path, program: Program) -> None:
    ended = program("quality", clean.store, "--out", tmp_path / "worst.png")
    assert ended.code == 0
    assert ended.err.count("is not measured for 2 of 2 scenes: it needs camera images and 2D labels of them;") == 1
    assert "isolated" in ended.out
    assert (tmp_path / "worst.png").exists()


def test_a_picture_that_cannot_be_written_is_told_first(store: Store, tmp_path: Path, program: Program) -> None:
    ended = program("quality", store.path, "--out", tmp_path / "worst.jpg")
    assert (ended.code, ended.out) == (2, "")
    assert "another ending" in ended.err


def test_the_car_is_what_was_refined(store: Store) -> None:
    labels = current_labels(store, read_index(store), "ghost")
    state = labels.rows("state", 0, 1)[0]
    assert not any(state[where] == 2 for where in car())
