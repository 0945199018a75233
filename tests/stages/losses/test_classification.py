"""Losses on classes against MonoScene's own formulation, voxel by voxel."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from occ_pipeline.stages.losses.classification import (
    class_weights,
    cross_entropy,
    geometric_affinity,
    semantic_affinity,
)

SEMANTICKITTI = [
    5417730330, 15783539, 125136, 118809, 646799, 821951, 262978, 283696, 204750, 61688703, 4502961, 44883650, 2269923,
    56840218, 15719652, 158442623, 2061623, 36970522, 1151988, 334146,
]  # fmt: skip
"""Voxels of each class, LMSCNet's count."""


def drawn(classes: int = 4, seed: int = 0, ignored: float = 0.2) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (2, classes, 3, 4, 2))
    labels = rng.integers(0, classes, (2, 3, 4, 2))
    labels[rng.random(labels.shape) < ignored] = 255
    return torch.from_numpy(logits), torch.from_numpy(labels)


def voxels(probabilities: torch.Tensor, labels: torch.Tensor) -> list[tuple[np.ndarray, int]]:
    """Probabilities (K,) and label of each voxel that is not ignored."""
    rows = probabilities.movedim(1, -1).reshape(-1, probabilities.shape[1]).numpy()
    return [(row, int(label)) for row, label in zip(rows, labels.flatten(), strict=True) if label != 255]


def slow_cross_entropy(logits: torch.Tensor, labels: torch.Tensor, weights: list[float]) -> float:
    some = voxels(logits, labels)
    costs = [weights[label] * (math.log(sum(math.exp(v) for v in row)) - row[label]) for row, label in some]
    return sum(costs) / sum(weights[label] for _, label in some)


def slow_affinity(claims: list[float], truths: list[bool], epsilon: float = 0.0) -> float:
    """-log of precision, recall and specificity of one class; a denominator of nothing costs nothing."""
    hit = sum(p for p, t in zip(claims, truths, strict=True) if t)
    left = sum(1 - p for p, t in zip(claims, truths, strict=True) if not t)
    pairs = [(hit, sum(claims)), (hit, sum(truths)), (left, len(truths) - sum(truths))]
    return sum(-math.log(part / (whole + epsilon)) for part, whole in pairs if whole)


def slow_semantic(probabilities: torch.Tensor, labels: torch.Tensor) -> float:
    some = voxels(probabilities, labels)
    present = sorted({label for _, label in some})
    return float(np.mean([slow_affinity([r[c] for r, _ in some], [t == c for _, t in some]) for c in present]))


