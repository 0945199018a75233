"""A real scan that labels were not made from, against those labels: SemanticKITTI's grid in the scan's own frame.

    python tests/benchmarks/held_out_scan.py DATASET [--sequence 00] [--frame 5] [-- OPTIONS OF run visibility]

The scan is replaced by a single far return, so that its key frame is still labelled, from the other scans alone. Of its static
returns inside the grid: how many fall into occupied voxels, and into voxels of their class. Of the voxels that its rays cross
until half a metre before they end: how many are occupied. Of surfaces alone, and carved by rays.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from occ_pipeline.pipeline.current import current_product, grid_of
from occ_pipeline.pipeline.sources import read_sweep
from occ_pipeline.pipeline.sources.semantickitti import LEARNING_MAP
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import CarvedOccupancy, State, SurfaceOccupancy
from occ_pipeline.schemas.product import load
from occ_pipeline.schemas.scene import PointKind, SceneTables

PROGRAM = str(Path(sys.executable).parent / "occ-pipeline")
CLEAR_M, STEP_M = 0.5, 0.05
MOVING, OUTLIER = 252, 1


def without_scan(dataset: Path, folder: Path, sequence: str, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """A copy of a sequence whose scan is one far return; the scan's points (N, 3) and raw labels (N,)."""
    there = dataset / "sequences" / sequence
    shutil.copytree(there, folder / "sequences" / sequence, copy_function=os.link)
    scan, labels = (folder / "sequences" / sequence / f for f in (f"velodyne/{frame:06d}.bin", f"labels/{frame:06d}.label"))  # fmt: skip
    points, values = np.fromfile(scan, np.float32).reshape(-1, 4), np.fromfile(labels, "<u4")
    for path, content in ((scan, np.array([[500.0, 0, 0, 0]], np.float32)), (labels, np.zeros(1, np.uint32))):
        path.unlink()
        content.tofile(path)
    return points[:, :3].astype(np.float64), values & 0xFFFF


def through(points: np.ndarray, grid: VoxelGrid, occupied: np.ndarray) -> float:
    """Share of the way from the sensor to the points, but for its end, that lies in occupied voxels."""
    distance, inside_them, all_of_it = np.linalg.norm(points, axis=1), 0, 0
    for step in np.arange(0.0, distance.max() - CLEAR_M, STEP_M):
        going = distance - CLEAR_M > step
        voxels, inside = grid.index(points[going] * (step / distance[going])[:, None])
        inside_them += np.count_nonzero(occupied[tuple(voxels[inside].T)])
        all_of_it += np.count_nonzero(inside)
    return inside_them / all_of_it


def points_alone(log: Path, tables: SceneTables, frame: int, grid: VoxelGrid) -> np.ndarray:
    """(X, Y, Z) bool: voxels that hold a static return of another scan, by the log's own poses."""
    occupied = np.zeros(grid.shape, dtype=bool)
    for scan in range(len(tables.timestamps_ns)):
        sweep = read_sweep(log, tables, scan)
        kept = sweep.points[(sweep.kinds != PointKind.MOVING) & (sweep.kinds != PointKind.NOISE)]
        move = np.linalg.inv(tables.world_SE3_lidar(frame)) @ tables.world_SE3_lidar(scan)
        voxels, inside = grid.index(kept @ move[:3, :3].T + move[:3, 3])
        occupied[tuple(voxels[inside].T)] = True
    return occupied


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--sequence", default="00")
    parser.add_argument("--frame", type=int, default=5)
    parser.add_argument("extra", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        log, store = Path(name) / "log", Path(name) / "labels.zarr"
        points, values = without_scan(options.dataset, log, options.sequence, options.frame)
        command = [PROGRAM, "run", "visibility", "--dataset", "semantickitti", "--dataroot", str(log), "--out", str(store), *options.extra]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        opened = Store.open(store)
        index = read_index(opened)
        row = index.scenes[options.sequence].frames.index(f"{options.frame:06d}")
        classes = np.array([LEARNING_MAP.get(int(value), 255) for value in range(260)], np.uint8)[values]
        scene = load(SceneTables, current_product(opened, index, options.sequence, SceneTables))
        found = {}
        for product in (SurfaceOccupancy, CarvedOccupancy):
            labels = current_product(opened, index, options.sequence, product)
            found[product.name] = [labels.rows(n, row, row + 1)[0] for n in ("state", "semantics")]
            grid = grid_of(labels)
        alone = np.where(points_alone(log, scene, row, grid), np.uint8(State.OCCUPIED), np.uint8(0))
        for name_of, (state, semantics) in {"points alone": (alone, None), **found}.items():
            voxels, inside = grid.index(points)
            static = inside & (values < MOVING) & (values != OUTLIER)
            where, known = tuple(voxels[static].T), classes[static] != 255
            hit = (state[where] == State.OCCUPIED).mean()
            right = "" if semantics is None else f", of those with a class {(semantics[where] == classes[static])[known].mean():.4f} in voxels of it"  # fmt: skip
            way = through(points, grid, state == State.OCCUPIED)
            print(f"{name_of}: of {known.size} static returns {hit:.4f} in occupied voxels{right}; {way:.4f} of the rays' way occupied")  # fmt: skip


if __name__ == "__main__":
    main()
