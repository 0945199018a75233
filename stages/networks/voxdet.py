"""VoxDet: semantic occupancy as dense object detection (Li et al. 2025, arXiv 2506.04623)."""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import resized
from .config import VoxDetConfig
from .lifting import CameraLifting
from .outputs import Batch, Outputs
from .points import PointEncoder
from .predictor import Head, TaskDecoupledPredictor
from .spatial_encoder import SpatiallyDecoupledEncoder


class VoxDet(nn.Module):
    """Points or images to classes and offsets of every voxel."""

    def __init__(self, config: VoxDetConfig) -> None:
        super().__init__()
        self.config = config
        self.lift = PointEncoder(config) if config.input == "lidar" else CameraLifting(config)
        self.encoder = SpatiallyDecoupledEncoder(config)
        self.predictor = TaskDecoupledPredictor(config)
        self.auxiliary = Head(config.channels, config.groups, config.classes) if config.auxiliary else None

    def forward(self, batch: Batch) -> Outputs:
        """Outputs on the configuration's grid: of LiDAR from ``points``, else from ``images``. KeyError for keys not there."""
        volume: Tensor = self.lift(batch)
        logits, offsets = self.predictor(*self.encoder(volume))
        shape = self.config.grid.shape
        auxiliary = None if self.auxiliary is None else resized(self.auxiliary(volume), shape)
        return Outputs(resized(logits, shape), offsets, auxiliary)
