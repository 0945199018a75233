"""Labels against labels: numbers worked out by hand, loops over voxels, and what is true of any two."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.pipeline.compare import compare
from occ_pipeline.pipeline.judging import Asked
from occ_pipeline.pipeline.matching import match
from occ_pipeline.pipeline.sides import Side
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.taxonomy import NUSCENES, SEMANTICKITTI, SSCBENCH_KITTI360
from occ_pipeline.tests.pipeline.written_side import FREE, GRID, NAMELESS, UNKNOWN, Written, one

ROAD, CAR, PERSON = 11, 4, 7
_, H, N = FREE, UNKNOWN, NAMELESS
#        hit   class hit   hit   miss  false -  out   out nameless  class-  unknown
MINE = [ROAD, CAR, CAR, CAR, _, CAR, _, CAR, _, ROAD, N, H]
TRUE = [ROAD, ROAD, CAR, CAR, ROAD, _, _, H, H, N, CAR, ROAD]


def figures(labels: Side, reference: Side, **asked: Any) -> dict[str, Any]:
    return json.loads(json.dumps(compare(match(labels, reference), Asked(**asked)).to_json(), allow_nan=False))


def test_hand_computed() -> None:
    found = figures(one(MINE), one(TRUE))
    # Known to the reference: all but 7 and 8. P: 0 1 2 3 5 9 10. T: 0 1 2 3 4 9 10 11.
    assert (found["predicted"], found["true"], found["seen"]) == (7, 8, 8)
    assert (found["iou"], found["precision"], found["recall"]) == (6 / 9, 6 / 7, 6 / 8)
    # Road: P 0, for at 9 the reference has no class; T 0 1 4 11. Car: P 1 2 3 5, T 2 3 10.
    road, car = found["per_class"]["driveable_surface"], found["per_class"]["car"]
    assert (road["iou"], road["precision"], road["recall"]) == (1 / 4, 1, 1 / 4)
    assert (car["iou"], car["precision"], car["recall"]) == (2 / 5, 2 / 4, 2 / 3)
    assert found["miou"] == pytest.approx((1 / 4 + 2 / 5) / 2)
    assert found["left_out"] == {"outside": 0, "unknown": 2, "unlabelled": 1, "unlabelled_judged": True}
    assert found["space"] == {"voxels": 10, "free": 2, "free_right": 1, "unknown": 1, "empty": 2, "free_precision": 0.5}
    assert found["worst"] == {"scene": "scene", "frame": "a", "iou": 6 / 9}
    assert "static" not in found, "one side does not tell what moves"


def test_voxels_without_a_class_may_be_left_out() -> None:
    found = figures(one(MINE), one(TRUE), skip_unlabelled=True)
    assert (found["predicted"], found["true"], found["iou"]) == (6, 7, 5 / 8)
    assert found["miou"] == pytest.approx((1 / 4 + 2 / 5) / 2)
    assert found["left_out"] == {"outside": 0, "unknown": 2, "unlabelled": 1, "unlabelled_judged": False}


def test_a_class_that_only_labels_have_counts_and_one_that_neither_has_does_not() -> None:
    found = figures(one([CAR, PERSON] + [_] * 10), one([CAR, CAR] + [_] * 10))
    assert found["per_class"]["pedestrian"]["iou"] == 0
    assert found["miou"] == (1 / 2 + 0) / 2
    assert len(found["per_class"]) == 2


MASK = [1, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 0]


def test_inside_a_mask() -> None:
    found = figures(one(MINE), one(TRUE, inside={"lidar": MASK}, words="theirs"), mask="lidar")
    # Left of it: P 0 1 9 10, T 0 1 4 9 10.
    assert (found["predicted"], found["true"], found["iou"]) == (4, 5, 4 / 5)
    assert found["left_out"] == {"outside": 4, "unknown": 2, "unlabelled": 1, "unlabelled_judged": True}
    assert found["mask"] == "lidar of theirs"
    own = figures(one(MINE, inside={"lidar": MASK}, words="mine"), one(TRUE), mask="lidar")
    assert {**own, "mask": found["mask"], "labels": "labels", "reference": "theirs"} == found
    both = figures(
        one(MINE, inside={"lidar": [1] * 12}), one(TRUE, inside={"lidar": MASK}, words="theirs"), mask="lidar"
    )
    assert both == found, "the reference's comes first"


def test_a_mask_that_neither_side_has() -> None:
    with pytest.raises(UsageError, match="neither side tells what a camera observed") as caught:
        figures(one(MINE, words="mine", inside={"lidar": MASK}), one(TRUE, words="theirs"), mask="camera")
    assert "found lidar of mine; none of theirs" in str(caught.value)
    with pytest.raises(UsageError, match="no voxel is left to judge: found 12 outside the mask"):
        figures(one(MINE), one(TRUE, inside={"lidar": [0] * 12}), mask="lidar")


def test_kinds_of_bodies_where_both_tell() -> None:
    mine, true = [1, 1, 2, 2, 0, 2, 0, 2, 0, 1, 1, 0], [1, 1, 2, 1, 1, 0, 0, 0, 0, 1, 2, 1]
    found = figures(one(MINE, bodies=mine), one(TRUE, bodies=true))
    # Rigid: P 2 3 5, T 2 10; 10 is predicted, as something static.
    assert found["moving_rigid"]["iou"] == 1 / (3 + 2 - 2)
    assert found["deforming"]["iou"] is None


ids = st.sampled_from([0, 4, 11, NAMELESS, FREE, UNKNOWN])
twelve = st.lists(ids, min_size=12, max_size=12)


def loop(mine: list[int], true: list[int], of: int | None) -> tuple[float | None, float | None, float | None]:
    """IoU, precision, recall of one class, or of being occupied, voxel by voxel."""
    hit = false = missed = 0
    for a, b in zip(mine, true, strict=True):
        if b == UNKNOWN or (of is not None and b == NAMELESS):
            continue
        has, wants = (a >= 0, b >= 0) if of is None else (a == of, b == of)
        hit += has and wants
        false += has and not wants
        missed += wants and not has
    ratios = [(hit, hit + false + missed), (hit, hit + false), (hit, hit + missed)]
    iou, precision, recall = (part / whole if whole else None for part, whole in ratios)
    return iou, precision, recall


@settings(max_examples=80)
@given(mine=twelve, true=twelve)
def test_same_as_loops(mine: list[int], true: list[int]) -> None:
    if all(value == UNKNOWN for value in true):
        return
    found = figures(one(mine), one(true))
    assert (found["iou"], found["precision"], found["recall"]) == loop(mine, true, None)
    per_class = {class_id: loop(mine, true, class_id) for class_id in (0, 4, 11)}
    judged = {class_id: ratios for class_id, ratios in per_class.items() if ratios[0] is not None}
    assert {NUSCENES.id_of(name) for name in found["per_class"]} == set(judged)
    for class_id, ratios in judged.items():
        got = found["per_class"][NUSCENES.classes[class_id]]
        assert (got["iou"], got["precision"], got["recall"]) == ratios
    want = sum(ratios[0] for ratios in judged.values()) / len(judged) if judged else None
    assert found["miou"] == (None if want is None else pytest.approx(want))
    for kind in ("by_distance", "by_height"):
        for key in ("predicted", "true"):
            assert sum(band[key] for band in found[kind]) == found[key]


@settings(max_examples=40)
@given(mine=twelve, true=twelve)
def test_turned_round(mine: list[int], true: list[int]) -> None:
    """Where both know everything, precision of one is recall of the other."""
    a, b = (one([FREE if v == UNKNOWN else 0 if v == NAMELESS else v for v in values]) for values in (mine, true))
    there, back = figures(a, b), figures(b, a)
    assert (there["iou"], there["miou"]) == (back["iou"], pytest.approx(back["miou"]))
    assert (there["precision"], there["recall"]) == (back["recall"], back["precision"])
    itself = figures(a, a)
    occupied = itself["predicted"] > 0
    assert (itself["iou"], itself["miou"]) == ((1, 1) if occupied else (None, None))


def test_shifted_and_flipped_are_worse() -> None:
    rng = np.random.default_rng(4)
    grid = VoxelGrid((-15.0, -15.0, -1.0), 1.0, (30, 30, 4))
    street = np.where(rng.random(grid.shape) < 0.2, rng.integers(1, 17, grid.shape), FREE)

    def side(values: np.ndarray) -> Written:
        return Written({"s": {"a": values.ravel().tolist()}}, on=grid)

    itself = figures(side(street), side(street))
    ratios = [itself, *itself["by_distance"], *itself["by_height"], *itself["per_class"].values()]
    assert all(ratio["iou"] == ratio["precision"] == ratio["recall"] == 1 for ratio in ratios)
    assert len(itself["by_distance"]) == 3
    assert len(itself["by_height"]) == 4
    for other in (np.roll(street, 1, axis=0), street[::-1], street[:, :, ::-1]):
        assert figures(side(street), side(other))["iou"] < 0.2


def test_bands_tell_where_labels_are_wrong() -> None:
    grid = VoxelGrid((0.0, 0.0, 0.0), 5.0, (6, 1, 1))
    found = figures(
        Written({"s": {"a": [CAR, CAR, CAR, _, CAR, CAR]}}, on=grid), Written({"s": {"a": [CAR] * 6}}, on=grid)
    )
    bands = [(band["from_m"], band["to_m"], band["iou"], band["miou"]) for band in found["by_distance"]]
    assert bands == [(0, 10, 1, 1), (10, 20, 0.5, 0.5), (20, 30, 1, 1)]


def test_frames_that_only_one_side_has() -> None:
    voxels = [CAR] * 12
    labels = Written({"one": {"a": voxels, "b": voxels}, "two": {"c": voxels}})
    reference = Written({"one": {"b": voxels, "late": voxels}, "three": {"d": voxels}})
    found = figures(labels, reference)
    assert (found["frames"], found["scenes"]) == (1, {"one": {"iou": 1, "miou": 1, "frames": 1}})
    assert found["only_in_store"] == {"one": ["a"], "two": ["c"]}
    assert found["only_in_reference"] == {"one": ["late"], "three": ["d"]}
    with pytest.raises(UsageError, match="no key frame in common: found 1 key frames of two in labels, 0 key frames"):
        match(labels, reference, ["two"])


def test_names_of_a_format_match_frames() -> None:
    """The format's own scenes are drives: a log's frames are found by what the format calls them."""
    from occ_pipeline.pipeline.sources.surroundocc import SurroundOccSource

    labels = Written(
        {"scene-1": {"a": [CAR] * 12, "b": [ROAD] * 12}, "scene-2": {"c": [CAR] * 12}},
        names={"scene-1": [("n8", "x"), ("n8", "y")], "scene-2": [("n8", "z")]},
    )
    files = Written({"n8": {"y": [ROAD] * 12, "z": [CAR] * 12}, "n9": {"q": [CAR] * 12}}, form=SurroundOccSource)
    for one_side, other in ((labels, files), (files, labels)):
        found = figures(one_side, other)
        assert (found["frames"], found["iou"], found["miou"]) == (2, 1, 1)
    chosen = match(labels, files, ["scene-1"])
    assert [(pair.token, pair.reference_scene, pair.reference_row) for pair in chosen.pairs] == [("b", "n8", 0)]
    assert (chosen.only_in_labels, chosen.only_in_reference) == ({"scene-1": ("a",)}, {"n8": ("z",)})


def test_frames_that_a_format_counts_anew() -> None:
    from occ_pipeline.pipeline.sources.sscbench import SscbenchKitti360Source

    files, log = one(TRUE, form=SscbenchKitti360Source), one(MINE)
    for one_side, other, said in ((log, files, 1), (files, log, 1), (files, files, 0)):
        assert (
            sum("SSCBench counts KITTI-360's frames anew" in text for text in figures(one_side, other)["remarks"])
            == said
        )


def test_other_grids() -> None:
    fine = VoxelGrid((0.0, 0.0, 0.0), 0.25, (6, 2, 1), "lidar")
    with pytest.raises(UsageError, match="the two lie on different grids") as caught:
        match(one(MINE, words="mine"), one(TRUE, on=fine, words="theirs"))
    text = str(caught.value)
    assert f"found {GRID.words} of mine, expected {fine.words}, as theirs" in text
    assert f"--grid {fine.text}" in text
    with pytest.raises(UsageError, match="a truth has no grid of its own"):
        match(one(MINE, on=None), one(TRUE, on=None))
    assert match(one(MINE, on=None), one(TRUE)).grid(match(one(MINE), one(TRUE)).pairs[0]) == GRID


def test_other_classes() -> None:
    with pytest.raises(UsageError, match="classes that nothing maps to each other: found nuscenes_lidarseg of labels"):
        match(one(MINE), one(TRUE, taxonomy=SEMANTICKITTI.name))
    old, new = SEMANTICKITTI.id_of, SSCBENCH_KITTI360.id_of
    kitti = one([old("car"), old("pole"), old("bicyclist"), old("road")] + [_] * 8, taxonomy=SEMANTICKITTI.name)
    bench = one([new("car"), new("pole"), N, new("parking")] + [_] * 8, taxonomy=SSCBENCH_KITTI360.name)
    found = figures(kitti, bench)
    assert {name: each["iou"] for name, each in found["per_class"].items()} == {
        "car": 1, "road": 0, "parking": 0, "pole": 1
    }  # fmt: skip
    assert found["iou"] == 1
    back = figures(bench, kitti)
    assert (back["per_class"].keys(), back["left_out"]["unlabelled"]) == (found["per_class"].keys(), 1)
