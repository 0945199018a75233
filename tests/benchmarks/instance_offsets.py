"""Instance offsets: against Algorithm 1 in PyTorch on the same cores, against copying their output, and over grid sizes.

    python tests/benchmarks/instance_offsets.py [--runs 7]

All in one process, one after the other in turns; the least of the runs counts. Needs torch, which the package does not yet. PyTorch
runs on all cores, ours on one and on as many. "Laid out" is into an array that is there: without what the
operating system takes to hand out fresh memory.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from occ_pipeline.stages.voxnt import instance_offsets

SHAPES = ((128, 128, 16), (200, 200, 16), (256, 256, 32), (512, 512, 40))


def street(shape: tuple[int, int, int]) -> np.ndarray:
    """Labels in clumps, three quarters of them free, as a scene's are."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 20, [n // 4 + 1 for n in shape]) * (rng.random([n // 4 + 1 for n in shape]) < 0.25)
    for axis in range(3):
        labels = np.repeat(labels, 4, axis=axis)
    return np.ascontiguousarray(labels[: shape[0], : shape[1], : shape[2]].astype(np.uint8))


def run_length_positive(t: torch.Tensor, dim: int) -> torch.Tensor:
    length = t.shape[dim]
    out = torch.empty_like(t, dtype=torch.int32)
    at: list[slice | int] = [slice(None)] * t.dim()
    at[dim] = length - 1
    out[tuple(at)] = torch.tensor(1, dtype=torch.int32)
    for i in range(length - 2, -1, -1):
        here, after = list(at), list(at)
        here[dim], after[dim] = i, i + 1
        same = t[tuple(here)] == t[tuple(after)]
        out[tuple(here)] = torch.where(same, out[tuple(after)] + 1, torch.tensor(1, dtype=torch.int32))
    return out


def algorithm_1(t: torch.Tensor) -> torch.Tensor:
    """As the paper prints it."""
    found = []
    for dim in (1, 2, 3):
        found.append(run_length_positive(t, dim))
        found.append(torch.flip(run_length_positive(torch.flip(t, (dim,)), dim), (dim,)))
    return torch.stack(found, dim=1)


def seconds(function: Callable[[], object]) -> float:
    """The least of some calls one after the other: the first after a pause is slower."""
    # PyTorch's threads go on spinning for a while after their work.
    time.sleep(0.05)
    taken: list[float] = []
    for _ in range(5):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    cores = torch.get_num_threads()
    for shape in SHAPES:
        labels = street(shape)
        grid = torch.from_numpy(labels.astype(np.int64))[None]
        offsets = instance_offsets(labels)
        assert np.array_equal(algorithm_1(grid)[0].numpy(), offsets)
        there = np.empty_like(offsets)
        ways: list[Callable[[], object]] = [
            lambda labels=labels: instance_offsets(labels),
            lambda labels=labels: instance_offsets(labels, cores),
            lambda offsets=offsets: offsets.copy(),
            lambda labels=labels, there=there: instance_offsets(labels, 1, there),
            lambda labels=labels, there=there: instance_offsets(labels, cores, there),
            lambda there=there, offsets=offsets: np.copyto(there, offsets),
            lambda grid=grid: algorithm_1(grid),
        ]
        turns = [[seconds(way) for way in ways] for _ in range(options.runs)]
        one, every, copy, one_there, every_there, copy_there, paper = (
            min(column) for column in zip(*turns, strict=True)
        )
        print(f"{' x '.join(map(str, shape))}: Algorithm 1 in PyTorch on {cores} threads {paper * 1e3:.1f} ms")
        for words, ours, copied in (
            ("one thread", one, copy), (f"{cores} threads", every, copy),
            ("one thread, laid out", one_there, copy_there), (f"{cores} threads, laid out", every_there, copy_there),
        ):  # fmt: skip
            print(
                f"  {words:22s} {ours * 1e3:6.2f} ms, {ours / labels.size * 1e9:.2f} ns a voxel, {paper / ours:5.1f} times as fast,"
                f" {ours / copied:.2f} times a copy"
            )


if __name__ == "__main__":
    main()
