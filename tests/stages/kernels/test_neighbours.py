"""Neighbour searches against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.stages.kernels.neighbours import MAX_BUCKETS, Buckets


def brute_vote(queries: np.ndarray, points: np.ndarray, labels: np.ndarray, k: int, limit: float) -> np.ndarray:
    winners = []
    for query in queries:
        difference = points - query
        squared = (difference[:, 0] ** 2 + difference[:, 1] ** 2) + difference[:, 2] ** 2
        order = sorted(range(len(points)), key=lambda i: (squared[i], i))
        near = [labels[i] for i in order if squared[i] <= limit * limit][:k]
        winners.append(min(set(near), key=lambda label: (-near.count(label), label)) if near else 255)
    return np.array(winners, dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 80),
    k=st.integers(1, 7),
    edge=st.sampled_from([0.1, 0.25, 0.7]),
)
def test_vote_equals_brute_force(seed: int, count: int, k: int, edge: float) -> None:
    random = np.random.default_rng(seed)
    # On a lattice, so that equal distances happen.
    points = (random.integers(0, 12, (count, 3)) * 0.125).astype(np.float32)
    queries = (random.integers(-8, 20, (40, 3)) * 0.125).astype(np.float32)
    labels = random.integers(0, 4, count).astype(np.uint8)
    found = Buckets.of(points, edge).vote(queries, labels, k, 0.5)
    assert found.tolist() == brute_vote(queries, points, labels, k, 0.5).tolist()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 60))
def test_near_equals_brute_force(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    points = random.uniform(0, 2, (count, 3)).astype(np.float32)
    queries = random.uniform(-0.5, 2.5, (50, 3)).astype(np.float32)
    expected = (np.linalg.norm(points[None] - queries[:, None], axis=2) <= 0.3).any(axis=1)
    assert (Buckets.of(points, 0.35).near(queries, 0.3) == expected).all()


def test_no_points_means_no_label_and_nothing_near() -> None:
    empty = Buckets.of(np.zeros((0, 3), np.float32), 0.3)
    queries = np.zeros((2, 3), np.float32)
    assert empty.vote(queries, np.zeros(0, np.uint8), 3, 0.5).tolist() == [255, 255]
    assert not empty.near(queries, 0.3).any()


def test_a_limit_beyond_the_edge_and_an_absurd_extent_are_refused() -> None:
    with pytest.raises(ValueError, match="at least as wide"):
        Buckets.of(np.zeros((1, 3), np.float32), 0.3).near(np.zeros((1, 3), np.float32), 0.4)
    far = np.array([[0, 0, 0], [MAX_BUCKETS, 1, 1]], np.float32)
    with pytest.raises(ValueError, match="too many"):
        Buckets.of(far, 0.1)
