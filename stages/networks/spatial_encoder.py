"""VoxDet's spatially decoupled voxel encoder: one volume in, features for classes and for offsets out (Sec. 4.2)."""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import Pyramid3d, ResidualBlock3d, ResidualEncoder3d
from .config import Decoupling, VoxDetConfig
from .planes import PlaneDecoupling


class TaskBranch(nn.Module):
    """Features of one task from the shared encoder's levels: each level decoupled, then a feature pyramid.

    All levels are decoupled, as Eq. 3 says and as 1.7 million parameters a task (Table 4) bear out.
    """

    def __init__(self, config: VoxDetConfig, decoupling: Decoupling) -> None:
        super().__init__()
        levels = len(config.encoder_blocks)
        self.levels = nn.ModuleList(_decoupled(config, decoupling) for _ in range(levels))
        self.pyramid = Pyramid3d(config.channels, config.groups, levels)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Volumes (B, C, ...), the finest first, to one of the finest's shape."""
        return self.pyramid([own(shared) for own, shared in zip(self.levels, levels, strict=True)])


class SpatiallyDecoupledEncoder(nn.Module):
    """Shared residual levels, then a branch per task. Without regression, and where tasks share, there is one branch."""

    def __init__(self, config: VoxDetConfig) -> None:
        super().__init__()
        self.shared = ResidualEncoder3d(config.channels, config.groups, config.encoder_blocks, config.drop_path)
        self.classes = TaskBranch(config, config.class_decoupling)
        both = config.task_shared or not config.regression
        self.offsets = None if both else TaskBranch(config, config.offset_decoupling)

    def forward(self, volume: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, X, Y, Z) to V_cls and V_reg of that shape, which are one tensor where there is one branch."""
        levels = self.shared(volume)
        classes = self.classes(levels)
        return classes, classes if self.offsets is None else self.offsets(levels)


def _decoupled(config: VoxDetConfig, decoupling: Decoupling) -> nn.Module:
    if decoupling == "planes":
        return PlaneDecoupling(
            config.channels, config.groups, config.pooling == "learned", config.plane_convolution == "deformable"
        )
    return ResidualBlock3d(config.channels, config.groups) if decoupling == "block" else nn.Identity()