def slow_geometric(probabilities: torch.Tensor, labels: torch.Tensor, free: int) -> float:
    some = voxels(probabilities, labels)
    return slow_affinity([1 - r[free] for r, _ in some], [t != free for _, t in some], 1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_as_defined(seed: int) -> None:
    logits, labels = drawn(seed=seed)
    weights = [0.1, 2.0, 0.7, 0.3]
    assert float(cross_entropy(logits, labels, torch.tensor(weights).double())) == pytest.approx(
        slow_cross_entropy(logits, labels, weights)
    )
    assert float(cross_entropy(logits, labels)) == pytest.approx(slow_cross_entropy(logits, labels, [1.0] * 4))
    probabilities = logits.softmax(dim=1)
    assert float(semantic_affinity(probabilities, labels)) == pytest.approx(slow_semantic(probabilities, labels))
    for free in (0, 2):
        assert float(geometric_affinity(probabilities, labels, free)) == pytest.approx(
            slow_geometric(probabilities, labels, free)
        )


def test_absent_classes_are_left_out_and_a_lone_one_has_no_specificity() -> None:
    logits, labels = drawn()
    probabilities = logits.softmax(dim=1)
    few = labels.where((labels == 0) | (labels == 255), 1)
    assert float(semantic_affinity(probabilities, few)) == pytest.approx(slow_semantic(probabilities, few))
    one = labels.where(labels == 255, 3)
    found = float(semantic_affinity(probabilities, one))
    assert found == pytest.approx(slow_semantic(probabilities, one))
    mine = probabilities[:, 3][one == 3].mean()
    assert found == pytest.approx(-math.log(float(mine))), "precision is 1, recall what is claimed"


def test_right_and_sure_costs_nothing_and_wrong_and_sure_is_finite() -> None:
    _, labels = drawn(ignored=0)
    sure = torch.nn.functional.one_hot(labels, 4).movedim(-1, 1).float() * 1000
    for logits, low, high in ((sure, 0.0, 1e-4), (-sure, 50.0, 5000.0)):
        logits.requires_grad_()
        probabilities = logits.softmax(dim=1)
        total = semantic_affinity(probabilities, labels) + geometric_affinity(probabilities, labels, 0)
        total = total + cross_entropy(logits, labels)
        assert low <= float(total.detach()) <= high
        (gradient,) = torch.autograd.grad(total, logits)
        assert torch.isfinite(gradient).all()


def test_where_all_is_ignored_there_is_no_loss() -> None:
    logits, labels = drawn(ignored=1.1)
    logits.requires_grad_()
    probabilities = logits.softmax(dim=1)
    total = cross_entropy(logits, labels, torch.ones(4).double()) + semantic_affinity(probabilities, labels)
    total = total + geometric_affinity(probabilities, labels, 0)
    assert float(total.detach()) == 0
    (gradient,) = torch.autograd.grad(total, logits)
    assert not gradient.any()


@pytest.mark.parametrize("only", [0, 2])
def test_geometry_of_one_side_alone(only: int) -> None:
    logits, labels = drawn()
    probabilities, one = logits.softmax(dim=1), labels.where(labels == 255, only)
    claims = [1 - row[0] for row, _ in voxels(probabilities, one)]
    mean = float(np.mean(claims))
    want = -math.log(1 - mean) if only == 0 else -math.log(mean)
    assert float(geometric_affinity(probabilities, one, 0)) == pytest.approx(want, rel=1e-5)


def test_ignored_voxels_do_not_matter() -> None:
    logits, labels = drawn()
    other = logits.where((labels != 255).unsqueeze(1), 9.0)
    for loss in (
        cross_entropy,
        lambda x, y: semantic_affinity(x.softmax(dim=1), y),
        lambda x, y: geometric_affinity(x.softmax(dim=1), y, 0),
    ):
        assert float(loss(logits, labels)) == pytest.approx(float(loss(other, labels)))


def test_gradients() -> None:
    logits, labels = drawn(classes=3)
    logits.requires_grad_()
    weights = torch.tensor([0.2, 1.0, 0.5]).double()
    assert torch.autograd.gradcheck(lambda x: cross_entropy(x, labels, weights), logits, fast_mode=True)
    assert torch.autograd.gradcheck(lambda x: semantic_affinity(x.softmax(dim=1), labels), logits, fast_mode=True)
    assert torch.autograd.gradcheck(lambda x: geometric_affinity(x.softmax(dim=1), labels, 0), logits, fast_mode=True)


def test_single_precision_is_enough_for_millions_of_voxels() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 5, 128, 128, 32, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 5, (1, 128, 128, 32), generator=generator)
    fine, coarse = ((semantic_affinity(x.softmax(dim=1), labels)) for x in (logits, logits.float()))
    assert float(coarse) == pytest.approx(float(fine), rel=1e-5)


def test_published_weights() -> None:
    found = class_weights(SEMANTICKITTI)
    assert [round(w, 5) for w in found[:5]] == [0.04462, 0.06033, 0.0852, 0.08558, 0.07474]
    assert [round(w, 5) for w in found[-2:]] == [0.07165, 0.07862]


def test_few_voxels_weigh_no_more_than_one_and_none_nothing() -> None:
    found = class_weights([0, 1, 2, 3, 1000])
    assert found[0] == 0
    assert found[1] == found[2] == pytest.approx(1, abs=1e-3)
    assert 0 < found[4] < found[3] < 1
