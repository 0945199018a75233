"""What a small VoxDet learns of simulated streets in a few minutes of one core, judged in two streets that it has not seen.

    python tests/benchmarks/learning.py [--seeds 1 2 3] [--scenes 8] [--seconds 8] [--steps 400] [--folder DIR]

Labels are carved occupancy of 0.8 m within 25.6 m. Judged by the last two scenes' carved labels, whatever is trained on:

- majority: each height's most frequent class of the training scenes, free space among them, or not among them;
- as published: offsets are regressed, and classes look for their instances' borders;
- regressed alone: offsets are regressed, and no class looks anywhere;
- without offsets: no regression either;
- with traces: trained on labels in which nothing was separated, so that what moves leaves its trace;
- cleaned: the same after `clean`, which ignores what is too long for a car.

Processor time is of training alone, by one thread. `waiting`: the largest share of the time, between two rows of the log, that
steps waited for data, which the trainer reads itself.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.pipeline.targets import OccupancyTargets
from occ_pipeline.pipeline.training.data import loader, on_device
from occ_pipeline.pipeline.training.run import TrainingRun
from occ_pipeline.pipeline.training.settings import TrainSettings
from occ_pipeline.stages.confusion import Confusion, Ratios
from visibility_quality import run

GRID = "-25.6,-25.6,-1,25.6,25.6,5.4@0.8"
NOTHING_MOVES = ["--set", "separate.moving_m=1000"]
LABELS = "carved_occupancy"
UNSEEN = 2
NETWORK: dict[str, Any] = {
    "channels": 32, "groups": 4, "encoder_blocks": (1, 1, 1), "trunk_blocks": (1, 1, 1), "drop_path": 0.0,
}  # fmt: skip
WITHOUT = {"regression": False, "aggregation": "none"}
VARIANTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "as published": ("good", LABELS, {}),
    "regressed alone": ("good", LABELS, {"aggregation": "none"}),
    "without offsets": ("good", LABELS, WITHOUT),
    "with traces": ("traces", LABELS, {}),
    "cleaned": ("traces", "refined_labels", {}),
}
"""Store, labels, and options of the network."""


def make_stores(folder: Path, scenes: int, seconds: float) -> dict[str, Path]:
    """The same streets twice: separated, and not."""
    log, stores = folder / "log", {name: folder / f"{name}.zarr" for name in ("good", "traces")}
    if not log.exists():
        run("sample", "--out", log, "--scenes", scenes, "--seconds", seconds, "--seed", 40, "--no-cameras")
    for name, store in stores.items():
        extra = NOTHING_MOVES if name == "traces" else []
        run("run", "clean", "--dataroot", log, "--out", store, f"--grid={GRID}", *extra)
        run("run", "inputs", "--dataroot", log, "--out", store)
    return stores


def majority(trained: OccupancyTargets, unseen: OccupancyTargets, lowest: int) -> Ratios:
    """Of the most frequent class, ``lowest`` or a higher one, of each height."""
    classes, heights = len(trained.classes.names), trained.grid.shape[2]
    counts = torch.zeros(heights, 256, dtype=torch.int64)
    for place in range(len(trained)):
        labels = trained[place]["labels"]
        for z in range(heights):
            counts[z] += torch.bincount(labels[..., z].flatten(), minlength=256)
    chosen = counts[:, lowest:classes].argmax(dim=1) + lowest
    confusion = Confusion(classes)
    for place in range(len(unseen)):
        labels = unseen[place]["labels"].long()
        confusion.add(chosen.expand_as(labels), labels)
    return confusion.ratios()


def judged(trained: TrainingRun, unseen: OccupancyTargets) -> Ratios:
    confusion = Confusion(len(unseen.classes.names))
    for batch in loader(unseen, trained.settings, range(len(unseen))):
        confusion.add(trained.learner.predict(on_device(batch, torch.device("cpu"))), batch["labels"])
    return confusion.ratios()


def row(name: str, seed: object, ratios: Ratios, car: int, cpu_s: float, waiting: float) -> None:
    figures = [100 * (value or 0.0) for value in (ratios.iou, ratios.miou, ratios.per_class[car])]
    told = " | ".join(f"{value:.1f}" for value in figures)
    print(f"| {name} | {seed} | {told} | {cpu_s:.0f} | {100 * waiting:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--folder", type=Path, help="Keeps the log and the stores, and uses those that are there.")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        stores = make_stores(options.folder or Path(temporary), options.scenes, options.seconds)
        scenes = tuple(read_index(Store.open(stores["good"])).scenes)
        known, others = scenes[:-UNSEEN], scenes[-UNSEEN:]
        seen = OccupancyTargets(stores["good"], LABELS, scenes=known)
        unseen = OccupancyTargets(stores["good"], LABELS, scenes=others, points=True)
        car = seen.classes.names.index("car")
        print(f"{len(seen)} key frames to train on, {len(unseen)} unseen; % but for the seconds")
        print("| | seed | IoU | mIoU | IoU of cars | CPU s | waiting |\n|---|---|---|---|---|---|---|")
        row("majority", "", majority(seen, unseen, 0), car, 0, 0)
        row("majority of occupied", "", majority(seen, unseen, 1), car, 0, 0)
        for seed in options.seeds:
            for name in options.only:
                store, labels, network = VARIANTS[name]
                settings = TrainSettings(
                    labels=labels, scenes=known, flips="xy", seed=seed, steps=options.steps, workers=0, device="cpu",  # type: ignore[arg-type]
                    learning_rate=options.learning_rate, validation_every=0, log_every=40, network_options=NETWORK | network,
                )  # fmt: skip
                folder = Path(temporary) / f"{name}-{seed}"
                trained = TrainingRun(stores[store], folder, settings)
                start = time.process_time()
                trained.train()
                cpu_s = time.process_time() - start
                with (folder / "log.csv").open() as stream:
                    waiting = max(float(line["waiting"]) for line in csv.DictReader(stream))
                row(name, seed, judged(trained, unseen), car, cpu_s, waiting)


if __name__ == "__main__":
    main()
