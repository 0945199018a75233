"""Pose refinement: pose errors, map thickness and label quality before and after, on simulated and on real logs.

    python tests/benchmarks/pose_refinement.py [--seeds 3] [--seconds 20] [--pictures FOLDER] [--no-labels] [--recordings FOLDER]

Every simulated log is judged as it is and with the defects of nuScenes put into its tables (``tests/wrong_poses.py``): height 0 in
all poses, up wrong by 0.5 degrees about an axis that turns once in 15 s, drift of 0.1 m. Pose errors are root mean squares over
key frames, after the best rigid alignment, and relative over 1 and 5 key frames. "map" is the median over 0.4 m cells of the
standard deviation of height of static points: of the static map's points of ground classes, all sweeps; "scans" is the
same as the stage measures it, of ground that key frames saw. "points" is the size of the static map, which is the smaller the
better scans agree. Pictures: the static map from the side, within 1 m of the vehicle's way, by the time of the sweep.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from occ_pipeline.pipeline.current import current_product
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.product import Product, ProductReader, load
from occ_pipeline.schemas.refined_poses import RefinedPoses, refined_tables
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.static_map import StaticMap
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.stages.pose_report import map_thickness
from occ_pipeline.stages.refine_poses import RefinePoses
from occ_pipeline.stages.separate import Separate
from occ_pipeline.tests.benchmarks.kitti_raw import KittiDrive
from occ_pipeline.tests.stages.small_world import World
from occ_pipeline.tests.wrong_poses import Defect, aligned_error, relative_error, with_wrong_poses

PROGRAM = str(Path(sys.executable).parent / "occ-pipeline")
GROUND = [NUSCENES.id_of(name) for name in NUSCENES.ground]


def run(*words: object) -> str:
    command = [PROGRAM, *map(str, words)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


class Made:
    """What a store holds of its one scene."""

    def __init__(self, path: Path) -> None:
        self._store = Store.open(path)
        self._index = read_index(self._store)
        self._scene = min(self._index.scenes)

    def product(self, product: type[Product]) -> ProductReader:
        return current_product(self._store, self._index, self._scene, product)

    @property
    def poses(self) -> RefinedPoses:
        return load(RefinedPoses, self.product(RefinedPoses))


def ground_of_map(static: ProductReader) -> float | None:
    """Thickness of the static map's ground, metres."""
    points, labels = static.read("points").astype(np.float64), static.read("labels")
    known = np.isin(labels, GROUND)
    points, sweeps = points[known], static.read("sweep")[known]
    return map_thickness(points[sweeps == sweep] for sweep in np.unique(sweeps))


def figure(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.1f} mm"


def simulated(seed: int, seconds: float, folder: Path, pictures: Path | None, labels: bool) -> None:
    """Rows of one street."""
    log = folder / f"log{seed}"
    run("sample", "--out", log, "--seconds", seconds, "--seed", seed, "--no-cameras")
    wrong = with_wrong_poses(log, folder / f"wrong{seed}", Defect())
    true: np.ndarray | None = None
    for kind, root, enabled in (
        ("intact", log, "never"), ("intact", log, "auto"), ("intact", log, "always"),
        ("wrong", wrong, "never"), ("wrong", wrong, "auto"),
    ):  # fmt: skip
        path = folder / f"{kind}{seed}-{enabled}.zarr"
        goal = "densify" if labels else "separate"
        run("run", goal, "--dataroot", root, "--out", path, "--set", f"refine-poses.enabled={enabled}")
        made = Made(path)
        tables = load(SceneTables, made.product(SceneTables))
        poses = made.poses.world_SE3_ego[tables.key_sweeps]
        true = poses if true is None else true
        quality: dict[str, Any] = {}
        if labels:
            quality = json.loads(run("compare", path, "--reference", f"truth:{log}", "--json"))
        errors = [aligned_error(poses, true), relative_error(poses, true, 1), relative_error(poses, true, 5)]
        static = made.product(StaticMap)
        row = [
            f"{seed} {kind}",
            enabled,
            made.poses.verdict,
            *errors,
            figure(ground_of_map(static)),
            len(static.read("sweep")),
        ]
        row += [f"{quality[name]:.4f}" if quality else "" for name in ("iou", "miou")]
        print(f"| {' | '.join(map(str, row))} |", flush=True)
        print(f"  {made.poses.reason}; found {made.poses.found}", file=sys.stderr)
        if pictures is not None:
            side_view(static, pictures / f"{seed}-{kind}-{enabled}.png", f"{seed} {kind}, {enabled}")


