"""The seam to training: a store's targets as torch datasets, for any network.

.. code-block:: python

    from occ_pipeline.pipeline.targets import FrameOrder, OccupancyTargets, collate
    from torch.utils.data import DataLoader

    targets = OccupancyTargets("labels.zarr", "carved_occupancy", split="train", flips="xy", points=True)
    order = FrameOrder(targets, seed=1)
    for batch in DataLoader(targets, batch_size=4, sampler=order, collate_fn=collate, num_workers=2):
        batch["labels"]  # (4, X, Y, Z) uint8

``order.state_dict(taken)`` is saved with the network's weights. Of torch's ways to start workers, ``spawn`` and ``forkserver``
are safe beside threads; ``fork``, its default, is where nothing was read before.
"""

from __future__ import annotations

from .training_data.batches import OccupancyBatches
from .training_data.classes import TrainingClasses
from .training_data.collation import collate
from .training_data.dataset import Draw, OccupancyTargets, Sample
from .training_data.input_frames import InputFrames
from .training_data.order import FrameOrder
from .training_data.sensor_inputs import decoded

__all__ = [
    "Draw",
    "FrameOrder",
    "InputFrames",
    "OccupancyBatches",
    "OccupancyTargets",
    "Sample",
    "TrainingClasses",
    "collate",
    "decoded",
]
