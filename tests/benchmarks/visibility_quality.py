"""Free space and carving against the exact truth, on intact logs and on logs in which a tenth of the tracks have no boxes.

    python tests/benchmarks/visibility_quality.py [--seeds 101 102 103] [--seconds 20] [-- OPTIONS OF run visibility]

Poles: true manmade voxels seen by the LiDAR, with at most three manmade voxels in the 3 x 3 around them at their height, and
manmade above and below. Kerbs: true pavement voxels, seen, beside driveable ones.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from occ_pipeline.pipeline.current import current_product, grid_of
from occ_pipeline.pipeline.sample import Truth
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.occupancy import CarvedOccupancy, State, SurfaceOccupancy
from occ_pipeline.schemas.taxonomy import NUSCENES
from scipy.ndimage import binary_dilation, uniform_filter

PROGRAM = str(Path(sys.executable).parent / "occ-pipeline")
MANMADE, PAVEMENT, ROAD = (NUSCENES.id_of(name) for name in ("manmade", "sidewalk", "driveable_surface"))
DROPPED = 0.1


def run(*words: object) -> str:
    command = [PROGRAM, *map(str, words)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def drop_tracks(log: Path, folder: Path, gone: set[str]) -> None:
    """A copy of a log without some tracks' boxes; files are shared."""
    shutil.copytree(log, folder, copy_function=os.link)
    for name, key in (("sample_annotation", "instance_token"), ("instance", "token")):
        path = folder / "v1.0-mini" / f"{name}.json"
        rows = [row for row in json.loads(path.read_text()) if row[key] not in gone]
        path.unlink()
        path.write_text(json.dumps(rows))


def without_boxes(log: Path, folder: Path, seed: int) -> tuple[int, int]:
    """A copy of a log without the boxes of a tenth of the tracks, and of as many more that move; files are shared."""
    annotations = json.loads((log / "v1.0-mini" / "sample_annotation.json").read_text())
    places: dict[str, list[list[float]]] = defaultdict(list)
    for row in annotations:
        places[row["instance_token"]].append(row["translation"][:2])
    moving = sorted(token for token, xy in places.items() if np.ptp(np.array(xy), axis=0).max() > 3.0)
    some = random.Random(seed)
    gone = set(some.sample(sorted(places), round(DROPPED * len(places)))) | set(
        some.sample(moving, max(round(DROPPED * len(moving)), 2))
    )
    drop_tracks(log, folder, gone)
    return len(gone), len(gone & set(moving))


def thin(true: np.ndarray) -> np.ndarray:
    """(X, Y, Z) bool: poles."""
    manmade = true == MANMADE
    around = np.rint(uniform_filter(manmade.astype(float), (3, 3, 1), mode="constant") * 9)
    upright = manmade & (np.roll(manmade, 1, 2) | np.roll(manmade, -1, 2))
    return upright & (around <= 3)


def kerbs(true: np.ndarray) -> np.ndarray:
    """(X, Y, Z) bool: pavement beside the road."""
    return (true == PAVEMENT) & binary_dilation(true == ROAD, np.ones((3, 3, 1)))


def recalls(store: Path, log: Path) -> dict[str, list[float]]:
    """Recall of poles and kerbs that were seen, without and with carving."""
    opened, truth = Store.open(store), Truth.open(log)
    index = read_index(opened)
    counts = {name: np.zeros(3) for name in ("poles", "kerbs")}
    for scene, entry in index.scenes.items():
        readers = [current_product(opened, index, scene, product) for product in (SurfaceOccupancy, CarvedOccupancy)]
        for row, token in enumerate(entry.frames):
            facts = truth.frame(scene, token, grid_of(readers[0]))
            states = [reader.rows("state", row, row + 1)[0] == State.OCCUPIED for reader in readers]
            for name, mask in (("poles", thin(facts.static)), ("kerbs", kerbs(facts.static))):
                judged = mask & facts.seen_static
                counts[name] += [judged.sum(), *((judged & state).sum() for state in states)]
    return {name: [float(n / total) for n in found] for name, (total, *found) in counts.items()}


def compared(store: Path, log: Path, product: str) -> dict[str, Any]:
    return json.loads(run("compare", store, "--reference", f"truth:{log}", "--product", product, "--json"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("extra", nargs="*")
    options = parser.parse_args()
    print(
        "| log | free right | unknown | IoU | carved | mIoU | carved | precision | carved | recall of seen | carved |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as name:
            log, poor = Path(name) / "log", Path(name) / "poor"
            run("sample", "--out", log, "--seconds", options.seconds, "--seed", seed, "--no-cameras")
            gone, moving = without_boxes(log, poor, seed)
            for kind, root in ((f"{seed}", log), (f"{seed}, {gone} tracks dropped, {moving} moving", poor)):
                store = Path(name) / f"{root.name}.zarr"
                run("run", "visibility", "--dataroot", root, "--out", store, *options.extra)
                before, after = (compared(store, log, p) for p in (SurfaceOccupancy.name, CarvedOccupancy.name))
                space = after["space"]
                row = [space["free_precision"], space["unknown"] / space["voxels"]]
                for figure in ("iou", "miou", "precision", "recall"):
                    row += [before[figure], after[figure]]
                print(f"| {kind} | {' | '.join(f'{value:.4f}' for value in row)} |", flush=True)
                if root is log:
                    found = recalls(store, log)
                    print(f"  recall without and with carving: {found}", flush=True)


if __name__ == "__main__":
    main()
