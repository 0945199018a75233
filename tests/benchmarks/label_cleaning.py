"""Precision and recall of "this voxel's label is wrong", by what cleaning goes by, on labels that have traces.

    python tests/benchmarks/label_cleaning.py [--seeds 101 102] [--seconds 20] [--limits 'car 3 6m'] [-- OPTIONS OF run clean]

Two logs of each street: with nothing separated, so that every moving object leaves its trace in the static map, and with 30 %
of the boxes dropped, whole tracks, so that those objects leave theirs. Labels before and after carving are cleaned. Of voxels
of the asked classes: wrong are those where the truth has another class or nothing at all; of a trace, those that lie farther
than a voxel from anything true of their class. Ignored ones that are wrong are what cleaning is for.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path

import numpy as np
from occ_pipeline.pipeline.current import current_product, grid_of
from occ_pipeline.pipeline.sample import Truth
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.occupancy import OCCUPANCIES, RefinedLabels, State
from occ_pipeline.schemas.taxonomy import NUSCENES
from scipy.ndimage import binary_dilation
from visibility_quality import drop_tracks, run

DROPPED = 0.3
EVIDENCE = ("scale", "tracks", "both")
NOTHING_MOVES = ["--set", "separate.moving_m=1000"]


def without_tracks(log: Path, folder: Path, seed: int) -> None:
    """A copy of a log without the boxes of 30 % of its tracks; files are shared."""
    instances = json.loads((log / "v1.0-mini" / "instance.json").read_text())
    tokens = sorted(row["token"] for row in instances)
    drop_tracks(log, folder, set(random.Random(seed).sample(tokens, round(DROPPED * len(tokens)))))


def counts(store: Path, log: Path, product: str, classes: list[str]) -> np.ndarray:
    """Voxels of the classes: all, wrong, of a trace, ignored, ignored and wrong, ignored and of a trace."""
    opened, truth = Store.open(store), Truth.open(log)
    index = read_index(opened)
    found = np.zeros(6, dtype=np.int64)
    for scene, entry in index.scenes.items():
        before = current_product(opened, index, scene, OCCUPANCIES[product])
        after = current_product(opened, index, scene, RefinedLabels)
        grid = grid_of(before)
        for row, token in enumerate(entry.frames):
            facts = truth.frame(scene, token, grid)
            semantics = before.rows("semantics", row, row + 1)[0]
            left = after.rows("state", row, row + 1)[0] == State.OCCUPIED
            for name in classes:
                label = NUSCENES.id_of(name)
                asked = semantics == label
                true = np.zeros(asked.shape, dtype=bool)
                for kind in (facts.static, facts.rigid, facts.deforming):
                    true |= kind == label
                wrong = asked & (facts.semantics != label)
                trace = wrong & ~binary_dilation(true, np.ones((3, 3, 3)))
                ignored = asked & ~left
                found += [np.count_nonzero(m) for m in (asked, wrong, trace, ignored, ignored & wrong, ignored & trace)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--limits", default="car 3 6m")
    parser.add_argument("extra", nargs="*")
    options = parser.parse_args()
    classes = [limit.split()[0] for limit in options.limits.split(",")]
    print(
        "| labels | evidence | voxels | wrong | of a trace | ignored | precision | recall of wrong | recall of traces |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as name:
            log, poor = Path(name) / "log", Path(name) / "poor"
            run("sample", "--out", log, "--seconds", options.seconds, "--seed", seed, "--no-cameras")
            without_tracks(log, poor, seed)
            for kind, root, extra in (("nothing separated", log, NOTHING_MOVES), ("30 % of tracks dropped", poor, [])):
                store = Path(name) / f"{root.name}.zarr"
                for product in ("surface_occupancy", "carved_occupancy"):
                    for evidence in EVIDENCE:
                        words = ["--product", product, "--limits", options.limits, "--evidence", evidence]
                        run("run", "clean", "--dataroot", root, "--out", store, *words, *extra, *options.extra)
                        every, wrong, trace, ignored, right, traces = counts(store, log, product, classes)
                        figures = [wrong / every, trace / every, ignored / every]
                        figures += [right / max(ignored, 1), right / max(wrong, 1), traces / max(trace, 1)]
                        told = " | ".join(f"{value:.3f}" for value in figures)
                        print(f"| {seed}, {kind}, {product} | {evidence} | {every} | {told} |", flush=True)


if __name__ == "__main__":
    main()
