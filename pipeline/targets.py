"""The seam to training: a store's targets as a torch dataset, for any network.

>>> from occ_pipeline.pipeline.targets import OccupancyTargets
>>> targets = OccupancyTargets("labels.zarr", "carved_occupancy", split="train", flips="xy")  # doctest: +SKIP
>>> targets[0]["labels"]  # doctest: +SKIP
"""

from __future__ import annotations

from .training_data.dataset import Draw, OccupancyTargets, Sample

__all__ = ["Draw", "OccupancyTargets", "Sample"]
