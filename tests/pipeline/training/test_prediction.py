"""What a network predicts is what the store then holds, scene by scene, beside the labels and never in their place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from occ_pipeline.pipeline.compare import compare
from occ_pipeline.pipeline.current import chosen_scenes, current_labels
from occ_pipeline.pipeline.judging import Asked
from occ_pipeline.pipeline.matching import match
from occ_pipeline.pipeline.registry import PRODUCTS
from occ_pipeline.pipeline.sides import StoredLabels
from occ_pipeline.pipeline.store.index import read_index, update_index
from occ_pipeline.pipeline.store.manifest import Manifest
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.pipeline.store.validate import Validation
from occ_pipeline.pipeline.training import checkpoint
from occ_pipeline.pipeline.training.prediction import Outcome, Prediction, PredictSettings
from occ_pipeline.pipeline.training.run import TrainingRun
from occ_pipeline.pipeline.training.trained import Trained, checkpoint_of, digest
from occ_pipeline.schemas.errors import ComputeError, UsageError, VerificationError
from occ_pipeline.schemas.occupancy import CarvedOccupancy, PredictedOccupancy, SurfaceOccupancy
from occ_pipeline.schemas.product import Product, load
from occ_pipeline.schemas.sensor_frames import SensorFrames
from occ_pipeline.stages.networks.outputs import Batch, Outputs
from occ_pipeline.tests.pipeline.judged_store import commit
from occ_pipeline.tests.pipeline.program import Program
from occ_pipeline.tests.pipeline.training.conftest import settings
from occ_pipeline.tests.pipeline.training.test_run import Memory
from occ_pipeline.tests.pipeline.training_data.small_store import FRAMES, stored

SURE = 3.0
"""Logit of what is chosen; all others are 0."""


class Peeks(Memory):
    def forward(self, batch: Batch) -> Outputs:
        return Outputs(super().forward(batch).logits * (batch["labels"] < 255))


class Taller(Memory):
    def forward(self, batch: Batch) -> Outputs:
        return Outputs(super().forward(batch).logits.repeat(1, 1, 1, 1, 2))


def known_by_heart(even: Path, folder: Path, ids: np.ndarray, kind: type[Memory] = Memory, **changes: Any) -> Path:
    """A run's folder whose network says ``ids``, training ids, of whatever it is shown."""
    chosen = settings(network=f"{kind.__module__}:{kind.__name__}", network_options={}, weights="none", **changes)
    run = TrainingRun(even, folder, chosen)
    known = torch.nn.functional.one_hot(torch.from_numpy(ids).long(), 18).movedim(-1, 0) * SURE
    # Where there is a moving average, the network itself says something else.
    average = run.learner.average
    with torch.no_grad():
        (run.learner.network if average is None else average.module).logits.copy_(known)  # type: ignore[operator]
    checkpoint.save(folder / "last.pt", run.state_dict())
    return folder


@pytest.fixture(scope="module")
def ids() -> np.ndarray:
    """Every class somewhere."""
    return np.random.default_rng(5).permutation(np.arange(8 * 8 * 4) % 18).reshape(8, 8, 4)


