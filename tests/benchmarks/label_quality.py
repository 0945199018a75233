"""Quality of labels against the exact truth, over simulated streets that no default was chosen on.

python tests/benchmarks/label_quality.py [--seeds 101 102 103 104 105] [--seconds 20] [-- OPTIONS OF run visibility]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROGRAM = str(Path(sys.executable).parent / "occ-pipeline")


def quality(seed: int, seconds: float, extra: list[str]) -> dict[str, Any]:
    """The comparison's JSON for one street."""
    with tempfile.TemporaryDirectory() as name:
        log, store = f"{name}/log", f"{name}/labels.zarr"
        for command in (
            [PROGRAM, "sample", "--out", log, "--seconds", str(seconds), "--seed", str(seed), "--no-cameras"],
            [PROGRAM, "run", "visibility", "--dataroot", log, "--out", store, *extra],
        ):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        compare = [PROGRAM, "compare", store, "--reference", f"truth:{log}", "--json"]
        return json.loads(subprocess.run(compare, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103, 104, 105])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("extra", nargs="*")
    options = parser.parse_args()
    found = {seed: quality(seed, options.seconds, options.extra) for seed in options.seeds}
    worst_first = sorted(found, key=lambda seed: found[seed]["miou"])
    print(
        "| seed | IoU | mIoU | precision | recall | static | moving rigid | deforming | free and free | unknown | frames |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for seed in worst_first:
        one = found[seed]
        figures = [one["iou"], one["miou"], one["precision"], one["recall"]]
        figures += [one[kind]["iou"] for kind in ("static", "moving_rigid", "deforming")]
        space = one["space"]
        free, unknown = space["free_precision"], space["unknown"] / space["voxels"]
        print(f"| {seed} | {' | '.join(f'{f:.3f}' for f in figures)} | {free:.4f} | {unknown:.2f} | {one['frames']} |")
    classes = sorted({name for one in found.values() for name in one["per_class"]})
    rows = {
        name: [one["per_class"][name]["iou"] for one in found.values() if name in one["per_class"]] for name in classes
    }
    rows = {name: [v for v in values if v is not None] for name, values in rows.items()}
    print("\n| class | worst IoU | mean IoU |\n|---|---|---|")
    for name, values in sorted(rows.items(), key=lambda row: min(row[1], default=0.0)):
        if values:
            print(f"| {name} | {min(values):.3f} | {sum(values) / len(values):.3f} |")


if __name__ == "__main__":
    main()
