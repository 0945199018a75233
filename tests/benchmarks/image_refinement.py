"""Refinement by images with noisy 2D labels: 3D-2D consistency and figures against the exact truth, before and after.

    python tests/benchmarks/image_refinement.py [--seeds 101 102] [--seconds 8] [--image-scale 0.25]

Of each log: as it is, and without the boxes of a tenth of its tracks, whose trails are what images can take away; by the
defaults and by Occ3D's rule. Consistency is measured with the noisy labels too.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from noisy_labels import Noise, write_labels
from occ_pipeline.pipeline.agreement import Agreement, Pixels
from occ_pipeline.pipeline.current import current_product
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.consistency import Consistency
from occ_pipeline.schemas.taxonomy import NUSCENES
from visibility_quality import compared, run, without_boxes

OCC3D = {
    "votes": 1, "share": 0, "crossed_share": 0, "pieces": "false", "frames_around": 0, "least_way": 0, "clear_of_end_m": 0,
    "kept_classes": "[]", "moving": "true", "unknown_votes": 1,
}  # fmt: skip
NOISY = "noisy_labels"


def consistency(store: Path, log: Path, product: str, folder: str, rule: list[str]) -> Agreement:
    """Of all scenes, measured anew."""
    sets = ["--set", f"image-labels.folder={folder}", *rule]
    run("run", "consistency", "--dataroot", log, "--out", store, "--product", product, *sets)
    opened = Store.open(store)
    index = read_index(opened)
    pixels = [Pixels.of(current_product(opened, index, scene, Consistency)) for scene in index.scenes]
    return Agreement.of(sum(pixels[1:], pixels[0]), NUSCENES.classes)


def row(kind: str, store: Path, log: Path, product: str, rule: list[str]) -> None:
    noisy = consistency(store, log, product, NOISY, rule)
    found: dict[str, Any] = compared(store, log, product)
    figures = [found["iou"], found["precision"], found["recall"], found["miou"], found["space"]["free_precision"]]
    figures += [noisy.miou, noisy.agree, noisy.met]
    print(f"| {kind} | {' | '.join(f'{value:.4f}' for value in figures)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--image-scale", type=float, default=0.25)
    options = parser.parse_args()
    print("| log | IoU | precision | recall | mIoU | free right | consistency mIoU | pixels agree | rays that meet |")
    print("|---|---|---|---|---|---|---|---|---|")
    rules = {"defaults": [], "Occ3D's rule": [w for n, v in OCC3D.items() for w in ("--set", f"refine-with-images.{n}={v}")]}  # fmt: skip
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as name:
            log, poor = Path(name) / "log", Path(name) / "poor"
            run("sample", "--out", log, "--seconds", options.seconds, "--seed", seed, "--image-scale", options.image_scale)  # fmt: skip
            write_labels(log, NOISY, seed, Noise())
            gone, _ = without_boxes(log, poor, seed)
            for kind, root in ((f"{seed}", log), (f"{seed} without {gone} tracks", poor)):
                store = Path(name) / f"{root.name}.zarr"
                row(f"{kind}, before", store, root, "carved_occupancy", [])
                for words, rule in rules.items():
                    row(f"{kind}, {words}", store, root, "refined_occupancy", rule)


if __name__ == "__main__":
    main()
