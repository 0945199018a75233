"""What moving objects leave behind in the labels of a KITTI raw drive: separated by its tracklets, without them, or not at all.

    python tests/benchmarks/kitti_drive.py DATAROOT [--drive 2011_09_26_0005]

Of voxels that rays of a key frame's own scan cross until half a metre before their hit, the share that is occupied: in all of the
grid, and of those that lie in the box of a moving object at another time and in none at this one, where traces would be. A voxel
of a hit is none that is crossed.
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
from numba import njit
from occ_pipeline.pipeline.current import current_product, grid_of
from occ_pipeline.pipeline.sources import read_sweep
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import CarvedOccupancy, State, SurfaceOccupancy
from occ_pipeline.schemas.product import load
from occ_pipeline.schemas.refined_poses import RefinedPoses, refined_tables
from occ_pipeline.schemas.scene import SceneTables

PROGRAM = str(Path(sys.executable).parent / "occ-pipeline")
SHORT_M, STEP_M, MOVED_M = 0.5, 0.05, 1.0


def run(root: Path, drive: str, store: Path, *words: str) -> None:
    command = [PROGRAM, "run", "visibility", "--dataset", "kitti", "--dataroot", str(root), "--drives", drive]
    command += ["--out", str(store), *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print("\n".join(line for line in done.stdout.splitlines() if "took" in line or "refined:" in line))


def mask(grid: VoxelGrid, points: np.ndarray) -> np.ndarray:
    """(X, Y, Z) bool: voxels that hold any of some points (N, 3) of the grid's frame."""
    found = np.zeros(grid.shape, dtype=bool)
    cells = np.floor((points - grid.min_m) / grid.voxel_m).astype(np.int64)
    inside = ((cells >= 0) & (cells < grid.shape)).all(axis=1)
    found[tuple(cells[inside].T)] = True
    return found


def crossed(grid: VoxelGrid, start: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(X, Y, Z) bool: voxels on the way from a sensor to its hits, without those of hits; sampled densely."""
    found = np.zeros(grid.shape, dtype=np.bool_)
    low = np.array(grid.min_m)
    march(
        found, (start - low) / grid.voxel_m, (ends - low) / grid.voxel_m, STEP_M / grid.voxel_m, SHORT_M / grid.voxel_m
    )
    return found & ~mask(grid, ends)


@njit
def march(found: np.ndarray, start: np.ndarray, ends: np.ndarray, step: float, short: float) -> None:
    """Marks cells along rays, in units of cells, until ``short`` before their ends."""
    for end in ends:
        ray = end - start
        length = np.sqrt((ray * ray).sum())
        for n in range(1, int((length - short) / step) + 1):
            x, y, z = np.floor(start + ray * (n * step / length))
            if 0 <= x < found.shape[0] and 0 <= y < found.shape[1] and 0 <= z < found.shape[2]:
                found[int(x), int(y), int(z)] = True


def in_boxes(grid: VoxelGrid, tables: SceneTables, grid_SE3_world: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(X, Y, Z) bool: voxels whose middle lies in any of some boxes grown by half a voxel, from 0.3 m above their lower face on:
    the ground there is no trace.
    """
    found = np.zeros(grid.shape, dtype=bool)
    for row in rows.tolist():
        grid_SE3_box = grid_SE3_world @ tables.world_SE3_box[row]
        half = tables.box_size_m[row] / 2
        reach = np.linalg.norm(half) + grid.voxel_m
        low, high = ((grid_SE3_box[:3, 3] + sign * reach - grid.min_m) / grid.voxel_m for sign in (-1, 1))
        low, high = (np.clip(np.floor(edge).astype(int), 0, grid.shape) for edge in (low, high))
        part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        cells = np.stack(np.mgrid[part], axis=-1)
        local = ((cells + 0.5) * grid.voxel_m + grid.min_m - grid_SE3_box[:3, 3]) @ grid_SE3_box[:3, :3]
        found[part] |= (np.abs(local) < half + grid.voxel_m / 2).all(axis=-1) & (local[..., 2] > 0.3 - half[2])
    return found


def moving_boxes(tables: SceneTables) -> np.ndarray:
    """Rows of boxes whose track gets farther from its median place than a metre."""
    kept: list[int] = []
    for track in range(len(tables.track_tokens)):
        rows = np.flatnonzero(tables.box_track == track)
        places = tables.world_SE3_box[rows, :3, 3]
        if np.linalg.norm(places - np.median(places, axis=0), axis=1).max() > MOVED_M:
            kept += rows.tolist()
    return np.array(kept, dtype=np.int64)


def tables_of(store: Path, drive: str) -> SceneTables:
    opened = Store.open(store)
    index = read_index(opened)
    told = load(SceneTables, current_product(opened, index, drive, SceneTables))
    return refined_tables(told, load(RefinedPoses, current_product(opened, index, drive, RefinedPoses)))


def measured(root: Path, store: Path, drive: str, boxed: Path) -> None:
    """Prints shares in a store's labels, by the boxes of another of the same drive."""
    opened = Store.open(store)
    index = read_index(opened)
    tables = tables_of(boxed, drive)
    readers = [current_product(opened, index, drive, product) for product in (SurfaceOccupancy, CarvedOccupancy)]
    grid = grid_of(readers[0])
    moving = moving_boxes(tables)
    counts = np.zeros((len(readers), 2, 2))
    for k, sweep in enumerate(tables.key_sweeps.tolist()):
        grid_SE3_world = np.linalg.inv(readers[0].rows("world_SE3_grid", k, k + 1)[0])
        grid_SE3_lidar = grid_SE3_world @ tables.world_SE3_lidar(sweep)
        points = read_sweep(root, tables, sweep).points @ grid_SE3_lidar[:3, :3].T + grid_SE3_lidar[:3, 3]
        free = crossed(grid, grid_SE3_lidar[:3, 3], points)
        now = tables.box_timestamps_ns[moving] == tables.timestamps_ns[sweep]
        paths = in_boxes(grid, tables, grid_SE3_world, moving[~now])
        paths &= ~in_boxes(grid, tables, grid_SE3_world, moving[now])
        for reader, count in zip(readers, counts, strict=True):
            occupied = reader.rows("state", k, k + 1)[0] == State.OCCUPIED
            for where, total in zip((free, free & paths), count, strict=True):
                total += [(where & occupied).sum(), where.sum()]
    for name, count in zip(("surfaces", "carved"), counts.tolist(), strict=True):
        shares = [f"{a / max(b, 1):.4%} of {b:.0f}" for a, b in count]
        print(f"  {name}: occupied {shares[0]} crossed voxels, {shares[1]} on the paths of moving objects")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataroot", type=Path)
    parser.add_argument("--drive", default="2011_09_26_0005")
    parser.add_argument("--stores", type=Path, help="folder to keep the stores in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder: Path = options.stores or Path(name)
        bare = Path(name) / "bare"
        shutil.copytree(options.dataroot, bare, copy_function=os.link, ignore=shutil.ignore_patterns("tracklet*"))
        for kind, root, words in (
            ("separated", options.dataroot, ()),
            ("without tracklets", bare, ()),
            ("together", options.dataroot, ("--set", "separate.moving_m=1000")),
        ):
            print(kind)
            store = folder / f"{kind.replace(' ', '-')}.zarr"
            run(root, options.drive, store, *words)
            measured(options.dataroot, store, options.drive, folder / "separated.zarr")


if __name__ == "__main__":
    main()
