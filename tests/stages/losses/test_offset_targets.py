"""Offset targets against the stage that stores them, and that stage's own restatement."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from occ_pipeline.schemas.occupancy import State
from occ_pipeline.stages.losses.offset_targets import normalised, offset_targets
from occ_pipeline.stages.voxnt import instance_offsets, normalise, run_classes, sampled
from occ_pipeline.tests.stages.test_voxnt import compute_all_direction_distances, grids


@given(grids())
@settings(max_examples=25, deadline=None)
def test_what_the_stage_stores(labels: np.ndarray) -> None:
    if labels.dtype == np.uint16:
        labels = labels.astype(np.int32)
    found = offset_targets(torch.from_numpy(labels)[None])
    assert found.dtype == torch.int32
    assert np.array_equal(found[0].numpy(), compute_all_direction_distances(labels))
    whole = instance_offsets(labels)
    for stride in (2, 4):
        few = offset_targets(torch.from_numpy(labels)[None], stride)[0]
        assert np.array_equal(few.numpy(), sampled(whole, stride))
        shape = labels.shape
        share = normalised(few, shape).numpy()
        assert share.dtype == np.float32
        assert share.tobytes() == sampled(normalise(whole), stride).tobytes(), "the same bits"  # type: ignore[arg-type]


def test_frames_of_a_batch_are_apart() -> None:
    labels = torch.from_numpy(np.random.default_rng(0).integers(0, 3, (3, 9, 7, 5)).astype(np.uint8))
    found = offset_targets(labels)
    for frame in range(3):
        assert torch.equal(found[frame], offset_targets(labels[frame : frame + 1])[0])


@pytest.mark.parametrize("labels", [torch.zeros(1, 2, 2, 2), torch.zeros(2, 2, 2).int(), torch.zeros(1, 0, 2, 2).int()])
def test_other_tensors_are_refused(labels: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"labels must be integers \(B, X, Y, Z\)"):
        offset_targets(labels)
    with pytest.raises(ValueError, match="stride must be at least 1, found 0"):
        offset_targets(torch.zeros(1, 2, 2, 2).int(), 0)


def test_stored_offsets_differ_at_ignored_voxels_alone() -> None:
    rng = np.random.default_rng(5)
    state, semantics = rng.integers(0, 3, (9, 8, 7)).astype(np.uint8), rng.integers(0, 2, (9, 8, 7)).astype(np.uint8)
    semantics[rng.random(state.shape) < 0.3] = 255
    labels = np.where(state == State.OCCUPIED, np.where(semantics == 255, 255, semantics + 1), 255).astype(np.uint8)
    labels[state == State.FREE] = 0
    stored = instance_offsets(run_classes(state, semantics))
    differ = (offset_targets(torch.from_numpy(labels)[None])[0].numpy() != stored).any(axis=0)
    assert differ.any()
    assert (labels[differ] == 255).all()
