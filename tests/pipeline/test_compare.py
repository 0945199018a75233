"""The quality metric: against numbers worked out by hand, and against loops over voxels."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from occ_pipeline.pipeline.compare import compare
from occ_pipeline.pipeline.comparison import Comparison
from occ_pipeline.pipeline.comparison_table import table
from occ_pipeline.pipeline.judging import Asked
from occ_pipeline.pipeline.matching import match
from occ_pipeline.pipeline.scores import ClassScore, Predicted, Score, Tally
from occ_pipeline.pipeline.sides import StoredLabels, TrueLabels, side_named
from occ_pipeline.pipeline.sources import SOURCES
from occ_pipeline.pipeline.store.fingerprint import Provenance, Sources
from occ_pipeline.pipeline.store.index import update_index
from occ_pipeline.pipeline.store.store import Store, StoreIdentity
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import Body, State, SurfaceOccupancy
from occ_pipeline.schemas.taxonomy import SEMANTICKITTI
from rich.console import Console

GRID = VoxelGrid((0.0, 0.0, 0.0), 0.5, (6, 2, 1))
ROAD, CAR, PERSON, NONE = 11, 4, 7, 255


@dataclass(frozen=True)
class Frame:
    semantics: np.ndarray
    static: np.ndarray
    rigid: np.ndarray
    deforming: np.ndarray
    seen: np.ndarray
    seen_static: np.ndarray
    seen_rigid: np.ndarray
    seen_deforming: np.ndarray


def frame(static: list[int], rigid: list[int], deforming: list[int], seen: list[int]) -> Frame:
    """From class ids of twelve voxels; what moves stands before what does not."""
    parts = [np.array(values, dtype=np.uint8).reshape(GRID.shape) for values in (static, rigid, deforming)]
    looked = np.array(seen, dtype=bool).reshape(GRID.shape)
    whole = np.where(parts[2] != NONE, parts[2], np.where(parts[1] != NONE, parts[1], parts[0]))
    return Frame(whole, *parts, looked & (whole != NONE), *(looked & (part != NONE) for part in parts))


class HandMade:
    """A truth from frames in memory."""

    def __init__(self, frames: dict[str, dict[str, Frame]]) -> None:
        self._frames = frames
        self.scenes = tuple(frames)

    def frame_tokens(self, scene: str) -> tuple[str, ...]:
        return tuple(self._frames[scene])

    def frame(self, scene: str, token: str, grid: VoxelGrid) -> Frame:
        assert grid == GRID
        return self._frames[scene][token]


def against(store: Store, truth: HandMade, scenes: list[str] | None = None, **more: Any) -> Comparison:
    """The store's labels against a truth by hand."""
    truth_side = TrueLabels(truth, SOURCES["nuscenes"](store.path, ""))
    return compare(match(StoredLabels(store), truth_side, scenes), Asked(), **more)


_ = NONE
TRUE = frame(
    static=[ROAD, ROAD, ROAD, ROAD, ROAD, ROAD, _, _, _, _, _, _],
    rigid=[_, _, _, _, _, CAR, CAR, CAR, _, _, _, _],
    deforming=[_, _, _, _, _, _, _, _, PERSON, PERSON, _, _],
    seen=[1, 1, 1, 1, 0, 1, 1, 0, 1, 0, 0, 0],
)
"""Road, a car that touches it, a person; two voxels of nothing."""
#            hit   hit   class hit   miss  hit  hit  body  person  -  false  -
SEMANTICS = [ROAD, ROAD, CAR, ROAD, _, CAR, CAR, CAR, PERSON, _, ROAD, _]
OCCUPIED = [1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0]
BODY = [1, 1, 1, 1, 0, 2, 2, 1, 3, 0, 1, 0]


