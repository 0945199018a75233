"""Points of cells against a loop over points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.stages.networks.config import VoxDetConfig
from occ_pipeline.stages.networks.points import PointEncoder, chosen, point_cells

GRID = VoxelGrid((-4.0, -3.0, -1.0), 0.5, (16, 12, 4))
CONFIG = VoxDetConfig(
    input="lidar", grid=GRID, classes=3, channels=8, groups=2, points_per_cell=3, encoder_blocks=(1, 1, 1),
    trunk_blocks=(1, 1, 1),
)  # fmt: skip


def cloud(points: int, seed: int) -> torch.Tensor:
    """(N, 5) float32, some outside the grid."""
    rng = np.random.default_rng(seed)
    places = rng.uniform((-5, -4, -2), (5, 4, 2), (points, 3))
    return torch.from_numpy(np.hstack([places, rng.random((points, 2))]).astype(np.float32))


def encoder() -> PointEncoder:
    torch.manual_seed(0)
    return PointEncoder(CONFIG)


def slow_features(points: np.ndarray, most: list[int]) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """(len(most), 11) features of the kept points and their cells, of one frame."""
    grid = VoxelGrid(GRID.min_m, 1.0, (8, 6, 2))
    cells, _ = grid.index(points[:, :3])
    found: list[np.ndarray] = []
    for i in most:
        together = [j for j in most if (cells[j] == cells[i]).all()]
        place, mean = points[i, :3] - GRID.min_m, np.mean(points[together, :3], axis=0) - GRID.min_m
        found.append(np.concatenate([place - cells[i] - 0.5, place - mean, place / grid.shape, points[i, 3:]]))
    return np.array(found), [tuple(cells[i].tolist()) for i in most]


def test_cells_are_those_of_the_grid() -> None:
    points = torch.cat([cloud(200, 0), cloud(50, 1)])
    points[0, :3] = torch.tensor([4.0, 0.0, 0.0])
    points[1, :3] = torch.tensor([-4.0, -3.0, -1.0])
    points[2, 0] = float("nan")
    found = point_cells(points, torch.tensor([200, 50]), torch.tensor(GRID.min_m), 1.0, (8, 6, 2)).tolist()
    grid = VoxelGrid(GRID.min_m, 1.0, (8, 6, 2))
    for n, (point, cell) in enumerate(zip(points.double().numpy(), found, strict=True)):
        (index,), (inside,) = grid.index(np.nan_to_num(point[None, :3], nan=99.0))
        want = (n >= 200) * 96 + np.ravel_multi_index(tuple(index), (8, 6, 2)) if inside else 192
        assert cell == want
    assert found[0] == 192, "the upper bound is outside"
    assert found[1] == 0
    assert found[2] == 192, "what is no place is nowhere"


def test_as_many_points_as_allowed_are_kept() -> None:
    cells = torch.from_numpy(np.random.default_rng(0).integers(0, 9, 100))
    kept = chosen(cells, torch.tensor([100]), 5)
    for cell in range(9):
        assert int(kept[cells == cell].sum()) == min(5, int((cells == cell).sum()))


def test_the_choice_is_spread_and_knows_no_other_frame() -> None:
    cells = torch.zeros(1000, dtype=torch.int64)
    kept = chosen(cells, torch.tensor([1000]), 35).nonzero().squeeze(1)
    assert torch.bincount(kept // 250, minlength=4).tolist() == pytest.approx([8.75] * 4, abs=2)
    behind = chosen(torch.cat([torch.full((37,), 5), cells]), torch.tensor([37, 1000]), 35)[37:]
    assert torch.equal(behind.nonzero().squeeze(1), kept)


def test_features_and_the_largest_of_them() -> None:
    one, clouds = encoder(), [cloud(60, 2), cloud(0, 0), cloud(90, 3)]
    counts = torch.tensor([len(c) for c in clouds])
    volume = one.scattered(torch.cat(clouds), counts)
    assert volume.shape == (3, 8, 8, 6, 2)
    for frame, points in enumerate(clouds):
        inside = point_cells(points, torch.tensor([len(points)]), one.low, 1.0, one.shape)
        kept = chosen(inside, torch.tensor([len(points)]), 3) & (inside < 96)
        features, cells = slow_features(points.double().numpy(), kept.nonzero().squeeze(1).tolist())
        want = np.zeros((8, 8, 6, 2))
        for feature, cell in zip(features, cells, strict=True):
            each = one.each(torch.from_numpy(feature).float()).detach().numpy()
            want[(slice(None), *cell)] = np.maximum(want[(slice(None), *cell)], each)
        assert np.allclose(volume[frame].detach(), want, atol=1e-5)


def test_gradients_reach_the_points_network() -> None:
    one, counts = encoder().double(), torch.tensor([12])
    points = cloud(12, 4).double() * 0.4
    weights = [p for p in one.each.parameters() if p.ndim == 2]

    def summed(*_: torch.Tensor) -> torch.Tensor:
        return one.scattered(points, counts).square().sum()

    assert torch.autograd.gradcheck(summed, weights, eps=1e-7, atol=1e-4, fast_mode=True)


def test_points_that_are_no_numbers_change_nothing() -> None:
    one, points = encoder(), cloud(40, 5)
    broken = torch.tensor([[float("nan")] * 5, [0.0, float("inf"), 0, 0, 0], [1e30, 0, 0, 0, 0]])
    volumes = [one.scattered(p, torch.tensor([len(p)])) for p in (points, torch.cat([points, broken]))]
    assert torch.equal(*volumes)
    volumes[1].sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in one.each.parameters() if p.grad is not None)


def test_no_points_at_all() -> None:
    volume = encoder()({"points": torch.zeros(0, 5), "point_counts": torch.tensor([0, 0])})
    assert volume.shape == (2, 8, 8, 6, 2)
    assert torch.isfinite(volume).all()
