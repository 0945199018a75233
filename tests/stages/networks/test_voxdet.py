"""The whole network: published size, every variant of the paper's tables, and that it learns."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.stages.losses.voxdet_loss import LossConfig, VoxDetLoss
from occ_pipeline.stages.networks.aggregation import InstanceAggregation
from occ_pipeline.stages.networks.blocks import DropPath, ResidualEncoder3d
from occ_pipeline.stages.networks.config import Input, VoxDetConfig
from occ_pipeline.stages.networks.voxdet import VoxDet

GRID = VoxelGrid((0.0, -2.0, -1.0), 0.5, (16, 8, 8))
TINY = VoxDetConfig(
    input="lidar", grid=GRID, classes=4, channels=16, groups=4, encoder_blocks=(1, 1, 1), trunk_blocks=(1, 1, 1),
    drop_path=0.0, aggregation_layers=2,
)  # fmt: skip


def millions(config: VoxDetConfig) -> float:
    with torch.device("meta"):
        return sum(p.numel() for p in VoxDet(config).parameters()) / 1e6


def scenes() -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Four small grids of random blocks of four voxels, half of them free, and points on what is not."""
    torch.manual_seed(0)
    labels = torch.randint(1, 4, (4, 4, 2, 2)) * torch.randint(0, 2, (4, 4, 2, 2))
    for axis in (1, 2, 3):
        labels = labels.repeat_interleave(4, axis)
    clouds: list[torch.Tensor] = []
    for frame in labels:
        voxels = frame.nonzero()
        places = torch.tensor(GRID.min_m) + (voxels + torch.rand(len(voxels), 3)) * GRID.voxel_m
        brightness = frame[tuple(voxels.T)][:, None] / 4
        clouds.append(torch.cat([places, brightness, torch.zeros_like(brightness)], dim=1))
    return {"points": torch.cat(clouds), "point_counts": torch.tensor([len(c) for c in clouds])}, labels


@pytest.mark.parametrize(("of", "published", "left_out"), [("lidar", 22.1, 0.0), ("camera", 52.8, 15.8)])
def test_as_many_parameters_as_published(of: Input, published: float, left_out: float) -> None:
    """The camera's depth network and deformable attention are left out, for which 15.8 million remain."""
    assert millions(VoxDetConfig.published(of)) == pytest.approx(published - left_out, rel=0.1)


def test_parts_have_the_parameters_of_table_4() -> None:
    full = VoxDetConfig.published("lidar")
    no_offset_planes = dataclasses.replace(full, offset_decoupling="none")
    neither = dataclasses.replace(no_offset_planes, class_decoupling="none")
    assert millions(full) - millions(no_offset_planes) == pytest.approx(1.7, abs=0.1), "(f) without (e)"
    assert millions(full) - millions(neither) == pytest.approx(3.4, abs=0.1), "(f) without (c)"
    unaware = dataclasses.replace(neither, aggregation="none", task_shared=True)
    without = dataclasses.replace(unaware, regression=False)
    assert millions(unaware) - millions(without) == pytest.approx(0.2, abs=0.05), "(b) without (a)"


def test_the_published_shapes() -> None:
    config = VoxDetConfig.published("lidar")
    assert config.volume_shape == (128, 128, 16)
    assert config.offset_shape == (64, 64, 8)


VARIANTS: dict[str, dict[str, Any]] = {
    "Table 4 (a)": {
        "regression": False, "aggregation": "none", "class_decoupling": "none", "offset_decoupling": "none",
    },
    "Table 4 (b)": {"aggregation": "none", "class_decoupling": "none", "offset_decoupling": "none"},
    "Table 4 (c)": {"class_decoupling": "none", "offset_decoupling": "none"},
    "Table 4 (d)": {"class_decoupling": "none"},
    "Table 4 (e)": {"offset_decoupling": "none"},
    "Table 4 (f)": {},
    "self-attention": {"aggregation": "learned"},
    "weighted fusion": {"fusion": "weights"},
    "average pooling": {"pooling": "mean"},
    "convolution": {"plane_convolution": "plain"},
    "residual blocks": {"class_decoupling": "block", "offset_decoupling": "block"},
    "task-shared": {"task_shared": True},
    "Fig. 5": {"offset_scale": 0.8},
    "released": {"released_sampling": True},
    "no auxiliary": {"auxiliary": False},
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_of_a_variant_learns(variant: str) -> None:
    torch.manual_seed(0)
    config = dataclasses.replace(TINY, **VARIANTS[variant])
    net, (batch, labels) = VoxDet(config), scenes()
    outputs = net(batch)
    assert outputs.logits.shape == (4, 4, 16, 8, 8)
    assert (outputs.auxiliary is not None) == config.auxiliary
    assert (outputs.offsets is not None) == config.regression
    if outputs.offsets is not None:
        assert outputs.offsets.shape == (4, 6, 4, 2, 2)
        assert 0 < outputs.offsets.min() < outputs.offsets.max() < 1
    VoxDetLoss(LossConfig(classes=4))(outputs, labels).total.backward()
    without = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().max()}
    # What all keys have in common changes no weight, unless places outside read zeros.
    assert {name for name in without if not name.endswith("keys.1.bias")} == set()


