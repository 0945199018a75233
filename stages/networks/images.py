"""A residual network on images (He et al. 2016) and a pyramid over its levels, one feature map at an eighth of the size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_EXPANSION = 4
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1 convolutions beside the identity: (B, C, H, W) to (B, 4 ``width``, H / ``stride``, ...)."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = _EXPANSION * width
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            if stride > 1 or inputs != outputs
            else None
        )

    def forward(self, features: Tensor) -> Tensor:
        """One block."""
        past = features if self.downsample is None else self.downsample(features)
        features = torch.relu(self.bn1(self.conv1(features)))
        features = torch.relu(self.bn2(self.conv2(features)))
        return torch.relu(self.bn3(self.conv3(features)) + past)


class ResNet(nn.Module):
    """Four stages of bottlenecks. Its parameters have torchvision's names, so ResNet-50's published weights load but for ``fc``.

    torchvision's images are normalised by ImageNet's mean and deviation; so are these, inside.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, blocks: tuple[int, int, int, int], width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        widths = [width * 2**stage for stage in range(4)]
        inputs = [width, *(_EXPANSION * w for w in widths[:3])]
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _stage(i, w, n, 2 if stage else 1)
            for stage, (i, w, n) in enumerate(zip(inputs, widths, blocks, strict=True))
        )
        for name, values in (("mean", _MEAN), ("deviation", _DEVIATION)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in 0..1 to features at an eighth, a sixteenth and a thirty-second of the size."""
        features = torch.relu(self.bn1(self.conv1((images - self.mean) / self.deviation)))
        fine = self.layer2(self.layer1(functional.max_pool2d(features, 3, 2, 1)))
        middle = self.layer3(fine)
        return [fine, middle, self.layer4(middle)]


class ImageFeatures(nn.Module):
    """The backbone and a feature pyramid (Lin et al. 2017): (B, 3, H, W) in 0..1 to (B, C, H / 8, W / 8), rounded up."""

    def __init__(self, blocks: tuple[int, int, int, int], width: int, channels: int) -> None:
        super().__init__()
        self.backbone = ResNet(blocks, width)
        self.laterals = nn.ModuleList(nn.Conv2d(_EXPANSION * width * 2**s, channels, 1) for s in (1, 2, 3))
        self.out = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """One feature map."""
        fine, *coarser = [own(level) for own, level in zip(self.laterals, self.backbone(images), strict=True)]
        for level in coarser:
            fine = fine + functional.interpolate(level, size=fine.shape[2:], mode="bilinear", align_corners=False)
        return self.out(fine)


def _stage(inputs: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    rest = [Bottleneck(_EXPANSION * width, width, 1) for _ in range(blocks - 1)]
    return nn.Sequential(Bottleneck(inputs, width, stride), *rest)
