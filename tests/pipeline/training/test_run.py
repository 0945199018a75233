"""What a run learns, counts and refuses."""

from __future__ import annotations

import csv
import json
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.pipeline.targets import FrameOrder, OccupancyTargets
from occ_pipeline.pipeline.training import checkpoint
from occ_pipeline.pipeline.training import run as runs
from occ_pipeline.pipeline.training.data import counted_weights
from occ_pipeline.pipeline.training.ranks import ALONE
from occ_pipeline.pipeline.training.records import LAST
from occ_pipeline.pipeline.training.refusals import offset_stride
from occ_pipeline.pipeline.training.run import TrainingRun
from occ_pipeline.pipeline.training.validation import places
from occ_pipeline.schemas.errors import ComputeError, UsageError
from occ_pipeline.stages.confusion import Confusion
from occ_pipeline.stages.networks.outputs import Batch, Outputs
from occ_pipeline.tests.pipeline.training.conftest import SMALL, settings
from occ_pipeline.tests.pipeline.training_data.small_store import stored
from torch import Tensor, nn


class Memory(nn.Module):
    """Logits of every voxel as parameters: it learns one key frame by heart, whatever it sees."""

    def __init__(self, grid: Any, classes: int, start: float = 0.0) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.full((classes, *grid.shape), start))

    def forward(self, batch: Batch) -> Outputs:
        self.seen = sorted(batch)
        return Outputs(self.logits.expand(len(batch["scene"]), -1, -1, -1, -1))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_network_of_ones_own_learns_a_key_frame_by_heart(even: Path, tmp_path: Path) -> None:
    chosen = settings(
        network=f"{__name__}:Memory", network_options={"start": 0.5}, input="both", image_size=(8, 8), scenes=("a",),
        validation_scenes=("a",), every=5, batch=1, steps=40, learning_rate=0.3, validation_every=20, weights="none",
    )  # fmt: skip
    run = TrainingRun(even, tmp_path / "run", chosen)
    run.train()
    assert {"points", "images", "camera_SE3_grid"} <= set(run.learner.network.seen)  # type: ignore[arg-type]
    last = read(tmp_path / "run" / "validation.csv")[-1]
    assert float(last["iou"]) == float(last["miou"]) == 1.0
    assert run.best == 1.0
    log = read(tmp_path / "run" / "log.csv")
    assert float(log[-1]["loss"]) < 0.2 < float(log[0]["loss"])
    for row in log:
        terms = [float(row[name]) for name in ("cross_entropy", "semantic", "geometric")]
        assert float(row["loss"]) == pytest.approx(sum(terms), rel=1e-5)
        assert 0 <= float(row["waiting"]) <= 1


@pytest.mark.slow
def test_voxdet_learns_key_frames_by_heart(even: Path, tmp_path: Path) -> None:
    options = SMALL | {"channels": 32, "groups": 4, "volume_stride": 1, "drop_path": 0.0}
    chosen = settings(
        network_options=options, scenes=("a",), validation_scenes=("a",), every=3, batch=2, steps=200, learning_rate=3e-3,
        validation_every=200, log_every=20, weights="none",
    )  # fmt: skip
    run = TrainingRun(even, tmp_path / "run", chosen)
    run.train()
    assert run.best is not None
    assert run.best > 0.9


def test_bfloat16_and_offsets_of_the_store_give_losses_near_the_others(even: Path, tmp_path: Path) -> None:
    def first_row(name: str, **changes: Any) -> dict[str, str]:
        # Not down to a single cell: torch's strided bfloat16 convolution to one reads stray memory, on a CPU, for its gradient.
        options = SMALL | {"drop_path": 0.0, "volume_stride": 1}
        chosen = settings(
            scenes=("a",), steps=1, unlabelled="others", unknown="free", network_options=options, **changes
        )
        TrainingRun(even, tmp_path / name, chosen).train()
        return read(tmp_path / name / "log.csv")[0]

    ours, half, stored_ = (
        first_row("ours"),
        first_row("half", precision="bfloat16"),
        first_row("s", offsets="instance_offsets"),
    )
    assert float(half["loss"]) == pytest.approx(float(ours["loss"]), rel=0.02)
    assert float(half["loss"]) != float(ours["loss"])
    assert stored_["cross_entropy"] == ours["cross_entropy"]
    # The store's runs part unknown from free voxels, which are one here.
    assert float(stored_["regression"]) == pytest.approx(float(ours["regression"]), rel=0.2)
    assert stored_["regression"] != ours["regression"]


def test_accumulated_batches_make_the_step_of_one_batch(even: Path, tmp_path: Path) -> None:
    """With a loss that is a mean over voxels of which all key frames have as many."""

    def weights(name: str, **changes: Any) -> Tensor:
        chosen = settings(
            network=f"{__name__}:Memory", network_options={}, scenes=("a",), steps=1, unknown="free", unlabelled="others",
            weights="none", loss_options={"semantic": 0.0, "geometric": 0.0}, **changes,
        )  # fmt: skip
        run = TrainingRun(even, tmp_path / name, chosen)
        run.train()
        return run.learner.network.state_dict()["logits"]

    assert torch.allclose(weights("one", batch=4), weights("two", batch=2, accumulate=2), atol=1e-6)


