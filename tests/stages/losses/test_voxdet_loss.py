"""The L1 loss on offsets against loops, and how the terms come together."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from occ_pipeline.stages.losses.classification import class_weights, cross_entropy, semantic_affinity
from occ_pipeline.stages.losses.offset_targets import offset_targets
from occ_pipeline.stages.losses.regression import Reduction, offset_loss
from occ_pipeline.stages.losses.voxdet_loss import LossConfig, VoxDetLoss
from occ_pipeline.stages.networks.outputs import Outputs

SHAPE = (8, 4, 4)


def labels() -> torch.Tensor:
    rng = np.random.default_rng(3)
    some = rng.integers(0, 3, (2, *SHAPE)).astype(np.uint8)
    some[rng.random(some.shape) < 0.3] = 255
    return torch.from_numpy(some)


def outputs() -> Outputs:
    torch.manual_seed(0)
    logits, auxiliary = torch.randn(2, 2, 3, *SHAPE).double()
    return Outputs(logits, torch.rand(2, 6, 4, 2, 2).double(), auxiliary)


def slow_loss(at: torch.Tensor, regressed: set[int], reduction: Reduction) -> float:
    """Of ``outputs()`` and labels (2, 8, 4, 4), voxel by voxel."""
    predicted, target = outputs().offsets, offset_targets(at)
    assert predicted is not None
    total, valid, counted = 0.0, 0, 0
    for b, x, y, z in np.ndindex(2, 4, 2, 2):
        label = int(at[b, 2 * x, 2 * y, 2 * z])
        off = 0.0
        for d in range(6):
            share = np.float32(target[b, d, 2 * x, 2 * y, 2 * z]) / np.float32(SHAPE[d // 2])
            off += abs(float(predicted[b, d, x, y, z]) - float(share))
        valid += label != 255
        counted += label in regressed
        if label in regressed or (reduction == "released" and label == 255):
            total += off
    return 0.5 * total / max(counted if reduction == "masked" else valid, 1)


@pytest.mark.parametrize("reduction", ["masked", "released"])
@pytest.mark.parametrize("regressed", [None, (0, 2), (1, 2), ()])
def test_offsets_as_defined(reduction: Reduction, regressed: tuple[int, ...] | None) -> None:
    loss = VoxDetLoss(LossConfig(classes=3, regression=1.5, reduction=reduction, regressed=regressed))
    found = loss(outputs(), labels()).terms["regression"]
    want = slow_loss(labels(), set(range(3) if regressed is None else regressed), reduction)
    assert float(found) == pytest.approx(1.5 * want, rel=1e-6)


def test_both_ways_to_average_agree_where_nothing_is_ignored() -> None:
    torch.manual_seed(0)
    predicted, target = torch.rand(2, 2, 6, 3, 2, 2)
    every = torch.ones(2, 3, 2, 2, dtype=torch.bool)
    found = [offset_loss(predicted, target, every, every, way) for way in ("masked", "released")]
    assert float(found[0]) == pytest.approx(float(found[1]))
    assert float(found[0]) == pytest.approx(3 * float((predicted - target).abs().mean()))


def test_stored_offsets_and_uncleaned_labels() -> None:
    loss, uncleaned = VoxDetLoss(LossConfig(classes=3, reduction="released")), labels()
    cleaned = uncleaned.where(uncleaned != 1, 255)
    stored = offset_targets(uncleaned, 2).to(torch.uint16)
    of_stored = loss(outputs(), cleaned, offsets=stored).terms["regression"]
    of_uncleaned = loss(outputs(), cleaned, run_labels=uncleaned).terms["regression"]
    assert float(of_stored) == float(of_uncleaned) != float(loss(outputs(), cleaned).terms["regression"])


def test_terms_add_up_with_their_weights() -> None:
    weights = (0.2, 1.0, 0.5)
    config = LossConfig(classes=3, class_weights=weights, cross_entropy=3.0, geometric=0.0, auxiliary=0.25)
    given, of = outputs(), labels().long()
    losses = VoxDetLoss(config)(given, of)
    assert set(losses.terms) == {
        "cross_entropy", "semantic", "geometric", "regression", "auxiliary_cross_entropy", "auxiliary_semantic",
        "auxiliary_geometric",
    }  # fmt: skip
    assert float(losses.total) == pytest.approx(sum(map(float, losses.terms.values())))
    assert float(losses.terms["geometric"]) == 0
    by_class = torch.tensor(weights).double()
    assert given.auxiliary is not None
    assert float(losses.terms["cross_entropy"]) == pytest.approx(3 * float(cross_entropy(given.logits, of, by_class)))
    assert float(losses.terms["auxiliary_cross_entropy"]) == pytest.approx(
        0.25 * float(cross_entropy(given.auxiliary, of, by_class))
    )
    assert float(losses.terms["auxiliary_semantic"]) == pytest.approx(
        0.25 * float(semantic_affinity(given.auxiliary.softmax(dim=1), of))
    )


def test_a_network_of_classes_alone() -> None:
    losses = VoxDetLoss(LossConfig(classes=3))(Outputs(outputs().logits), labels())
    assert set(losses.terms) == {"cross_entropy", "semantic", "geometric"}


def test_half_precision_is_not_summed_in_half_precision() -> None:
    given = outputs()
    half = Outputs(*(part.to(torch.bfloat16) for part in given if part is not None))
    single = Outputs(*(part.float() for part in half if part is not None))
    loss = VoxDetLoss(LossConfig(classes=3))
    assert loss(half, labels()).total.dtype == torch.float32
    assert float(loss(half, labels()).total) == float(loss(single, labels()).total)


def test_shapes_that_do_not_go_together() -> None:
    loss = VoxDetLoss(LossConfig(classes=3))
    with pytest.raises(ValueError, match=r"logits are of \(8, 4, 4\) voxels, labels of \(4, 4, 4\)"):
        loss(outputs(), labels()[:, :4])
    with pytest.raises(ValueError, match=r"predicted at \(2, 6, 4, 2, 2\), targets given at \(2, 6, 8, 4, 4\)"):
        loss(outputs(), labels(), offsets=offset_targets(labels()))


def test_published_weights_of_terms() -> None:
    weights = tuple(class_weights([10, 100]))
    lidar, camera, kitti360 = (LossConfig.published(of, weights) for of in ("lidar", "camera", "kitti360"))
    told = ("cross_entropy", "semantic", "geometric", "regression", "auxiliary")
    assert [getattr(lidar, t) for t in told] == [3, 1, 5, 1, 0.5]
    assert [getattr(camera, t) for t in told] == [3, 1, 1, 1, 0.2]
    assert [getattr(kitti360, t) for t in told] == [4, 4, 4, 1, 0.2]
    assert camera.reduction == "released"
    assert camera.classes == 2


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"free": 3}, "free must be one of at least 2 classes, found 3 of 3"),
        ({"class_weights": (1.0,)}, "there must be 3 class weights, found 1"),
        ({"class_weights": (1.0, -1.0, 0.0)}, "class weights must not be negative"),
        ({"auxiliary": -0.1}, "weights of terms must not be negative"),
        ({"regressed": (1, 3)}, r"regressed classes must be 0 to 2, found \(1, 3\)"),
    ],
)
def test_configurations_that_cannot_be(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(LossConfig(classes=3), **wrong)
