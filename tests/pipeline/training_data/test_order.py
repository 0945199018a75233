"""Order: from a seed alone, each key frame once over all ranks, taken up where it stood; the same from any worker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from occ_pipeline.pipeline.targets import Draw, FrameOrder, OccupancyBatches, OccupancyTargets, collate
from occ_pipeline.schemas.errors import UsageError
from torch.utils.data import DataLoader


class Counted:
    """Stands for targets of which only the number matters."""

    def __init__(self, frames: int) -> None:
        self.frames = frames

    def __len__(self) -> int:
        return self.frames


def order(frames: int, **more: Any) -> FrameOrder:
    return FrameOrder(Counted(frames), **more)  # type: ignore[arg-type]


@given(st.integers(1, 40), st.integers(1, 7), st.booleans(), st.booleans(), st.integers(0, 3))
def test_ranks_share_an_epoch_without_overlap(frames: int, ranks: int, even: bool, shuffle: bool, epoch: int) -> None:
    if even and frames < ranks:
        with pytest.raises(UsageError, match="fewer key frames than ranks"):
            order(frames, ranks=ranks)
        return
    shares = [order(frames, rank=r, ranks=ranks, even=even, shuffle=shuffle, seed=4) for r in range(ranks)]
    places = [share.order(epoch) for share in shares]
    assert [len(share) for share in shares] == [len(each) for each in places]
    drawn = sorted(place for each in places for place in each)
    assert len(set(drawn)) == len(drawn)
    assert len(drawn) == (frames - frames % ranks if even else frames)
    assert not even or len({len(each) for each in places}) == 1
    whole = order(frames, even=False, shuffle=shuffle, seed=4).order(epoch)
    assert all(each == whole[r::ranks][: len(each)] for r, each in enumerate(places))


def test_epochs_and_seeds_differ_and_come_back() -> None:
    first, again, other = order(50, seed=1), order(50, seed=1), order(50, seed=2)
    epochs = [list(first) for _ in range(3)]
    assert epochs == [list(again) for _ in range(3)]
    assert epochs[1] == [Draw(place, 1) for place in first.order(1)]
    assert len({tuple(place for place, _ in epoch) for epoch in [*epochs, list(other)]}) == 4
    assert [place for place, _ in order(5, shuffle=False)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("taken", [0, 3, 10])
def test_an_epoch_goes_on_where_it_stood(taken: int) -> None:
    whole = order(10, seed=3)
    epochs = [list(whole) for _ in range(4)]
    running = order(10, seed=3)
    list(running)
    ahead = iter(running)
    for _ in range(min(taken + 2, 10)):
        next(ahead)
    state = json.loads(json.dumps(running.state_dict(taken)))
    resumed = order(10, seed=3)
    resumed.load_state_dict(state)
    rest = [epochs[1][taken:], epochs[2], epochs[3]]
    assert [list(resumed) for _ in range(2)] == [part for part in rest if part][:2]


def test_states_without_a_count_stand_at_what_was_drawn() -> None:
    running = order(10, seed=3)
    ahead = iter(running)
    drawn = [next(ahead) for _ in range(4)]
    resumed = order(10, seed=3)
    resumed.load_state_dict(running.state_dict())
    assert resumed.state_dict() == running.state_dict()
    assert [*drawn, *resumed] == list(order(10, seed=3))


def test_the_state_of_another_order_is_refused() -> None:
    for other in (order(9, seed=3), order(10, seed=4), order(10, seed=3, ranks=2), order(10, seed=3, shuffle=False)):
        with pytest.raises(UsageError, match="the state is of another order"):
            order(10, seed=3).load_state_dict(other.state_dict())
    with pytest.raises(UsageError, match="no such rank: found rank 2 of 2, expected 0 to 1"):
        order(10, rank=2, ranks=2)


def heads(batches: Any) -> list[Any]:
    return [
        (b["scene"], b["frame"], b["labels"].sum(dim=(1, 2, 3)).tolist(), b["point_counts"].tolist()) for b in batches
    ]


def test_both_forms_make_the_same_batches(small: Path) -> None:
    targets = OccupancyTargets(small, points=True, flips="xy", seed=2)
    want = wanted(targets, epoch=0)
    assert heads(DataLoader(targets, batch_size=4, sampler=FrameOrder(targets, seed=9), collate_fn=collate)) == want
    batches = OccupancyBatches(targets, FrameOrder(targets, seed=9), 4)
    assert heads(DataLoader(batches, batch_size=None)) == want
    batches.set_epoch(1)
    assert heads(DataLoader(batches, batch_size=None)) == wanted(targets, epoch=1) != want
    batches.set_epoch(1, taken=3)
    assert heads(DataLoader(batches, batch_size=None)) == wanted(targets, epoch=1)[3:]
    assert len(batches) == 4
    assert len(OccupancyBatches(targets, FrameOrder(targets), 4, whole=True)) == 3


def test_spawned_workers_change_nothing(small: Path) -> None:
    """In the epoch that is set after they began; what this process has open is not theirs."""
    targets = OccupancyTargets(small, points=True, flips="xy", seed=2)
    batches = OccupancyBatches(targets, FrameOrder(targets, seed=9), 4)
    want = [wanted(targets, epoch) for epoch in range(2)]
    loader = DataLoader(
        batches, batch_size=None, num_workers=2, multiprocessing_context="spawn", persistent_workers=True
    )
    assert heads(loader) == want[0]
    batches.set_epoch(1)
    assert heads(loader) == want[1]


@pytest.mark.slow
@pytest.mark.parametrize("start", ["fork", "forkserver", "spawn"])
def test_workers_of_the_map_style_form_change_nothing(start: str, small: Path) -> None:
    targets = OccupancyTargets(small, points=True, flips="xy", seed=2)
    want = wanted(targets, epoch=0)
    loader = DataLoader(
        targets, batch_size=4, sampler=FrameOrder(targets, seed=9), collate_fn=collate, num_workers=2,
        multiprocessing_context=start,
    )  # fmt: skip
    assert heads(loader) == want
    assert heads(loader) == wanted(targets, epoch=1)


def wanted(targets: OccupancyTargets, epoch: int) -> list[Any]:
    places = FrameOrder(targets, seed=9).order(epoch)
    return heads(collate([targets[Draw(place, epoch)] for place in places[i : i + 4]]) for i in range(0, 15, 4))


ALONE = """
import sys
BLOCKED = {%s}
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from occ_pipeline.pipeline.targets import OccupancyTargets
targets = OccupancyTargets(sys.argv[1], scenes=["a"], offsets="instance_offsets", points=True, images="encoded", flips="x")
print(sorted(targets[1]))
"""
NOT_NEEDED = (
    "dask distributed numba llvmlite open3d scipy filelock PIL matplotlib cv2 rich typer psutil nuscenes small_gicp"
    " defusedxml platformdirs pymeshlab pandas tqdm"
)


def test_training_needs_little(small: Path) -> None:
    """Torch, NumPy, Zarr with what it decodes by, and pydantic, which manifests are checked with."""
    blocked = ", ".join(repr(name) for name in NOT_NEEDED.split())
    ended = subprocess.run(
        [sys.executable, "-c", ALONE % blocked, str(small)], capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert "image_bytes" in ended.stdout