def test_weights_are_counted_where_it_is_trained(even: Path) -> None:
    found = counted_weights(even, settings(every=2, observed="mask_camera"), ALONE)
    counts = np.zeros(18)
    for scene in ("a", "c"):
        labels = stored(even, scene)
        for row in (0, 2, 4):
            state, semantics, mask = (labels.rows(n, row, row + 1)[0] for n in ("state", "semantics", "mask_camera"))
            counts[0] += ((state == 1) & (mask == 1)).sum()
            for name in range(17):
                # nuScenes' class 0 is others, the last.
                counts[name or 17] += ((semantics == name) & (mask == 1)).sum()
    assert found == pytest.approx(list(1 / np.log(counts + 0.001)))


def test_the_folder_tells_what_was_read(even: Path, tmp_path: Path) -> None:
    TrainingRun(even, tmp_path / "run", settings(validation_every=5))
    told = json.loads((tmp_path / "run" / "parameters.json").read_text())
    index = read_index(Store.open(even))
    assert set(told["products"]) == {"a", "b", "c"}
    for scene, products in told["products"].items():
        assert set(products) == {"carved_occupancy", "sensor_frames"}
        assert all(index.scenes[scene].products[name] == fingerprint for name, fingerprint in products.items())
    assert told["settings"]["steps"] == 6
    assert told["versions"]["torch"] == torch.__version__


@pytest.mark.slow
def test_processes_that_read_what_is_validated_stay(
    even: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[int | None]] = []
    real = Confusion.ratios
    # Of runs before, until their loaders are collected.
    others = {child.pid for child in multiprocessing.active_children()}

    def looked(self: Confusion) -> Any:
        seen.append({child.pid for child in multiprocessing.active_children()} - others)
        return real(self)

    monkeypatch.setattr(Confusion, "ratios", looked)
    for name, workers in (("none", 0), ("one", 1)):
        chosen = settings(
            network=f"{__name__}:Memory",
            network_options={},
            weights="none",
            steps=2,
            validation_every=1,
            workers=workers,
        )
        TrainingRun(even, tmp_path / name, chosen).train()
    assert seen[2] == seen[3]
    assert len(seen[2]) == 2, "one that reads what is trained on, one for this"
    assert read(tmp_path / "none" / "validation.csv") == read(tmp_path / "one" / "validation.csv")


def test_places_are_spread() -> None:
    assert places(10, 0) == list(range(10))
    assert places(10, 3) == [0, 3, 6]
    assert places(2, 5) == [0, 1]


class Spoiled(Memory):
    """Its gradient, or its logits, are no number for one key frame."""

    def __init__(self, grid: Any, classes: int, frame: str, logits: bool) -> None:
        super().__init__(grid, classes)
        self.frame, self.spoils_logits = frame, logits

    def forward(self, batch: Batch) -> Outputs:
        found = super().forward(batch).logits
        if self.frame in batch["frame"]:
            if self.spoils_logits:
                return Outputs(found * float("nan"))
            found.register_hook(lambda gradient: gradient * float("inf"))
        return Outputs(found)


@pytest.mark.parametrize(("logits", "told"), [(True, "the loss"), (False, "the gradient")])
def test_what_is_no_number_stops_the_run_and_is_in_no_checkpoint(
    even: Path, tmp_path: Path, logits: bool, told: str
) -> None:
    """The last log row, checkpoint and validation before are two steps ago."""
    chosen = settings(
        network=f"{__name__}:Spoiled", steps=5, batch=1, accumulate=2, log_every=9, checkpoint_every=2, scenes=("a",),
        validation_every=4, network_options={"logits": logits, "frame": "none"}, weights="none", average=0.5,
    )  # fmt: skip
    run = TrainingRun(even, tmp_path / "run", chosen)
    # The third step has places 4 of the first epoch's order, and 0 of the second's.
    place = FrameOrder(run.targets, seed=chosen.seed).order(0)[4]
    network = run.learner.network
    network.frame = token = run.targets.frames[place].token  # type: ignore[assignment]
    with pytest.raises(ComputeError, match=rf"{told} is no number \(scene a, frame .*{token}.*in step 3.*--clip"):
        run.train()
    kept = checkpoint.load(tmp_path / "run" / LAST)["learner"]
    assert kept["step"] == 2
    assert torch.equal(network.state_dict()["logits"], kept["network"]["logits"]), "no step after it was taken either"
    assert torch.equal(run.learner.state_dict()["average"]["module.logits"].isfinite().all(), torch.tensor(True))


