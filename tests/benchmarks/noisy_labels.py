"""2D labels as a segmentation network might give them, made of a simulated log's exact ones.

    python tests/benchmarks/noisy_labels.py LOG [--folder image_labels] [--seed 0] [--exact]

Per image, from its seed and path alone: boundaries between classes wander by a few pixels; whole segments, which are
pieces of one class that hang together, take another class that is easily confused with theirs; others lose theirs.
"""

from __future__ import annotations

import argparse
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from occ_pipeline.pipeline.sample.camera_truth import CAMERAS_FOLDER, truth_file
from occ_pipeline.pipeline.sources import label_file
from occ_pipeline.schemas.taxonomy import NO_LABEL, NUSCENES
from PIL import Image
from scipy.ndimage import gaussian_filter, label, map_coordinates

UInt8 = NDArray[np.uint8]
CONFUSED = {
    "car": ("truck", "construction_vehicle"), "truck": ("bus", "car"), "bus": ("truck",), "trailer": ("truck",),
    "construction_vehicle": ("truck",), "bicycle": ("motorcycle",), "motorcycle": ("bicycle",),
    "pedestrian": ("manmade",), "traffic_cone": ("barrier",), "barrier": ("manmade",),
    "driveable_surface": ("sidewalk", "other_flat"), "other_flat": ("driveable_surface",),
    "sidewalk": ("driveable_surface", "terrain"), "terrain": ("vegetation", "sidewalk"),
    "manmade": ("vegetation",), "vegetation": ("manmade", "terrain"), "others": ("manmade",),
}  # fmt: skip
"""What a class may be taken for."""


@dataclass(frozen=True)
class Noise:
    """How much is wrong. Lengths are shares of an image's width: 0.002 is 3 pixels of 1600."""

    jitter: float = 0.002
    """Standard deviation of a boundary's displacement."""
    wander: float = 0.008
    """Over which length the displacement changes."""
    confused: float = 0.08
    """Chance of a segment to have another class; of one larger than 1 % of the image, a quarter of it."""
    lost: float = 0.04
    """Chance of a segment to have no label."""


def noisy(labels: UInt8, noise: Noise, random: np.random.Generator) -> UInt8:
    """(H, W) uint8 labels with errors."""
    made = labels.copy()
    for class_id in np.unique(labels[labels != NO_LABEL]).tolist():
        segments, count = label(labels == class_id, np.ones((3, 3)))
        sizes = np.bincount(segments.ravel(), minlength=count + 1) / labels.size
        others = [NUSCENES.id_of(name) for name in CONFUSED[NUSCENES.classes[class_id]]]
        for segment in range(1, count + 1):
            chance = random.random() * (4.0 if sizes[segment] > 0.01 else 1.0)
            if chance < noise.confused:
                made[segments == segment] = random.choice(others)
            elif chance < noise.confused + noise.lost:
                made[segments == segment] = NO_LABEL
    high, wide = labels.shape
    shifts = [gaussian_filter(random.standard_normal((high, wide)), noise.wander * wide) for _ in range(2)]
    places = np.indices((high, wide)) + np.stack([s / s.std() * noise.jitter * wide for s in shifts])
    return map_coordinates(made, places, order=0, mode="nearest")


def write_labels(log: Path, folder: str, seed: int, noise: Noise | None) -> int:
    """Labels of every image of a simulated log below ``folder`` of it, exact ones without noise. How many."""
    rows = {
        name: json.loads((next(log.glob("v1.0-*")) / f"{name}.json").read_text())
        for name in ("sample_data", "sample", "scene")
    }
    scenes = {row["token"]: row["name"] for row in rows["scene"]}
    scene_of = {row["token"]: scenes[row["scene_token"]] for row in rows["sample"]}
    images = [row for row in rows["sample_data"] if row["fileformat"] == "jpg" and row["is_key_frame"]]
    for row in images:
        scene, channel = scene_of[row["sample_token"]], row["filename"].split("/")[1]
        source = log / "truth" / scene / CAMERAS_FOLDER / truth_file(channel, row["sample_token"], "label")
        with Image.open(source) as image:
            labels = np.array(image, dtype=np.uint8)
        if noise is not None:
            labels = noisy(labels, noise, np.random.default_rng([seed, zlib.crc32(row["filename"].encode())]))
        path = log / label_file(folder, row["filename"])
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels).save(path, compress_level=1)
    return len(images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("--folder", default="image_labels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--exact", action="store_true")
    options = parser.parse_args()
    print(write_labels(options.log, options.folder, options.seed, None if options.exact else Noise()))


if __name__ == "__main__":
    main()
