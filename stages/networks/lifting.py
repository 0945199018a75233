"""Images as a volume of features: each cell reads what the cameras show where its middle is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .blocks import ConvNorm3d
from .config import VoxDetConfig
from .images import ImageFeatures
from .outputs import Batch

_NEAREST_M = 0.1


def image_places(middles: Tensor, camera_SE3_grid: Tensor, intrinsics: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, N, 2): where ``middles`` (N, 3), metres, lie in images of ``size`` width and height, -1 to 1 from edge to edge.

    ``camera_SE3_grid`` (B, 4, 4), ``intrinsics`` (B, 3, 3). Points less than 0.1 m in front of the camera are at 2: outside.
    """
    seen = middles @ camera_SE3_grid[:, :3, :3].transpose(1, 2) + camera_SE3_grid[:, None, :3, 3]
    depth = seen[..., 2:]
    ahead = depth > _NEAREST_M
    pixels = (seen / depth.where(ahead, 1.0)) @ intrinsics[:, :2].transpose(1, 2)
    return (2 * pixels / pixels.new_tensor(size) - 1).where(ahead, 2.0)


class CameraLifting(nn.Module):
    """Images to the volume V: the mean, over cameras that see a cell's middle, of their features there, bilinear.

    Much simpler than the paper's, which estimates depth (a frozen stereo network, LSS) and queries image features along it with
    three layers of 3D deformable attention: here all cells on a pixel's ray read the same, as in MonoScene (Cao and de Charette
    2022), and what is in front is left to the network behind.
    """

    middles: Tensor

    def __init__(self, config: VoxDetConfig) -> None:
        super().__init__()
        self.shape = config.volume_shape
        self.images = ImageFeatures(config.image_blocks, config.image_width, config.channels)
        self.mix = ConvNorm3d(config.channels, config.channels, 1, config.groups)
        axes = [
            low + config.grid.voxel_m * config.volume_stride * (torch.arange(n, dtype=torch.float32) + 0.5)
            for low, n in zip(config.grid.min_m, self.shape, strict=True)
        ]
        middles = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).view(-1, 3)
        self.register_buffer("middles", middles, persistent=False)

    def forward(self, batch: Batch) -> Tensor:
        """(B, C, X, Y, Z) from ``images``, ``camera_SE3_grid`` and ``intrinsics``."""
        images = batch["images"]
        features = self.images(images.flatten(0, 1)).unflatten(0, images.shape[:2])
        mean = self.lifted(features, batch["camera_SE3_grid"], batch["intrinsics"], (images.shape[4], images.shape[3]))
        return self.mix(mean)

    def lifted(self, features: Tensor, poses: Tensor, intrinsics: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, C, X, Y, Z): mean of ``features`` (B, M, C, h, w) of images of ``size`` width and height; 0 where none looks."""
        batch, cameras, channels = features.shape[:3]
        total = features.new_zeros(batch, channels, len(self.middles))
        seen = features.new_zeros(batch, 1, len(self.middles))
        for camera in range(cameras):
            places = image_places(self.middles, poses[:, camera], intrinsics[:, camera], size)
            inside = (places.abs() <= 1).all(dim=2).unsqueeze(1)
            read = functional.grid_sample(
                features[:, camera], places.unsqueeze(1), padding_mode="border", align_corners=False
            )
            total = total + read.squeeze(2) * inside
            seen = seen + inside
        return (total / seen.clamp(min=1)).view(batch, channels, *self.shape)