def test_gradients_are_clipped_and_their_norm_is_told(even: Path, tmp_path: Path) -> None:
    def row(name: str, **changes: Any) -> tuple[TrainingRun, dict[str, str]]:
        chosen = settings(
            network=f"{__name__}:Memory", network_options={}, weights="none", steps=1, warm_up=0, **changes
        )
        run = TrainingRun(even, tmp_path / name, chosen)
        run.train()
        return run, read(tmp_path / name / "log.csv")[0]

    (free, told), (clipped, _) = row("free"), row("clipped", clip=0.01)
    moments = [next(iter(run.learner.optimiser.state.values()))["exp_avg"] / 0.1 for run in (free, clipped)]
    norm = float(moments[0].norm())
    assert norm > 0.01
    assert float(told["gradient_norm"]) == pytest.approx(norm, rel=1e-4)
    assert torch.allclose(moments[1], moments[0] * 0.01 / norm, rtol=1e-3)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"split": "tset"}, "no scene of the store is in this split"),
        ({"validation_split": "test", "validation_every": 1}, "found test, expected one of train, val; validate on others"),
        ({"offsets": "instance_offsets"}, "the store has no instance_offsets of this scene .*scene c.*run voxnt"),
        ({"device": "abacus"}, "there is no such device here: found abacus"),
        ({"network": "nowhere:Net"}, "module 'nowhere' cannot be imported"),
        ({"network": f"{__name__}:Memroy"}, "did you mean 'Memory'"),
        ({"network": f"{__name__}:Memory", "network_options": {"width": 1}}, "cannot be made: .*width"),
        ({"network": "pathlib:Path", "network_options": {}}, "cannot be made|no torch module"),
        ({"network_options": {"chanels": 4}}, "no parameter of network is called 'chanels'.*did you mean 'channels'"),
        ({"network_options": {"input": "camera"}}, "network.input is given by the store"),
        ({"network_options": {"channels": "many"}}, "parameter network.channels cannot be 'many'"),
        ({"network_options": {"offset_stride": 3, "volume_stride": 3}}, "the grid's shape must be a multiple of 3"),
        ({"loss_options": {"auxiliary": -1.0}}, "weights of terms must not be negative"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_before_anything_is_made(
    even: Path, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        TrainingRun(even, tmp_path / "run", settings(**changes))
    assert not (tmp_path / "run").exists()


def test_coarser_offsets_are_refused_before_anything_is_counted(
    even: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [offset_stride((9, 7, 4), wanted) for wanted in ((9, 7, 4), (5, 4, 2))] == [1, 2]
    for wanted in ((9, 7, 8), (18, 14, 8), (3, 2, 1)):
        with pytest.raises(UsageError, match="in the store; run voxnt with every=1"):
            offset_stride((9, 7, 4), wanted)
    monkeypatch.setattr(runs, "counted_weights", None)
    monkeypatch.setattr(OccupancyTargets, "offset_shape", (1, 1, 1))
    with pytest.raises(UsageError, match=r"offsets of \(2, 2, 1\) cells: found \(1, 1, 1\) in the store"):
        TrainingRun(even, tmp_path / "run", settings(offsets="instance_offsets", scenes=("a",)))


def test_compiling_needs_a_compiler(even: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-compiler")
    with pytest.raises(UsageError, match=r"needs a C[+][+] compiler: found no no-compiler"):
        TrainingRun(even, tmp_path / "run", settings(compile=True))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_network_learns_the_same(even: Path, tmp_path: Path) -> None:
    """What is kept has the names that it has without, and the average and the validation know nothing of it."""

    def learned(name: str, **changes: Any) -> dict[str, Any]:
        chosen = settings(
            network=f"{__name__}:Memory", network_options={}, steps=4, average=0.5, validation_every=2, **changes
        )
        TrainingRun(even, tmp_path / name, chosen).train()
        return checkpoint.load(tmp_path / name / LAST)["learner"]

    plain, compiled = learned("plain"), learned("compiled", compile=True)
    for part, key in (("network", "logits"), ("average", "module.logits")):
        assert plain[part].keys() == compiled[part].keys()
        assert torch.allclose(plain[part][key], compiled[part][key], atol=1e-6)
    files = [read(tmp_path / name / "validation.csv") for name in ("plain", "compiled")]
    assert [row["step"] for row in files[1]] == ["2", "4"]
    assert float(files[0][-1]["iou"]) == pytest.approx(float(files[1][-1]["iou"]), abs=0.02)


def test_another_run_is_refused(even: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    TrainingRun(even, tmp_path / "run", settings(steps=1)).train()

    with pytest.raises(UsageError, match="other settings: found seed=1, expected seed=0"):
        TrainingRun(even, tmp_path / "run", settings(steps=1, seed=1))
    TrainingRun(even, tmp_path / "run", settings(steps=1, log_every=7, validation_every=5)).train()
    monkeypatch.setattr(runs, "products_of", lambda *_: {"a": {"carved_occupancy": "other"}})
    with pytest.raises(UsageError, match=r"products are others than the run began with .*scene a"):
        TrainingRun(even, tmp_path / "run", settings(steps=1))
