"""Ratios against voxels counted one by one, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from occ_pipeline.stages.confusion import Confusion


def drawn(seed: int, classes: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, predictions and a mask (2, 6, 5, 4); class 3 is nowhere."""
    rng = np.random.default_rng(seed)
    labels, predicted = (rng.choice([0, 1, 2, 4], (2, 6, 5, 4)) for _ in range(2))
    predicted = np.where(rng.random(labels.shape) < 0.6, labels, predicted)
    labels[rng.random(labels.shape) < 0.2] = 255
    assert classes == 5
    return labels.astype(np.uint8), predicted, rng.random(labels.shape) < 0.7


def counted(classes: int, free: int, *batches: tuple[np.ndarray, ...]) -> Confusion:
    confusion = Confusion(classes, free)
    for labels, predicted, *mask in batches:
        confusion.add(torch.from_numpy(predicted), torch.from_numpy(labels), *map(torch.from_numpy, mask))
    return confusion


@pytest.mark.parametrize("free", [0, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_voxel_by_voxel(free: int, masked: bool) -> None:
    batches = [drawn(seed) if masked else drawn(seed)[:2] for seed in (0, 1)]
    found = counted(5, free, *batches).ratios()
    pairs = [
        (int(t), int(p))
        for labels, predicted, *mask in batches
        for t, p, kept in zip(
            labels.flat, predicted.flat, (mask[0] if mask else np.ones_like(labels)).flat, strict=True
        )
        if t != 255 and kept
    ]

    def iou(true: list[bool], claimed: list[bool]) -> float | None:
        both = sum(t and c for t, c in zip(true, claimed, strict=True))
        either = sum(t or c for t, c in zip(true, claimed, strict=True))
        return both / either if either else None

    per_class = [iou([t == c for t, _ in pairs], [p == c for _, p in pairs]) for c in range(5)]
    assert list(found.per_class) == per_class
    assert per_class[3] is None
    assert found.iou == iou([t != free for t, _ in pairs], [p != free for _, p in pairs])
    judged = [value for c, value in enumerate(per_class) if c not in (free, 3)]
    assert found.miou == pytest.approx(float(np.mean(judged)))  # type: ignore[arg-type]
    assert found.voxels == len(pairs)
    right = sum(t != free and p != free for t, p in pairs)
    assert found.precision == right / sum(p != free for _, p in pairs)
    assert found.recall == right / sum(t != free for t, _ in pairs)


def test_as_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    labels, predicted, mask = drawn(2)
    confusion = counted(5, 0, (labels, predicted, mask))
    judged = mask & (labels != 255)
    want = metrics.confusion_matrix(labels[judged], predicted[judged], labels=range(5))
    assert np.array_equal(confusion.counts.numpy(), want)
    jaccard = metrics.jaccard_score(labels[judged], predicted[judged], labels=[1, 2, 4], average=None)
    assert [confusion.ratios().per_class[c] for c in (1, 2, 4)] == pytest.approx(jaccard.tolist())


def test_counts_beyond_what_floats_hold() -> None:
    confusion = Confusion(2)
    confusion.counts[1, 1] = 2**53
    confusion.add(torch.ones(3, dtype=torch.int64), torch.ones(3, dtype=torch.int64))
    assert confusion.ratios().voxels == 2**53 + 3


def test_nothing_to_judge() -> None:
    confusion = Confusion(3)
    assert confusion.ratios().iou is None
    confusion.add(torch.full((4,), 9), torch.full((4,), 255))
    found = confusion.ratios()
    assert (found.iou, found.miou, found.precision, found.voxels) == (None, None, None, 0)
    confusion.add(torch.zeros(4), torch.zeros(4))
    assert confusion.ratios().per_class == (1.0, None, None)
    assert confusion.ratios().iou is None, "nothing is occupied, and nothing was said to be"


@pytest.mark.parametrize(
    ("predicted", "labels", "words"),
    [
        ([3], [0], "predictions must be 0 to 2, found 3 to 3"),
        ([0], [254], "labels must be 0 to 2, found 254 to 254"),
        ([0, 0], [0], r"one shape, found \[\(2,\), \(1,\)\]"),
    ],
)
def test_other_voxels_are_refused(predicted: list[int], labels: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Confusion(3).add(torch.tensor(predicted), torch.tensor(labels))


@pytest.mark.parametrize(("classes", "free"), [(1, 0), (255, 0), (3, 3)])
def test_classes_that_cannot_be(classes: int, free: int) -> None:
    with pytest.raises(ValueError, match=f"found {free} of {classes}"):
        Confusion(classes, free)