def test_variants_differ() -> None:
    batch, _ = scenes()
    found: set[bytes] = set()
    for name in (
        "Table 4 (f)",
        "self-attention",
        "weighted fusion",
        "average pooling",
        "convolution",
        "Fig. 5",
        "released",
    ):
        torch.manual_seed(0)
        net = VoxDet(dataclasses.replace(TINY, **VARIANTS[name])).eval()
        with torch.no_grad():
            found.add(net(batch).logits.numpy().tobytes())
    assert len(found) == 7


def test_four_grids_are_learned_by_heart() -> None:
    torch.manual_seed(0)
    batch, labels = scenes()
    net, loss = VoxDet(TINY), VoxDetLoss(LossConfig(classes=4))
    optimiser = torch.optim.AdamW(net.parameters(), 7e-3)
    for _ in range(70):
        losses = loss(net(batch), labels)
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
    outputs = net(batch)
    assert (outputs.logits.argmax(dim=1) == labels).float().mean() > 0.95


@pytest.mark.parametrize("aggregation", ["offsets", "learned"])
def test_places_stay_exact_in_mixed_precision(aggregation: Any) -> None:
    torch.manual_seed(0)
    net, (batch, labels) = VoxDet(dataclasses.replace(TINY, aggregation=aggregation)), scenes()
    single = net(batch)
    read: list[torch.dtype] = []
    for module in net.modules():
        if isinstance(module, InstanceAggregation):
            module.register_forward_pre_hook(lambda _, args: read.append(args[1].dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = net(batch)
    assert set(read) == {torch.float32}
    assert mixed.offsets.dtype == torch.float32
    assert torch.allclose(mixed.offsets, single.offsets, atol=0.05)
    VoxDetLoss(LossConfig(classes=4))(mixed, labels).total.backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())


def test_frames_do_not_depend_on_their_neighbours() -> None:
    torch.manual_seed(0)
    net, (batch, _) = VoxDet(TINY).eval(), scenes()
    first = int(batch["point_counts"][0])
    alone = {"points": batch["points"][:first], "point_counts": batch["point_counts"][:1]}
    with torch.no_grad():
        together, single = net(batch), net(alone)
    assert torch.allclose(together.logits[:1], single.logits, atol=1e-5)
    assert torch.allclose(together.offsets[:1], single.offsets, atol=1e-5)


def test_drop_path_leaves_frames_out_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    drop, ones = DropPath(0.25), torch.ones(4000, 1, 2)
    kept = drop(ones)
    assert kept.unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert torch.equal(kept[:, :, 0], kept[:, :, 1])
    assert float(kept.mean()) == pytest.approx(1, abs=0.03)
    assert drop.eval()(ones) is ones
    rates = [m.rate for m in ResidualEncoder3d(4, 2, (2, 2, 2), 0.3).modules() if isinstance(m, DropPath)]
    assert rates == pytest.approx([0, 0.06, 0.12, 0.18, 0.24, 0.3])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"classes": 1}, "classes must be 2 to 255, found 1"),
        ({"channels": 20}, "channels must be a multiple of 2 x 4 groups, found 20"),
        ({"offset_stride": 3}, "offset_stride must be a multiple of volume_stride 2, found 3"),
        ({"offset_stride": 16}, r"the grid's shape must be a multiple of 16, found \(16, 8, 8\)"),
        ({"drop_path": 1.0}, "drop_path must be 0 to below 1, found 1.0"),
        ({"aggregation_layers": 0}, "at least 1"),
        ({"regression": False}, "aggregation at regressed offsets needs regression; choose 'learned' or 'none'"),
        ({"task_shared": True, "class_decoupling": "none"}, "one decoupling, found 'none' and 'planes'"),
    ],
)
def test_configurations_that_cannot_be(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(TINY, **wrong)
