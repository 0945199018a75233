"""VoxDet's sizes and choices, with the published ones and each variant of the paper's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...schemas.grid import GRIDS, VoxelGrid

Input = Literal["lidar", "camera"]
Decoupling = Literal["planes", "block", "none"]
Triple = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class VoxDetConfig:
    """A VoxDet (Li et al. 2025). Raises ValueError for sizes and choices that do not go together.

    The defaults are the paper's full model; the docstrings name the table that takes each choice away.
    """

    input: Input
    grid: VoxelGrid
    """Of the labels. Points and poses of the batch are in its frame."""
    classes: int
    """K: logits per voxel, free space among them."""
    volume_stride: int = 2
    """Voxels of the grid to a cell of the features, along each axis."""
    offset_stride: int = 4
    """Voxels of the grid to a cell of the offset field: offsets are regressed, and borders are looked at, that coarsely."""

    channels: int = 128
    """C, of every 3D feature."""
    groups: int = 32
    """Of group normalisation."""
    encoder_blocks: Triple = (2, 2, 2)
    """Residual blocks of the shared encoder's three levels, each half as fine as the one before."""
    drop_path: float = 0.3
    """How often a frame skips the encoder's last residual block in training; earlier blocks more rarely, in proportion."""

    points_per_cell: int = 35
    """LiDAR: at most as many points of a cell are looked at."""
    trunk_blocks: Triple = (2, 2, 2)
    """LiDAR: residual blocks of three levels between the points' cells and the volume."""
    image_blocks: tuple[int, int, int, int] = (3, 4, 6, 3)
    """Camera: bottleneck blocks of the image backbone's four stages; these are ResNet-50's."""
    image_width: int = 64
    """Camera: channels of the backbone's first stage, before its expansion by four."""

    regression: bool = True
    """Regress offsets (Table 4: REG of TDP)."""
    aggregation: Literal["offsets", "learned", "none"] = "offsets"
    """Where each voxel looks for its instance: at regressed borders, at learned places (Table 5), or nowhere (Table 4)."""
    aggregation_layers: int = 4
    """N (Table 10)."""
    fusion: Literal["attention", "weights"] = "attention"
    """What weighs those places: queries and keys (Eq. 6), or weights from the voxel alone (Table 5)."""
    offset_scale: float = 1.0
    """Alpha: looks at alpha times the regressed offset (Fig. 5)."""
    released_sampling: bool = False
    """Looks at the transposed places that the released code looks at; for its weights only."""
    class_decoupling: Decoupling = "planes"
    """How class features part from the shared ones: in planes, by a residual block (Table 5), or not (Table 4: CLS of SVE)."""
    offset_decoupling: Decoupling = "planes"
    """The same of features for regression (Table 4: REG of SVE)."""
    task_shared: bool = False
    """One decoupled volume serves both tasks (Table 5)."""
    pooling: Literal["learned", "mean"] = "learned"
    """How volumes become planes: learned weights (Eq. 1), or the mean (Table 5)."""
    plane_convolution: Literal["deformable", "plain"] = "deformable"
    """Eq. 3, or plain convolutions (Table 5)."""
    auxiliary: bool = True
    """Classes are predicted from the lifted volume too (Eq. 8)."""

    def __post_init__(self) -> None:
        if not 2 <= self.classes <= 255:
            raise ValueError(f"classes must be 2 to 255, found {self.classes}")
        counts = (self.channels, self.groups, self.volume_stride, self.offset_stride, self.points_per_cell)
        sizes = (*counts, self.image_width, self.aggregation_layers)
        if min(*sizes, *self.encoder_blocks, *self.trunk_blocks, *self.image_blocks) < 1:
            raise ValueError(f"strides, widths, layers and blocks must be at least 1, found {self}")
        if self.channels % (2 * self.groups):
            raise ValueError(f"channels must be a multiple of 2 x {self.groups} groups, found {self.channels}")
        if self.offset_stride % self.volume_stride:
            raise ValueError(
                f"offset_stride must be a multiple of volume_stride {self.volume_stride}, found {self.offset_stride}"
            )
        if any(n % self.offset_stride for n in self.grid.shape):
            raise ValueError(f"the grid's shape must be a multiple of {self.offset_stride}, found {self.grid.shape}")
        if not 0 <= self.drop_path < 1:
            raise ValueError(f"drop_path must be 0 to below 1, found {self.drop_path}")
        if self.aggregation == "offsets" and not self.regression:
            raise ValueError("aggregation at regressed offsets needs regression; choose 'learned' or 'none'")
        if self.task_shared and self.class_decoupling != self.offset_decoupling:
            raise ValueError(
                f"one volume for both tasks has one decoupling, found {self.class_decoupling!r} and {self.offset_decoupling!r}"
            )

    @property
    def volume_shape(self) -> Triple:
        """Cells of the features along x, y, z."""
        x, y, z = (n // self.volume_stride for n in self.grid.shape)
        return (x, y, z)

    @property
    def offset_shape(self) -> Triple:
        """Cells of the offset field along x, y, z."""
        x, y, z = (n // self.offset_stride for n in self.grid.shape)
        return (x, y, z)

    @classmethod
    def published(cls, of: Input) -> VoxDetConfig:
        """Of Tables 1 and 3: SemanticKITTI, 20 classes, features of 128 x 128 x 16 cells (App. C.2).

        LiDAR: 20.5 million parameters, the paper's 22.1 with an input network that is not described. Camera: 37.0 million, the
        paper's 52.8 with a depth network and deformable attention, which are left out. What both share has the paper's counts
        (Table 4): 1.7 million a decoupled task, 0.2 for regression; but 0.3 for aggregation, the paper's 0.5.
        """
        return cls(input=of, grid=GRIDS["semantickitti"], classes=20)
