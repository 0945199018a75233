"""Datasets by name, and what stages do differently on each: known without importing any reader."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .parameters import Values

DEFAULT = "nuscenes"
_KITTI: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # The grid of the scene completion benchmark: occ3d's lies around the vehicle. Cells of 0.05 m for its voxels of 0.2 m
        # were tried: 0.7 % more of a held-out real scan's returns lie in occupied voxels, and on a simulated street, whose truth
        # is exact, precision falls from 0.949 to 0.916, since fewer returns share in a cell's mean.
        "densify": {"grid": "semantickitti"},
        # Returns of its car reach 1.5 m to both sides of the midline, at the height of its mirrors.
        "separate": {"ego_box_m": (-1.3, -1.6, -0.5, 4.0, 1.6, 2.3)},
    }
)
DATASETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "kitti": _KITTI,
        "kitti360": _KITTI,
        # The recipe's own grid reaches ahead along the LiDAR's x axis, which points to the right here.
        "nuscenes": {"scan-votes": {"grid": "occ3d"}},
        "semantickitti": _KITTI,
    }
)
"""Keys of ``sources.SOURCES``; parameters above the stages' defaults and below all that a user gives."""


def values_of(dataset: str | None) -> Values:
    """Parameters of a dataset, none of one that nobody knows: it is refused where the log is opened."""
    return DATASETS.get(dataset or DEFAULT, {})
