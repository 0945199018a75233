"""Cells in images against the pipeline's own projection, and the mean over cameras that see them."""

from __future__ import annotations

import numpy as np
import torch
from occ_pipeline.schemas.cameras import inside, project
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.stages.networks.config import VoxDetConfig
from occ_pipeline.stages.networks.images import ImageFeatures, ResNet
from occ_pipeline.stages.networks.lifting import CameraLifting
from occ_pipeline.tests.stages.networks import slow

GRID = VoxelGrid((0.0, -4.0, -2.0), 0.5, (16, 16, 8))
CONFIG = VoxDetConfig(
    input="camera", grid=GRID, classes=3, channels=8, groups=2, image_blocks=(1, 1, 1, 1), image_width=4
)
SIZE = (48, 32)
AHEAD = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
"""camera_SE3_grid of a camera at the grid's origin that looks along x."""


def cameras() -> tuple[torch.Tensor, torch.Tensor]:
    """Poses (1, 3, 4, 4) and intrinsics (1, 3, 3, 3): two look ahead, one a metre to the side of the other; one looks back."""
    side, back = AHEAD.copy(), AHEAD.copy()
    side[0, 3] = 1.0
    back[[0, 2]] *= -1
    intrinsics = np.array([[30.0, 0, 24], [0, 30, 16], [0, 0, 1]])
    poses = torch.from_numpy(np.array([[AHEAD, side, back]]))
    return poses, torch.from_numpy(np.tile(intrinsics, (1, 3, 1, 1)))


def test_the_mean_over_cameras_that_see_a_cell() -> None:
    poses, intrinsics = cameras()
    features = torch.from_numpy(np.random.default_rng(0).random((1, 3, 2, 4, 6)))
    lifting = CameraLifting(CONFIG).double()
    found = lifting.lifted(features, poses, intrinsics, SIZE)
    assert found.shape == (1, 2, 8, 8, 4)
    seen_by = np.zeros(found.shape[2:], int)
    for index in np.ndindex(*found.shape[2:]):
        middle = np.array(GRID.min_m) + np.array(index) + 0.5
        reads = []
        for camera in range(3):
            pixels, _ = project(middle[None], poses[0, camera].numpy(), intrinsics[0, camera].numpy())
            if inside(pixels, SIZE)[0]:
                column, row = pixels[0] / 8 - 0.5
                reads.append(slow.read(features[0, camera].numpy(), (row, column), border=True))
        seen_by[index] = len(reads)
        want = np.mean(reads, axis=0) if reads else np.zeros(2)
        assert np.allclose(found[(0, slice(None), *index)], want, atol=1e-6)
    assert set(np.unique(seen_by)) == {0, 1, 2}


def test_gradients_reach_the_images() -> None:
    torch.manual_seed(0)
    poses, intrinsics = (part.float() for part in cameras())
    images = torch.rand(2, 3, 3, 32, 48, requires_grad=True)
    batch = {
        "images": images,
        "camera_SE3_grid": poses.expand(2, -1, -1, -1),
        "intrinsics": intrinsics.expand(2, -1, -1, -1),
    }
    volume = CameraLifting(CONFIG)(batch)
    assert volume.shape == (2, 8, 8, 8, 4)
    volume.square().sum().backward()
    assert images.grad is not None
    assert (images.grad[:, :2].abs().amax(dim=(2, 3, 4)) > 0).all()


def test_the_backbone_is_a_resnet_50() -> None:
    with torch.device("meta"):
        net = ResNet((3, 4, 6, 3), 64)
    assert sum(p.numel() for p in net.parameters()) == 25_557_032 - 2048 * 1000 - 1000, "torchvision's, without fc"
    names = set(net.state_dict())
    assert {
        "conv1.weight",
        "bn1.running_var",
        "layer1.0.downsample.1.bias",
        "layer4.2.bn3.num_batches_tracked",
    } <= names
    assert len(names) == 318


def test_images_are_normalised_as_imagenet() -> None:
    torch.manual_seed(0)
    net, images = ResNet((1, 1, 1, 1), 4).eval(), torch.rand(1, 3, 32, 32)
    seen: list[torch.Tensor] = []
    net.conv1.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    net(images)
    for channel, (mean, deviation) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        assert torch.allclose(seen[0][:, channel], (images[:, channel] - mean) / deviation)


def test_features_are_at_an_eighth() -> None:
    torch.manual_seed(0)
    levels = ResNet((1, 1, 1, 1), 4)(torch.rand(2, 3, 50, 33))
    assert [tuple(level.shape) for level in levels] == [(2, 32, 7, 5), (2, 64, 4, 3), (2, 128, 2, 2)]
    features = ImageFeatures((1, 1, 1, 1), 4, 8)(torch.rand(1, 3, 50, 33))
    assert features.shape == (1, 8, 7, 5)