def recorded_keyframes(root: Path, folder: Path, pictures: Path | None) -> None:
    """Rows of a real nuScenes log."""
    for enabled in ("never", "auto"):
        path = folder / f"scene0001-{enabled}.zarr"
        run("run", "separate", "--dataroot", root, "--out", path, "--set", f"refine-poses.enabled={enabled}")
        made = Made(path)
        print(f"  {made.poses.verdict}: {made.poses.reason}; found {made.poses.found}", file=sys.stderr)
        report(f"scene0001 {enabled}", made.product(StaticMap))
        if pictures is not None:
            side_view(made.product(StaticMap), pictures / f"scene0001-{enabled}.png", f"scene-0001, {enabled}")


def recorded_drive(root: Path, pictures: Path | None) -> None:
    """Rows of a KITTI drive, which no reader of the pipeline's reads yet."""
    drive = KittiDrive(root)
    world = World(drive.tables, [drive.sweep(k) for k in range(len(drive.tables.timestamps_ns))])
    (poses,) = world.run(RefinePoses())
    assert isinstance(poses, RefinedPoses)
    print(f"  {poses.verdict}: {poses.reason}; found {poses.found}", file=sys.stderr)
    for name, tables in (("never", drive.tables), ("auto", refined_tables(drive.tables, poses))):
        made = World(tables, world.sweeps)
        made.run(Separate())
        static = made.product(StaticMap)
        report(f"kitti 0005 {name}", static)
        if pictures is not None:
            side_view(static, pictures / f"kitti0005-{name}.png", f"KITTI drive 0005, {name}")


def report(name: str, static: ProductReader) -> None:
    print(f"| {name} | map {figure(ground_of_map(static))} | {len(static.read('sweep'))} points |", flush=True)


def side_view(static: ProductReader, path: Path, title: str) -> None:
    """The static map within 1 m of the vehicle's way, over the way's length, height stretched."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from scipy.spatial import KDTree

    points, sweep = static.read("points").astype(np.float64), static.read("sweep")
    way = static.read("sensor_positions").astype(np.float64)
    # The map's origin is a whole block of the world: not the same before and after.
    points, way = points - way[0], way - way[0]
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way[:, :2], axis=0), axis=1))])
    fine = np.linspace(0.0, along[-1], max(int(along[-1] / 0.2), 2))
    places = np.column_stack([np.interp(fine, along, way[:, axis]) for axis in range(3)])
    away, nearest = KDTree(places[:, :2]).query(points[:, :2], distance_upper_bound=1.0)
    near = np.isfinite(away)
    ahead = fine[nearest[near]]
    # Near the ground, and in the middle of the way, where it is seen from both sides.
    height = points[near, 2] - (places[nearest[near], 2] - 1.85)
    middle = (np.abs(ahead - along[-1] / 2) < 25.0) & (np.abs(height) < 1.0)
    figure_, axes = plt.subplots(figsize=(12, 4), layout="constrained")
    shown = axes.scatter(
        ahead[middle], points[near, 2][middle], c=sweep[near][middle], s=1.0, cmap="turbo", linewidths=0
    )
    figure_.colorbar(shown, label="sweep")
    axes.set(xlabel="along the way, m", ylabel="height, m", title=title)
    axes.grid(alpha=0.3)
    figure_.savefig(path, dpi=90)
    plt.close(figure_)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[3])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--no-labels", action="store_true")
    parser.add_argument("--recordings", type=Path, default=os.environ.get("OCC_PIPELINE_TEST_DATA"))
    options = parser.parse_args()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        if options.seeds:
            print("| log | enabled | verdict | aligned | over 1 | over 5 | map | points | IoU | mIoU |")
            print("|---|---|---|---|---|---|---|---|---|---|")
        for seed in options.seeds:
            simulated(seed, options.seconds, Path(name), options.pictures, not options.no_labels)
        if options.recordings:
            recorded_keyframes(options.recordings / "nuscenes_scene0001", Path(name), options.pictures)
            recorded_drive(options.recordings / "kitti_raw", options.pictures)


if __name__ == "__main__":
    main()