@pytest.fixture(scope="module")
def folder(even: Path, ids: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return known_by_heart(even, tmp_path_factory.mktemp("known") / "run", ids)


@pytest.fixture
def store(even: Path, tmp_path: Path) -> Iterator[Store]:
    """To write into; scene c has no labels, and the others surfaces beside the carved ones."""
    found = Store.open(Path(shutil.copytree(even, tmp_path / "here" / "even.zarr")))
    shutil.rmtree(found.path / "scenes" / "c" / CarvedOccupancy.name)
    names = (*SurfaceOccupancy.specs(), *SurfaceOccupancy.attribute_names())
    made: dict[str, dict[type[Product], str]] = {}
    for scene in "ab":
        carved = load(CarvedOccupancy, stored(found.path, scene))
        surfaces = SurfaceOccupancy(**{name: getattr(carved, name) for name in names})
        made[scene] = {SurfaceOccupancy: commit(found, scene, surfaces, {})}
    update_index(found, made)
    yield found
    assert not (found.folders.parts / "a").exists() or not list((found.folders.parts / "a").iterdir())


def predicted(store: Store, folder: Path, **how: Any) -> Outcome:
    return prediction(store, folder, **how).run()


def prediction(store: Store, folder: Path, **how: Any) -> Prediction:
    chosen = PredictSettings(**{"workers": 0, "device": "cpu", **how})
    return Prediction(store.path, Trained.load(checkpoint_of(folder)), chosen)


def manifest(store: Store, scene: str) -> Manifest:
    return store.manifest(scene, PredictedOccupancy, read_index(store).scenes[scene].products[PredictedOccupancy.name])


def test_the_store_holds_what_the_network_says(store: Store, folder: Path, ids: np.ndarray, tmp_path: Path) -> None:
    outcome = predicted(store, folder, batch=2)
    assert (sorted(outcome.made), outcome.kept, outcome.failed) == (["a", "b", "c"], {}, {})
    for scene in "abc":
        found, inputs = stored(store.path, scene, PredictedOccupancy), stored(store.path, scene, SensorFrames)
        for frame in range(FRAMES):
            state, semantics, body, sure = (found.rows(n, frame, frame + 1)[0] for n in ("state", "semantics", "body", "confidence"))  # fmt: skip
            assert np.array_equal(state, np.where(ids == 0, 1, 2))
            # nuScenes' class 0 is others, the last.
            assert np.array_equal(semantics, np.where(ids == 0, 255, np.where(ids == 17, 0, ids)))
            assert np.array_equal(body, np.where(ids == 0, 0, 1))
            assert (sure == round(255 * np.exp(SURE) / (np.exp(SURE) + 17))).all()
        assert np.array_equal(found.read("world_SE3_grid"), inputs.read("world_SE3_ego"))
        assert found.attribute("frame_tokens") == inputs.attribute("frame_tokens")
        assert found.attribute("grid") == Trained.load(folder / "last.pt").grid.to_json()
    assert list(Validation(store, PRODUCTS).errors()) == []
    for place in (str(tmp_path), str(folder)):
        assert place not in json.dumps(manifest(store, "a").to_json())


def test_labels_stay_what_they_were(store: Store, folder: Path) -> None:
    predicted(store, folder)
    index = read_index(store)
    assert current_labels(store, index, "a").product is SurfaceOccupancy
    assert chosen_scenes(store, index, None, PredictedOccupancy) == ["a", "b", "c"]
    with pytest.raises(UsageError, match=r"predictions are there, and no labels \(scene c\).*--stage predict"):
        current_labels(store, index, "c")


def test_the_same_again_is_done_and_other_weights_lie_beside(
    even: Path, store: Store, folder: Path, ids: np.ndarray, tmp_path: Path
) -> None:
    first = predicted(store, folder).made
    # Neither the place nor the batches matter.
    again = predicted(store, Path(shutil.copytree(folder, tmp_path / "moved")), batch=3)
    assert (again.made, again.kept) == ({}, first)
    other = Store.open(Path(shutil.copytree(even, tmp_path / "other.zarr")))
    assert predicted(other, folder, batch=5, scenes=("b",)).made == {"b": first["b"]}
    assert manifest(other, "b") == manifest(store, "b")
    turned = predicted(store, known_by_heart(even, tmp_path / "turned", (ids + 1) % 18))
    assert set(turned.made.values()).isdisjoint(first.values())
    assert store.fingerprints("a", PredictedOccupancy) == sorted([first["a"], turned.made["a"]])
    assert manifest(store, "a").fingerprint == turned.made["a"]
    assert predicted(store, folder).kept == first
    assert manifest(store, "a").fingerprint == first["a"], "the earlier weights' predictions are current again"
    assert set(predicted(store, folder, precision="bfloat16").made) == {*"abc"}


def test_the_moving_average_speaks(even: Path, store: Store, ids: np.ndarray, tmp_path: Path) -> None:
    averaged = known_by_heart(even, tmp_path / "averaged", ids, average=0.9)
    predicted(store, averaged, scenes=("b",))
    assert np.array_equal(stored(store.path, "b", PredictedOccupancy).read("state")[0], np.where(ids == 0, 1, 2))


def test_the_digest_tells_weights_apart() -> None:
    one = {"a": torch.zeros(2, 3), "b": torch.tensor(1)}
    assert digest(one) == digest(dict(reversed(one.items())))
    others = [
        {**one, "a": torch.zeros(3, 2)}, {**one, "a": torch.zeros(2, 3, dtype=torch.int32)}, {**one, "b": torch.tensor(2)},
        {"a": one["a"], "c": one["b"]}, {"a": one["a"]}, {**one, "a": torch.zeros(2, 3, dtype=torch.bfloat16)},
    ]  # fmt: skip
    assert len({digest(each) for each in [one, *others]}) == 1 + len(others)


def test_compare_finds_what_validation_found(even: Path, store: Store, ids: np.ndarray, tmp_path: Path) -> None:
    """On the key frames that a run validates on: the scenes of split val."""
    folder = known_by_heart(even, tmp_path / "run", ids, validation_every=5)
    run = TrainingRun(even, folder, Trained.load(folder / "last.pt").settings)
    assert run.validation is not None
    told = run.validation(run.learner, lambda: False)
    assert told is not None
    predicted(store, folder, split="val")
    matched = match(StoredLabels(store, PredictedOccupancy), StoredLabels(store, CarvedOccupancy), ["b"])
    found = compare(matched, Asked(skip_unlabelled=True)).whole
    occupancy = found.occupancy
    assert (occupancy.iou, occupancy.precision, occupancy.recall) == (told["iou"], told["precision"], told["recall"])
    assert len(found.per_class) == 17
    for name, score in found.per_class.items():
        assert score.iou == told[f"iou_{name}"]
    # Classes are added up in another order.
    assert found.miou == pytest.approx(told["miou"], rel=1e-15)


def test_a_stopped_run_goes_on(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = prediction(store, folder)
    real = Memory.forward
    left = iter(range(FRAMES + 2))

    def failing(self: Memory, batch: Batch) -> Outputs:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return real(self, batch)

    with monkeypatch.context() as patched:
        patched.setattr(Memory, "forward", failing)
        with pytest.raises(KeyboardInterrupt):
            stopped.run()
    assert "b" not in [s for s in "abc" if PredictedOccupancy.name in read_index(store).scenes[s].products]
    outcome = predicted(store, folder)
    assert (set(outcome.kept), set(outcome.made)) == ({"a"}, {"b", "c"})


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_damaged_scene_is_named_and_the_others_are_made(store: Store, folder: Path, workers: int) -> None:
    damaged = next((store.path / "scenes" / "b" / SensorFrames.name).glob("*/points/c.*"))
    damaged.write_bytes(bytes(damaged.stat().st_size))
    outcome = predicted(store, folder, workers=workers)
    assert sorted(outcome.made) == ["a", "c"]
    error = outcome.failed["b"]
    assert isinstance(error, VerificationError)
    assert (error.scene, error.frame) == ("b", read_index(store).scenes["b"].frames[0])
    assert error.file is not None
    assert error.file.endswith(f"points/{damaged.name}")
    assert error.what.endswith("a file has other content")


@pytest.mark.parametrize(
    ("kind", "error", "told"),
    [
        (Peeks, UsageError, r"reads what only labelled key frames have \(scene a\): found batch\['labels'\]"),
        (Taller, UsageError, r"logits have another shape \(scene a\): found \(1, 18, 8, 8, 8\), expected \(1, 18, 8, 8, 4\)"),
    ],
)  # fmt: skip
def test_a_network_that_cannot_predict(
    even: Path, store: Store, ids: np.ndarray, tmp_path: Path, kind: type[Memory], error: type[Exception], told: str
) -> None:
    outcome = predicted(store, known_by_heart(even, tmp_path / "run", ids, kind), scenes=("a",))
    with pytest.raises(error, match=told):
        raise outcome.failed["a"]


def test_logits_that_are_no_numbers(store: Store, folder: Path) -> None:
    asked = prediction(store, folder, scenes=("a",))
    with torch.no_grad():
        asked.network.logits.fill_(float("nan"))  # type: ignore[operator]
    with pytest.raises(ComputeError, match="logits are no numbers"):
        raise asked.run().failed["a"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"classes": ("free", "car")}, "trained on other classes than the store has: found 2: free, car, expected 18: free, barrier, bicycle, bus, ..., of nusc"),
        ({"weights": {}}, "weights are not those of network .*Memory: found Missing key.*logits"),
        ({"network": "nowhere:Net"}, "module 'nowhere' cannot be imported.*PYTHONPATH"),
        ({"input": "camera", "cameras": ("rear",)}, "no camera of the scene is called 'rear'"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_does_not_fit(store: Store, folder: Path, changes: dict[str, Any], told: str) -> None:
    trained = Trained.load(folder / "last.pt")
    own = {name: value for name, value in changes.items() if name in ("classes", "weights")}
    trained = replace(trained, **own, settings=replace(trained.settings, **{n: v for n, v in changes.items() if n not in own}))  # fmt: skip
    with pytest.raises(UsageError, match=told):
        raise Prediction(store.path, trained, PredictSettings(workers=0, device="cpu")).run().failed["a"]


def test_checkpoints_are_found_and_read(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no checkpoint .*found no such folder, expected best.pt or last.pt"):
        checkpoint_of(tmp_path / "gone")
    shutil.copytree(folder, tmp_path / "run")
    assert checkpoint_of(tmp_path / "run").name == "last.pt"
    shutil.copy(folder / "last.pt", tmp_path / "run" / "best.pt")
    assert checkpoint_of(tmp_path / "run").name == "best.pt"
    checkpoint.save(tmp_path / "half.pt", {"learner": {"network": {}}})
    with pytest.raises(VerificationError, match=r"half.pt.*found KeyError: 'average'"):
        Trained.load(tmp_path / "half.pt")


def test_the_command(
    store: Store, folder: Path, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("predict", store.path, "--workers", 0, "--device", "cpu")
    ended = program(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "no checkpoint (file even-train): found no such folder" in ended.err
    shutil.copytree(folder, tmp_path / "even-train")
    ended = program(*words, "--split", "val")
    assert (ended.code, ended.out) == (0, f"{store.path}\n"), ended.err
    assert "last.pt, step 0, on cpu: 5 key frames of 1 scenes" in ended.err
    ended = program(*words, "--checkpoint", folder / "last.pt", "--json")
    assert (sorted(ended.json["made"]), sorted(ended.json["kept"])) == (["a", "c"], ["b"])
    assert "nothing to do: 3 scenes" in program(*words).err
    assert program("gc", store.path, "--json").json["garbage"] == []
    assert program("show", store.path, "--stage", "predict", "--scene", "c", "--out", "c.png").code == 0
    judged = program("compare", store.path, "--product", "predicted_occupancy", "--json").json
    assert judged["labels"].startswith("predicted_occupancy of")
    assert judged["reference"].startswith("surface_occupancy of")
    assert "judged by themselves" in program("compare", store.path).err
    assert program("stats", store.path, "--product", "predicted_occupancy", "--json").json["frames"] == 15
    ended = program("run", "voxnt", "--product", "predicted_occupancy", "--out", store.path)
    assert (ended.code, "voxnt.product cannot be 'predicted_occupancy'" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--run", "r", "--checkpoint", "c"), "--run and --checkpoint exclude each other"),
        (("--precision", "half"), "no precision is called 'half', expected one of float32, bfloat16"),
        (("--scenes", "d"), "no such scene in the store (scene d)"),
        (("--split", "test"), "no scene of the store is in this split"),
    ],
)
def test_mistakes_are_told(even: Path, folder: Path, program: Program, words: tuple[str, ...], told: str) -> None:
    ended = program("predict", even, *(("--run", folder) if "--run" not in words else ()), *words)
    assert (ended.code, told in ended.err) == (2, True), ended.err
