"""Speed and memory of the whole command on a simulated scene: seconds per stage, what limits them, peak per worker.

    python tests/benchmarks/scene_speed.py [--seconds 20 40] [--runs 1]

Kernels are compiled by a first, uncounted run. Memory is what workers report of themselves: their own largest resident
size and their native child's, added up.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

PROGRAM = Path(sys.executable).parent / "occ-pipeline"


def measured_run(log: Path, store: Path) -> tuple[float, float, dict[str, float], dict[str, float]]:
    """Wall seconds, largest MiB of a worker with its child, and per stage its wall span and the sum of its parts."""
    command = [str(PROGRAM), "run", "densify", "--dataroot", str(log), "--out", str(store)]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    events = [
        json.loads(line) for line in next(store.with_suffix(".runs").glob("*/events.jsonl")).read_text().splitlines()
    ]
    spans, parts, before = {}, defaultdict(float), 0.0
    for event in events:
        parts[event["stage"]] += event["seconds"]
        if event["part"] == "assembly":
            spans[event["stage"]], before = event["at_s"] - before, event["at_s"]
    return seconds, max(event["peak_mib"] for event in events), spans, dict(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[20.0, 40.0])
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    peaks: dict[float, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for length in (2.0, *options.seconds):
            log = folder / f"log-{length:g}"
            subprocess.run(
                [str(PROGRAM), "sample", "--out", str(log), "--seconds", str(length)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            for number in range(1 if length == 2.0 else options.runs):
                store = folder / f"run-{length:g}-{number}.zarr"
                seconds, peak, spans, parts = measured_run(log, store)
                if length != 2.0:
                    peaks[length] = max(peaks.get(length, 0.0), peak)
                    print(
                        f"{length:g} s scene: {seconds:.1f} s in all, {peak:.0f} MiB at most in a worker and its child"
                    )
                    for stage, span in spans.items():
                        print(f"  {stage:12s} {span:6.1f} s wall, {parts[stage]:6.1f} s in its parts")
                    print(f"  {'start, end':12s} {seconds - sum(spans.values()):6.1f} s wall")
                shutil.rmtree(store)
    lengths = sorted(peaks)
    for longer in lengths[1:]:
        print(f"peak memory, {longer:g} s over {lengths[0]:g} s: {peaks[longer] / peaks[lengths[0]]:.3f}")


if __name__ == "__main__":
    main()
