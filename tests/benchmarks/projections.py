"""What ``plan`` projects for a run against what the run takes: time, memory of a worker with its child, bytes written.

    python tests/benchmarks/projections.py [--seconds 10 20 40] [--dataroot FOLDER ...]

Each log is run into a store of its own, so every projection rests on the defaults.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = Path(sys.executable).parent / "occ-pipeline"


def told(log: Path, store: Path) -> dict[str, dict[str, float]]:
    """Runs a log; gives the totals projected and measured."""
    command = [str(PROGRAM), "run", "densify", "--dataroot", str(log), "--out", str(store)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return json.loads(next(store.with_suffix(".runs").glob("*/projection.json")).read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 20.0, 40.0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dataroot", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        logs: list[Path] = list(options.dataroot)
        for length in options.seconds:
            logs.append(folder / f"simulated-{length:g}-s")
            command = [PROGRAM, "sample", "--out", logs[-1], "--seconds", length, "--seed", options.seed]
            subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        print(f"{'log':28s} {'time':>22s} {'memory, MiB':>22s} {'written, MB':>22s}   projected / measured")
        for number, log in enumerate(logs):
            record = told(log, folder / f"{number}.zarr")
            row = f"{log.name:28s}"
            for key, scale in (("seconds", 1.0), ("peak_mib", 1.0), ("written_bytes", 1e6)):
                projected, measured = record["projected"][key] / scale, record["measured"][key] / scale
                row += f" {projected:7.1f} /{measured:7.1f} {projected / measured:5.2f}"
            print(row)


if __name__ == "__main__":
    main()
