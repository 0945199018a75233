"""A store small enough to train on in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from occ_pipeline.pipeline.training.settings import TrainSettings
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.tests.pipeline.training_data.small_store import small_store
from occ_pipeline.tests.stages.networks.conftest import one_thread

__all__ = ["one_thread"]
SMALL = {
    "channels": 8, "groups": 2, "encoder_blocks": (1, 1, 1), "trunk_blocks": (1, 1, 1), "aggregation_layers": 1,
    "volume_stride": 2, "offset_stride": 4, "drop_path": 0.5,
}  # fmt: skip
NETWORK = [word for name, value in SMALL.items() for word in ("--set", f"network.{name}={list(value) if isinstance(value, tuple) else value}")]  # fmt: skip
"""The same on the command line."""


def settings(**changes: Any) -> TrainSettings:
    """A run of six steps of a small network, its branches dropped at random."""
    usual: dict[str, Any] = {
        "steps": 6, "batch": 2, "workers": 0, "device": "cpu", "validation_every": 0, "checkpoint_every": 3, "log_every": 1,
        "network_options": SMALL,
    }  # fmt: skip
    return TrainSettings(**usual | changes)


@pytest.fixture(scope="session")
def even(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise on a grid of 8 x 8 x 4 voxels. Nobody writes into it."""
    grid = VoxelGrid((-2.0, -2.0, -1.0), 0.5, (8, 8, 4), "ego")
    return small_store(tmp_path_factory.mktemp("even") / "even.zarr", grid).path


def same(a: Any, b: Any) -> bool:
    """Whether two checkpoints hold the same bits."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(*pair) for pair in zip(a, b, strict=True))
    return a == b
