"""Training targets read from a store against the same content as one compressed .npz a key frame, how others ship labels.

    python tests/benchmarks/loader.py STORE.zarr [--passes 5]

STORE has carved_occupancy, instance_offsets and sensor_frames. Both sides give the same tensors, which is checked first: training
ids, state, both masks, offsets, points. The files hold what a sample is made of: no pose is reckoned for them and no digest
looked at. Both are read with the files in memory, in turns, in the same shuffled order, after one pass that does not count; of the
passes the fastest counts, by the clock, and without workers beside it the least of processor time, which tells more where the
machine has other things to do.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from occ_pipeline.pipeline.targets import FrameOrder, OccupancyTargets, collate
from torch.utils.data import DataLoader, Dataset

MASKS = ("mask_lidar", "mask_camera")
CONTENTS: dict[str, dict[str, Any]] = {
    "labels alone": {},
    "labels, masks": {"arrays": MASKS},
    "labels, masks, points": {"arrays": MASKS, "points": True},
    "labels, masks, points, offsets": {"arrays": MASKS, "points": True, "offsets": "instance_offsets"},
}
NOT_COMPARED = ("world_SE3_grid", "scene", "frame")


class Files(Dataset[dict[str, Any]]):
    """One compressed file a key frame."""

    def __init__(self, folder: Path, keys: Sequence[str]) -> None:
        self.folder, self.keys = folder, keys

    def __getitem__(self, index: Any) -> dict[str, Any]:
        place = index if isinstance(index, int) else index.place
        with np.load(self.folder / f"{place:06d}.npz") as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in self.keys}


def write(folder: Path, targets: OccupancyTargets, keys: Sequence[str]) -> int:
    """Bytes of the files."""
    for place in range(len(targets)):
        sample = targets[place]
        np.savez_compressed(folder / f"{place:06d}.npz", **{key: sample[key].numpy() for key in keys})
    return sum(file.stat().st_size for file in folder.iterdir())


def timed(batches: Iterable[Any]) -> tuple[float, float]:
    """Seconds by the clock, and of this process' own processor time."""
    start, cpu = time.perf_counter(), time.process_time()
    for _ in batches:
        pass
    return time.perf_counter() - start, time.process_time() - cpu


def loader(data: Any, targets: OccupancyTargets, workers: int, batch: int) -> DataLoader[Any]:
    """Its workers stay: a pass does not start them."""
    return DataLoader(
        data, batch_size=batch, sampler=FrameOrder(targets), collate_fn=collate, num_workers=workers,
        persistent_workers=workers > 0, multiprocessing_context="forkserver" if workers else None,
    )  # fmt: skip


def stored(path: Path) -> int:
    """Bytes of the products that are read."""
    products = ("carved_occupancy", "instance_offsets", "sensor_frames")
    return sum(
        f.stat().st_size for product in products for f in path.glob(f"scenes/*/{product}/*/*/c.*")
        if f.parent.name in ("state", "semantics", *MASKS, "offsets", "points", "intensity", "time_s")
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--every", type=int, default=1, help="key frames between those that are read")
    parser.add_argument("--batch", type=int, default=1, help="key frames of a batch")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("key frames a second: files, store, ratio; without workers, milliseconds of processor time each: the same")
    for name, asked in CONTENTS.items():
        targets = OccupancyTargets(options.store, every=options.every, **asked)
        keys = [key for key in targets[0] if key not in NOT_COMPARED]
        with tempfile.TemporaryDirectory() as folder:
            size = write(Path(folder), targets, keys)
            sides = {"files": Files(Path(folder), keys), "store": targets}
            for place in range(len(targets)):
                mine, theirs = (side[place] for side in sides.values())
                assert all(torch.equal(mine[key], theirs[key]) for key in keys)
            print(f"{name}: {len(targets)} key frames; files {size / 2**20:.1f} MiB")
            for workers in options.workers:
                loaders = {side: loader(data, targets, workers, options.batch) for side, data in sides.items()}
                for batches in loaders.values():
                    timed(batches)
                taken: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
                for _ in range(options.passes):
                    for side, batches in loaders.items():
                        taken[side].append(timed(batches))
                clock, cpu = ({side: min(t[i] for t in taken[side]) / len(targets) for side in sides} for i in (0, 1))
                print(
                    f"  {workers} workers: {1 / clock['files']:.1f} {1 / clock['store']:.1f}"
                    f" {clock['files'] / clock['store']:.1f}"
                    + ("" if workers else f"; {cpu['files'] * 1e3:.1f} {cpu['store'] * 1e3:.1f} {cpu['files'] / cpu['store']:.1f}"),
                    flush=True,
                )  # fmt: skip
    print(f"store: {stored(options.store) / 2**20:.1f} MiB of all these")


if __name__ == "__main__":
    main()
