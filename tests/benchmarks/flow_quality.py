"""Flow against the exact motion of simulated objects.

    python tests/benchmarks/flow_quality.py [--seeds 101 102] [--seconds 20]

True velocity: the voxel's centre carried by its object a hundredth of a second to either side of the moment its box stands
for. True displacement: carried until the moment of its box in the next key frame. People's limbs swing; their boxes do not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from occ_pipeline.pipeline.current import current_product, grid_of
from occ_pipeline.pipeline.sample.annotate import moment
from occ_pipeline.pipeline.sample.lidar import Lidar
from occ_pipeline.pipeline.sample.scanner import HDL_32E
from occ_pipeline.pipeline.sample.tables import token
from occ_pipeline.pipeline.sample.things import Actor
from occ_pipeline.pipeline.sample.world import make_world
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.flow import OccupancyFlow
from occ_pipeline.schemas.occupancy import CarvedOccupancy
from occ_pipeline.schemas.product import load
from occ_pipeline.schemas.scene import SceneTables

PROGRAM = str(Path(sys.executable).parent / "occ-pipeline")
STEP_S = 0.01
SWEEPS_A_FRAME = round(0.5 / HDL_32E.period_s)


def run(*words: object) -> None:
    subprocess.run([PROGRAM, *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def carried(actor: Actor, places: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    """Where places (N, 3), world, on an actor at one time are at another."""
    step = actor.pose(end_s) @ np.linalg.inv(actor.pose(start_s))
    return places @ step[:3, :3].T + step[:3, 3]


def scene_errors(store: Path, seed: int, seconds: float) -> tuple[dict[str, list[np.ndarray]], int, int]:
    """Per kind of object: true speed, error of velocity (m/s), error of displacement (m, NaN unknown), of known voxels;
    how many voxels' velocities are known, and how many voxels move."""
    opened = Store.open(store)
    index = read_index(opened)
    (scene,) = index.scenes
    tables = load(SceneTables, current_product(opened, index, scene, SceneTables))
    flow = load(OccupancyFlow, current_product(opened, index, scene, OccupancyFlow))
    labels = current_product(opened, index, scene, CarvedOccupancy)
    grid, world = grid_of(labels), make_world(seed, 1, seconds)
    lidar = Lidar.on(world)
    actors = {token("instance", f"{seed}/{world.name}", actor.name): actor for actor in world.actors}
    found: dict[str, list[np.ndarray]] = {"rigid": [], "deforming": []}
    for frame, pose in enumerate(labels.read("world_SE3_grid")):
        rows = np.arange(*flow.offsets[frame : frame + 2])
        for track in np.unique(flow.tracks[rows][flow.tracks[rows] >= 0]).tolist():
            mine = rows[(flow.tracks[rows] == track) & (flow.velocity_known[rows] == 1)]
            # A parked object with a single box counts as one that may move; nothing is told of its motion.
            if len(mine) == 0:
                continue
            actor = actors[tables.track_tokens[track]]
            places = ((flow.voxels[mine] + 0.5) * grid.voxel_m + grid.min_m) @ pose[:3, :3].T + pose[:3, 3]
            now, then = (moment(lidar, actor, SWEEPS_A_FRAME * k) for k in (frame, frame + 1))
            ends = [carried(actor, places, now, now + step) for step in (-STEP_S, STEP_S)]
            velocity = (ends[1] - ends[0]) / (2 * STEP_S)
            shift = np.where(
                flow.displacement_known[mine, None] == 1, carried(actor, places, now, then) - places, np.nan
            )
            told = [values[mine] @ pose[:3, :3].T for values in (flow.velocity_m_s, flow.displacement_m)]
            errors = [np.linalg.norm(have - want, axis=1) for have, want in zip(told, (velocity, shift), strict=True)]
            found["deforming" if actor.deforming else "rigid"].append(
                np.stack([np.linalg.norm(velocity, axis=1), *errors], axis=1)
            )
    return found, int(flow.velocity_known.sum()), len(flow.tracks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101])
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as name:
            log, store = Path(name) / "log", Path(name) / "labels.zarr"
            run("sample", "--out", log, "--seconds", options.seconds, "--seed", seed, "--no-cameras")
            run("run", "flow", "--dataroot", log, "--out", store)
            found, known, all_voxels = scene_errors(store, seed, options.seconds)
        print(f"seed {seed}: velocity known of {known} of {all_voxels} moving voxels ({known / all_voxels:.1%})")
        for kind, pieces in found.items():
            speed, velocity, shift = np.concatenate(pieces).T
            print(
                f"  {kind:9s} {len(speed):6d} voxels, mean speed {speed.mean():5.2f} m/s; error of velocity: median"
                f" {np.median(velocity):.3f}, 95 % {np.quantile(velocity, 0.95):.3f} m/s; of displacement: median"
                f" {np.nanmedian(shift):.3f}, 95 % {np.nanquantile(shift, 0.95):.3f} m"
            )


if __name__ == "__main__":
    main()
