"""``mask_camera`` against visibility rendered exactly: every pixel's true depth, followed through the grid voxel by voxel.

    python tests/benchmarks/camera_masks.py [--seeds 101] [--seconds 20]

Judged are voxels of which something is known, with the ratio of both masks' common part to their union.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from occ_pipeline.pipeline.current import current_product, grid_of
from occ_pipeline.pipeline.sample import CameraTruth
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import CarvedOccupancy, State
from occ_pipeline.schemas.product import load

PROGRAM = str(Path(sys.executable).parent / "occ-pipeline")
STEP = 0.1
"""Of a voxel: how far apart places on a ray are asked, another way than the stage's own exact traversal."""
SKY_M = 120.0


def rendered(
    truth: CameraTruth, cameras: CameraTables, frame: int, grid: VoxelGrid, grid_SE3_world: np.ndarray
) -> np.ndarray:
    """(X, Y, Z) bool: voxels before or at the true surface of some pixel."""
    seen = np.zeros(grid.shape, bool)
    for camera in cameras.cameras_of(frame):
        depth = truth.frame(cameras.scene, cameras.frame_tokens[frame], cameras.names[camera]).depth_m.astype(float)
        depth[depth == 0] = SKY_M
        rows, columns = np.indices(depth.shape) + 0.5
        pixels = np.stack([columns, rows, np.ones_like(rows)], axis=-1).reshape(-1, 3)
        rays = pixels @ np.linalg.inv(cameras.intrinsics[frame, camera]).T
        grid_SE3_camera = grid_SE3_world @ cameras.world_SE3_camera(frame, camera)
        rays, origin = rays @ grid_SE3_camera[:3, :3].T, grid_SE3_camera[:3, 3]
        lengths = np.linalg.norm(rays, axis=1)
        for metres in np.arange(0.0, 60.0, STEP * grid.voxel_m):
            # The surface's own voxel is seen: a hair beyond the depth.
            reached = metres <= depth.ravel() * lengths + 1e-3
            places = origin + rays[reached] / lengths[reached, None] * metres
            cells, inside = grid.index(places)
            seen[tuple(cells[inside].T)] = True
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--every", type=int, default=10, help="key frames between those that are judged")
    options = parser.parse_args()
    print("| seed | camera IoU | precision | recall | of free | of occupied |")
    print("|---|---|---|---|---|---|")
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as name:
            log, store = Path(name) / "log", Path(name) / "labels.zarr"
            for words in (
                ("sample", "--out", log, "--seconds", options.seconds, "--seed", seed),
                ("run", "visibility", "--dataroot", log, "--out", store),
            ):
                command = [PROGRAM, *map(str, words)]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            opened, truth = Store.open(store), CameraTruth.open(log)
            index, counts = read_index(opened), np.zeros((2, 3))
            for scene, entry in index.scenes.items():
                labels = current_product(opened, index, scene, CarvedOccupancy)
                cameras = load(CameraTables, opened.reader(scene, CameraTables, entry.products[CameraTables.name]))
                for frame in range(0, len(entry.frames), options.every):
                    pose = labels.rows("world_SE3_grid", frame, frame + 1)[0]
                    true = rendered(truth, cameras, frame, grid_of(labels), np.linalg.inv(pose))
                    ours = labels.rows("mask_camera", frame, frame + 1)[0] == 1
                    state = labels.rows("state", frame, frame + 1)[0]
                    for row, kind in enumerate((State.FREE, State.OCCUPIED)):
                        some = state == kind
                        counts[row] += [(ours & true)[some].sum(), ours[some].sum(), true[some].sum()]
            both, mine, right = counts.sum(axis=0)
            each = [hit / (a + b - hit) for hit, a, b in counts]
            figures = [both / (mine + right - both), both / mine, both / right, *each]
            print(f"| {seed} | {' | '.join(f'{figure:.4f}' for figure in figures)} |", flush=True)


if __name__ == "__main__":
    main()