def labels(tokens: list[str]) -> SurfaceOccupancy:
    k, shape = len(tokens), GRID.shape
    occupied = np.array(OCCUPIED, dtype=bool).reshape(shape)
    values = np.array(SEMANTICS, dtype=np.uint8).reshape(shape)
    body = np.array(BODY, dtype=np.uint8).reshape(shape)
    return SurfaceOccupancy(
        state=np.repeat(np.where(occupied, State.OCCUPIED, State.UNKNOWN).astype(np.uint8)[None], k, axis=0),
        semantics=np.repeat(np.where(occupied, values, NONE).astype(np.uint8)[None], k, axis=0),
        body=np.repeat(np.where(occupied, body, Body.NONE).astype(np.uint8)[None], k, axis=0),
        world_SE3_grid=np.repeat(np.eye(4)[None], k, axis=0),
        grid=GRID.to_json(),
        taxonomy="nuscenes_lidarseg",
        frame_tokens=tokens,
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two scenes of labels, two key frames in the first, one in the second."""
    identity = StoreIdentity(dataset="nuscenes", taxonomy="nuscenes_lidarseg", back_end="open3d", synthetic=True)
    made = Store.create_or_open(tmp_path / "labels.zarr", identity)
    current = {}
    for scene, tokens in {"one": ["a", "b"], "two": ["c"]}.items():
        provenance = Provenance(
            stage="densify",
            stage_version=1,
            schema_version=1,
            parameters={"scene": scene},
            inputs={},
            sources=Sources.of([]),
            back_end="open3d",
            libraries={},
        )
        current[scene] = {SurfaceOccupancy: made.commit(scene, labels(tokens), provenance).fingerprint}
    update_index(made, current)
    return made


def test_hand_computed(store: Store) -> None:
    truth = HandMade({"one": {"a": TRUE, "b": TRUE}, "two": {"c": TRUE}})
    steps: list[tuple[int, int]] = []
    result = against(store, truth, progress=lambda done, total: steps.append((done, total)))
    found = json.loads(json.dumps(result.to_json(), allow_nan=False))
    # P: voxels 0 1 2 5 6 7 8 10; T: 0-9; S: 0 1 2 3 5 6 8.
    assert (found["predicted"], found["true"], found["seen"]) == (24, 30, 21)
    assert found["iou"] == 7 / (7 + 1 + 1)
    assert found["precision"] == 7 / 8
    assert found["recall"] == 6 / 7
    # Road: P 0 1 10, T 0-4, S 0-3. Car: P 2 5 6 7, T 5 6 7, S 5 6. Person: P 8, T 8 9, S 8.
    per_class = found["per_class"]
    assert list(per_class) == ["car", "pedestrian", "driveable_surface"]
    assert per_class["driveable_surface"]["iou"] == 2 / (2 + 1 + 2)
    assert per_class["driveable_surface"]["precision"] == 2 / 3
    assert per_class["driveable_surface"]["recall"] == 2 / 4
    assert per_class["car"]["iou"] == 3 / (3 + 1 + 0)
    assert per_class["pedestrian"] == {
        "iou": 1.0,
        "precision": 1.0,
        "recall": 1.0,
        "predicted": 3,
        "true": 6,
        "seen": 3,
    }
    assert found["miou"] == pytest.approx((2 / 5 + 3 / 4 + 1) / 3)
    # Static: P 0 1 2 7 10, T 0-5, S 0 1 2 3 5: 7 and 10 are false, 3 is missed; 5 is occupied, if as a car.
    assert found["static"]["iou"] == 3 / (3 + 2 + 1)
    assert found["static"]["precision"] == 3 / 5
    assert found["static"]["recall"] == 4 / 5
    # Moving rigid: P 5 6, T 5 6 7, S 5 6.
    assert found["moving_rigid"]["iou"] == 1.0
    assert found["moving_rigid"]["miou"] == 1.0
    assert found["deforming"]["iou"] == 1.0
    assert found["frames"] == found["static"]["frames"] == 3
    assert found["scenes"]["two"] == {"iou": 7 / 9, "miou": found["miou"], "frames": 1}
    assert found["only_in_store"] == found["only_in_reference"] == {}
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_frames_of_one_side_are_named(store: Store) -> None:
    truth = HandMade({"one": {"b": TRUE, "late": TRUE}, "three": {"d": TRUE}})
    result = against(store, truth)
    assert result.whole.frames == 1
    assert result.only_in_store == {"one": ("a",), "two": ("c",)}
    assert result.only_in_reference == {"one": ("late",), "three": ("d",)}
    assert against(store, truth, scenes=["one"]).only_in_store == {"one": ("a",)}
    assert "2 only in surface_occupancy of labels.zarr, 2 only in the exact truth" in " ".join(shown(result).split())


def test_nothing_in_common(store: Store) -> None:
    with pytest.raises(UsageError, match="no key frame in common") as caught:
        against(store, HandMade({"one": {"x": TRUE}}))
    assert "3 key frames of one, two" in str(caught.value)
    with pytest.raises(UsageError, match="one of one, two"):
        against(store, HandMade({"one": {"a": TRUE}}), scenes=["four"])


def test_table_lists_worst_first(store: Store) -> None:
    text = shown(against(store, HandMade({"one": {"a": TRUE}}), scenes=["one"]))
    places = [text.rindex(word) for word in ("driveable surface", "car ", "pedestrian", "moving rigid", "all ")]
    assert places == sorted(places)
    assert "0.400" in text


@pytest.mark.parametrize("text", ["occ4d:DIR", "truth", "truth:", "somewhere"])
def test_what_is_no_side(text: str) -> None:
    with pytest.raises(UsageError, match=r"NAME\.zarr, truth:DIR.* or FORMAT:DIR, FORMAT one of occ3d, "):
        side_named(text)


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    for text in (f"truth:{tmp_path}/nowhere", f"occ3d:{tmp_path}/nowhere"):
        with pytest.raises(UsageError, match=r"no such folder|is no folder"):
            side_named(text)


def test_all_seen_as_another_body_is_a_failure() -> None:
    assert ClassScore.of(np.array([0, 3, 2, 0, 2])).iou == 0.0
    assert ClassScore.of(np.array([0, 3, 0, 0, 0])).iou is None


def test_surfaces_without_a_class_are_occupied_and_judged_as_no_class() -> None:
    predicted = Predicted(np.ones(2, bool), np.ones(2, bool), np.array([255, 1], np.uint8))
    score = Score.of(Tally.of(predicted, np.array([0, 1], np.uint8), np.ones(2, bool), 2), SEMANTICKITTI.classes[:2])
    assert (score.occupancy.iou, score.miou, list(score.per_class)) == (1.0, 1.0, ["car"])


voxels = st.integers(1, 40)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), n=voxels)
def test_same_as_loops(data: st.DataObject, n: int) -> None:
    ids = st.sampled_from([0, 1, 2, 255])
    occupied = data.draw(arrays(bool, n))
    claimed = occupied & data.draw(arrays(bool, n))
    classes = np.where(occupied, data.draw(arrays(np.uint8, n, elements=ids)), np.uint8(255))
    true = data.draw(arrays(np.uint8, n, elements=ids))
    seen = data.draw(arrays(bool, n))
    score = Score.of(Tally.of(Predicted(occupied, claimed, classes), true, seen, 3), ("x", "y", "z"))
    assert score.occupancy.iou == loop_iou(occupied, claimed, true != 255, seen & (true != 255))
    ious = []
    for i, name in enumerate("xyz"):
        mine = classes == i
        want = loop_iou(occupied & mine, claimed & mine, true == i, seen & (true == i))
        assert (score.per_class[name].iou if name in score.per_class else None) == want
        if (seen & (true == i)).any():
            ious.append(want)
    assert score.miou == (pytest.approx(sum(ious) / len(ious)) if ious else None)


def loop_iou(occupied: np.ndarray, claimed: np.ndarray, true: np.ndarray, seen: np.ndarray) -> float | None:
    hit = false = missed = 0
    for v in range(len(true)):
        if claimed[v] and true[v]:
            hit += 1
        if claimed[v] and not true[v]:
            false += 1
        if seen[v] and not occupied[v]:
            missed += 1
    if hit + false + missed == 0:
        return 0.0 if seen.any() else None
    return hit / (hit + false + missed)


def shown(result: object) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(table(result))
    return console.file.getvalue()
